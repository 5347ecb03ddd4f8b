/**
 * `bit`, `varbit` ⇄ string of `0` and `1`; `tid` ⇄ `(block,offset)`; `"char"` ⇄ one character.
 *
 * Wire: bits are counted in 32 bits and packed from the most significant; a
 * `tid` is 32 bits of block and 16 of offset; a `"char"` is one byte, which is
 * printed as `\ooo` in octal if it is not ASCII, and not at all if it is 0.
 * Source: bit_send, src/backend/utils/adt/varbit.c; tidsend, tid.c; charout, char.c
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { number_text, scalar_text } from "./kinds.ts";
import { malformed, wrong_size } from "./malformed.ts";
import { printed_codec } from "./printed.ts";

const EIGHT: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).padStart(8, "0"),
);

/** The `bit` type. */
export const bit: TypeCodec<string> = bits_codec("bit", 1560, 1561);
/** The `varbit` type. */
export const varbit: TypeCodec<string> = bits_codec("varbit", 1562, 1563);

/** The `tid` type: where a row lies. */
export const tid: TypeCodec<string> = printed_codec({
  name: "tid",
  oid: 27,
  array_oid: 1010,
  decode(_bytes, view, start, length) {
    if (length !== 6) throw wrong_size("tid", 6, length);
    return `(${view.getUint32(start)},${view.getUint16(start + 4)})`;
  },
});

/** The `"char"` type: one byte. */
export const char: TypeCodec<string> = printed_codec({
  name: '"char"',
  oid: 18,
  array_oid: 1002,
  decode(bytes, _view, start, length) {
    if (length !== 1) throw wrong_size('"char"', 1, length);
    const byte = bytes[start]!;
    if (byte === 0) return "";
    return byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`;
  },
  encode_text: (value) => scalar_text(value, "must be a string"),
});

function bits_codec(name: string, oid: number, array_oid: number): TypeCodec<string> {
  return printed_codec({
    name,
    oid,
    array_oid,
    decode(bytes, view, start, length) {
      const count = length < 4 ? -1 : view.getInt32(start);
      if (count < 0 || Math.ceil(count / 8) !== length - 4) {
        throw malformed(name, `${length} bytes are not what its header says`);
      }
      let text = "";
      for (let at = start + 4; at < start + length; at++) text += EIGHT[bytes[at]!];
      return text.slice(0, count);
    },
    encode_text: (value) => number_text(value, "must be a string of 0 and 1"),
  });
}
