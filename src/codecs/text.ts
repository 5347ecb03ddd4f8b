/**
 * The text types ⇄ string: the bytes are the text, in either format.
 *
 * Law: what the server prints is what the user gets, and what the user gives is
 * what the server reads; numbers, bigints and booleans are given as their text.
 * Source: textrecv and textsend, src/backend/utils/adt/varlena.c
 *
 * @module
 */

import { decode_utf8 } from "../bytes/utf8.ts";
import type { TypeCodec } from "./codec.ts";
import { scalar_text } from "./kinds.ts";

/** The types whose binary form is their text. */
export const texts: readonly TypeCodec<string>[] = [
  text_codec("text", 25, 1009),
  text_codec("varchar", 1043, 1015),
  text_codec("bpchar", 1042, 1014),
  text_codec("name", 19, 1003),
  text_codec("xml", 142, 143),
  text_codec("unknown", 705, 0),
  text_codec("cstring", 2275, 1263),
  text_codec("refcursor", 1790, 2201),
];

/** A type whose binary form is its text, as enums and `citext` are too. */
export function text_codec(name: string, oid: number, array_oid: number): TypeCodec<string> {
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,

    decode(bytes, _view, start, length) {
      return decode_utf8(bytes, start, start + length);
    },

    decode_text(text) {
      return text;
    },

    has_binary(value) {
      return typeof value === "string";
    },

    encode(writer, value) {
      writer.text(value as string);
    },

    encode_text(value) {
      return scalar_text(value, "must be a string");
    },
  };
}
