/**
 * `uuid` ⇄ lower-case hyphenated string, as `crypto.randomUUID()` gives it.
 *
 * Wire: exactly 16 bytes, most significant first. Other spellings that the
 * server knows, such as `{...}`, go to it as text.
 * Source: uuid_recv, uuid_send and string_to_uuid, src/backend/utils/adt/uuid.c
 *
 * @module
 */

import { wrong_size } from "./check.ts";
import type { TypeCodec } from "./codec.ts";
import { string_text } from "./kinds.ts";

const SIZE = 16; // bytes
const SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const HEX: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

/** The `uuid` type. */
export const uuid: TypeCodec<string> = {
  name: "uuid",
  oid: 2950,
  array_oid: 2951,
  delimiter: ",",
  format: 1,

  decode(bytes, _view, start, length) {
    if (length !== SIZE) throw wrong_size("uuid", SIZE, length);
    return HEX[bytes[start]!]! + HEX[bytes[start + 1]!] + HEX[bytes[start + 2]!] +
      HEX[bytes[start + 3]!] + "-" + HEX[bytes[start + 4]!] + HEX[bytes[start + 5]!] + "-" +
      HEX[bytes[start + 6]!] + HEX[bytes[start + 7]!] + "-" + HEX[bytes[start + 8]!] +
      HEX[bytes[start + 9]!] + "-" + HEX[bytes[start + 10]!] + HEX[bytes[start + 11]!] +
      HEX[bytes[start + 12]!] + HEX[bytes[start + 13]!] + HEX[bytes[start + 14]!] +
      HEX[bytes[start + 15]!];
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
