/**
 * UTF-8 to text, fast for the short ASCII strings that most columns hold.
 *
 * @module
 */

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads `bytes[start, end)`; malformed sequences become U+FFFD. The result keeps no chunk alive. */
export function decode_utf8(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}
