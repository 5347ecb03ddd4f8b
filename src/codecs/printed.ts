/**
 * Types whose JavaScript form is the text that the server prints.
 *
 * Law: the bytes, where they are asked for, give the very text that the server
 * would print. What goes out is text, which the server judges.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { TypeCodec } from "./codec.ts";
import { string_text } from "./kinds.ts";

/** What sets one such type apart. */
export interface PrintedType {
  /** `pg_type.typname`. */
  readonly name: string;
  /** `pg_type.oid`. */
  readonly oid: number;
  /** `pg_type.typarray`. */
  readonly array_oid: number;
  /** Prints the binary form; without it results are asked for as text. */
  readonly decode?: TypeCodec<string>["decode"];
  /** The text of a value, or `DataError` with the rule. Default: strings only. */
  readonly encode_text?: (value: unknown) => string;
}

/** The codec of such a type. */
export function printed_codec(type: PrintedType): TypeCodec<string> {
  return {
    name: type.name,
    oid: type.oid,
    array_oid: type.array_oid,
    delimiter: ",",
    format: type.decode === undefined ? 0 : 1,
    decode: type.decode ?? text_only(type.name),

    decode_text(text) {
      return text;
    },

    has_binary: never_binary,
    encode: no_encode,
    encode_text: type.encode_text ?? only_strings,
  };
}

/** For types whose values all go out as text. */
export function never_binary(): boolean {
  return false;
}

/** Stands beside `never_binary`, which keeps callers away. */
export function no_encode(): void {
  throw new DataError("must go out as text");
}

/** Stands for a decoder of a binary form that does not tell what the text tells. */
export function text_only(name: string): () => never {
  return () => {
    throw new DataError(
      `cannot decode ${name}: it must come as text, but came in its binary form`,
      { hint: "inside an anonymous record, cast it to text" },
    );
  };
}

function only_strings(value: unknown): string {
  return string_text(value, "must be a string");
}
