/**
 * `uuid` ⇄ lower-case hyphenated string, as `crypto.randomUUID()` gives it.
 *
 * Wire: exactly 16 bytes, most significant first. Other spellings that the
 * server knows, such as `{...}`, go to it as text.
 * Source: uuid_recv, uuid_send and string_to_uuid, src/backend/utils/adt/uuid.c
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { string_text } from "./kinds.ts";
import { wrong_size } from "./malformed.ts";

const SIZE = 16; // bytes
const SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const HYPHEN = 0x2d;
/** ASCII codes of the hex digits. */
const HEX: Uint8Array = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

/** The `uuid` type. */
export const uuid: TypeCodec<string> = {
  name: "uuid",
  oid: 2950,
  array_oid: 2951,
  delimiter: ",",
  format: 1,

  decode(bytes, _view, start, length) {
    if (length !== SIZE) throw wrong_size("uuid", SIZE, length);
    return text_of(bytes, start);
  },

  decode_text(text) {
    return text;
  },

  has_binary(value) {
    return typeof value === "string" && SHAPE.test(value);
  },

  encode(writer, value) {
    const hex = (value as string).replaceAll("-", "");
    for (let at = 0; at < 2 * SIZE; at += 8) {
      writer.i32(parseInt(hex.slice(at, at + 8), 16));
    }
  },

  encode_text(value) {
    return string_text(value, "must be a string");
  },
};

/** One call that makes one flat string; joining parts leaves a tree of them. */
function text_of(bytes: Uint8Array, start: number): string {
  const high = (i: number) => HEX[bytes[start + i]! >> 4]!;
  const low = (i: number) => HEX[bytes[start + i]! & 15]!;
  // deno-fmt-ignore
  return String.fromCharCode(
    high(0), low(0), high(1), low(1), high(2), low(2), high(3), low(3), HYPHEN,
    high(4), low(4), high(5), low(5), HYPHEN,
    high(6), low(6), high(7), low(7), HYPHEN,
    high(8), low(8), high(9), low(9), HYPHEN,
    high(10), low(10), high(11), low(11), high(12), low(12),
    high(13), low(13), high(14), low(14), high(15), low(15),
  );
}
