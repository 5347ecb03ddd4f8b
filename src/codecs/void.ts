/**
 * `void` → null: what a function that returns nothing returns.
 *
 * Source: void_send and void_out, src/backend/utils/adt/pseudotypes.c
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { TypeCodec } from "./codec.ts";
import { wrong_size } from "./malformed.ts";
import { never_binary, no_encode } from "./printed.ts";

/** The `void` type. */
export const void_type: TypeCodec<null> = {
  name: "void",
  oid: 2278,
  array_oid: 0,
  delimiter: ",",
  format: 1,

  decode(_bytes, _view, _start, length) {
    if (length !== 0) throw wrong_size("void", 0, length);
    return null;
  },

  decode_text() {
    return null;
  },

  has_binary: never_binary,
  encode: no_encode,

  encode_text() {
    throw new DataError("must be left out");
  },
};
