/**
 * `bool` ⇄ boolean.
 *
 * Wire: one byte, 0 or 1; text `t` or `f`.
 * Source: boolrecv, boolsend and boolout, src/backend/utils/adt/bool.c
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { number_text } from "./kinds.ts";
import { malformed_text, wrong_size } from "./malformed.ts";

/** The `bool` type. */
export const bool: TypeCodec<boolean> = {
  name: "bool",
  oid: 16,
  array_oid: 1000,
  delimiter: ",",
  format: 1,

  decode(bytes, _view, start, length) {
    if (length !== 1) throw wrong_size("bool", 1, length);
    return bytes[start] !== 0; // as boolrecv does
  },

  decode_text(text) {
    if (text === "t") return true;
    if (text === "f") return false;
    throw malformed_text("bool");
  },

  has_binary(value) {
    return typeof value === "boolean";
  },

  encode(writer, value) {
    writer.u8(value === true ? 1 : 0);
  },

  encode_text(value) {
    if (typeof value === "boolean") return value ? "t" : "f";
    return number_text(value, "must be a boolean"); // 1 and 0 are read too
  },
};
