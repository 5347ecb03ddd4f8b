/**
 * UTF-8 to text, the costliest step of reading most results.
 *
 * Measured on Deno 2.9, Bun 1.4 and Node 24, in ns a string of 6 / 20 ASCII
 * characters: `TextDecoder` 170-350 / 190-310; the host's own slice, which needs
 * no subarray, 100-145 / 110-150; appending characters 54-78 / over 150. So short
 * ASCII is appended, the rest is the host's, and `TextDecoder` serves where the
 * host has none (workerd). This is the one place that looks for `Buffer`.
 *
 * Law: a string never keeps the receive buffer alive. Malformed sequences become U+FFFD.
 *
 * @module
 */

/** Reads `this[start, end)`. */
type Slice = (this: Uint8Array, start: number, end: number) => string;

/** Node's `Buffer`, which Deno and Bun have too. */
interface BufferHost {
  readonly Buffer?: { readonly prototype: { readonly utf8Slice?: Slice } };
}

const SHORT = 8; // bytes
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const slice: Slice = (globalThis as BufferHost).Buffer?.prototype.utf8Slice ??
  function (start, end) {
    return decoder.decode(this.subarray(start, end));
  };

/** Reads `bytes[start, end)`, which must lie inside. */
export function decode_utf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT) return slice.call(bytes, start, end);
  let text = "";
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return slice.call(bytes, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}
