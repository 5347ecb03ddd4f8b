/**
 * UTF-8 to text, the costliest step of reading most results.
 *
 * Measured on Deno 2.9, Bun 1.4 and Node 24, in ns a string:
 *
 * ```text
 *                              V8              JSC
 * bytes, all ASCII         4   11   20     4   11   20
 * String.fromCharCode     17   28   43    47   61   90
 * the host's slice        45   47   50    51   39   38
 * bytes, not all ASCII        11   18         11   18
 * String.fromCharCode         40   42         73   79
 * the host's slice            66   94         52   60
 * a result of 400,000        105              355
 * the same by fromCharCode    66              245
 * ```
 *
 * So what is very short or short and not ASCII is put together here, the rest is the host's, and
 * `TextDecoder`, which takes 170 to 350 ns, serves where the host has no slice (workerd). Appending
 * character by character is as fast as the first line, but leaves a tree of parts behind that is put
 * together when the text is used. This is the one place that looks for `Buffer`.
 *
 * Law: a string never keeps the receive buffer alive. Malformed sequences become U+FFFD, as
 * `TextDecoder` has it.
 *
 * Source: https://encoding.spec.whatwg.org/#utf-8-decoder
 *
 * @module
 */

/** Reads `this[start, end)`. */
type Slice = (this: Uint8Array, start: number, end: number) => string;

/** Node's `Buffer`, which Deno and Bun have too. */
interface BufferHost {
  readonly Buffer?: { readonly prototype: { readonly utf8Slice?: Slice } };
}

const VERY_SHORT = 8; // bytes
const SHORT = 32; // bytes
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const slice: Slice = (globalThis as BufferHost).Buffer?.prototype.utf8Slice ??
  function (start, end) {
    return decoder.decode(this.subarray(start, end));
  };

/** By length: what `fromCharCode` is given, so that none is made for it. */
const units: readonly number[][] = Array.from({ length: SHORT + 1 }, (_, n) => Array(n).fill(0));

/** Reads `bytes[start, end)`, which must lie inside. */
export function decode_utf8(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > SHORT) return slice.call(bytes, start, end);
  const ascii = units[length]!;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    if (byte > 0x7f) return decode_mixed(bytes, start, end);
    ascii[i] = byte;
  }
  if (length > VERY_SHORT) return slice.call(bytes, start, end);
  return String.fromCharCode.apply(null, ascii);
}

/** Reads what is short and not all ASCII. */
function decode_mixed(bytes: Uint8Array, start: number, end: number): string {
  const all = units[SHORT]!;
  let count = 0;
  for (let at = start; at < end;) {
    const byte = bytes[at]!;
    const size = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    const code = at + size > end ? -1 : code_point(bytes, at, size);
    if (code < 0) return slice.call(bytes, start, end); // malformed
    at += size;
    if (code < 0x10000) {
      all[count++] = code;
    } else {
      all[count++] = 0xd7c0 + (code >> 10); // surrogates
      all[count++] = 0xdc00 + (code & 0x3ff);
    }
  }
  const exact = units[count]!;
  for (let i = 0; i < count; i++) exact[i] = all[i]!;
  return String.fromCharCode.apply(null, exact);
}

/** The character whose sequence has `size` bytes; below 0 if they are none. */
function code_point(bytes: Uint8Array, at: number, size: number): number {
  const first = bytes[at]!;
  if (size === 1) return first;
  const second = bytes[at + 1]! ^ 0x80;
  if (size === 2) return first < 0xc2 || second > 0x3f ? -1 : (first & 0x1f) << 6 | second;
  const third = bytes[at + 2]! ^ 0x80;
  if (second > 0x3f || third > 0x3f) return -1;
  if (size === 3) {
    const code = (first & 0xf) << 12 | second << 6 | third;
    return code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? -1 : code;
  }
  const fourth = bytes[at + 3]! ^ 0x80;
  const code = (first & 0xf) << 18 | second << 12 | third << 6 | fourth;
  return fourth > 0x3f || code < 0x10000 || code > 0x10ffff ? -1 : code;
}
