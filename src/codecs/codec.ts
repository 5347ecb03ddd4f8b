/**
 * The contract between a PostgreSQL type and a JavaScript type.
 *
 * `Codec` is what users write. `TypeCodec` is what the library runs: it reads a
 * value where it lies and writes into the message being built. Law: decoding
 * the binary and the text form of one value gives the same result.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";

/** Wire format of a value: 0 is text, 1 is binary. */
export type Format = 0 | 1;

/** A user's own conversion of one PostgreSQL type. Immutable while in use. */
export interface Codec<T = unknown> {
  /** The type: `"name"` for a builtin, `"schema.name"` for any other. */
  readonly name: string;
  /** `pg_type.oid`, where known; otherwise the type is looked up by `name`. */
  readonly oid?: number;
  /** `pg_type.typarray`, where known; otherwise arrays of the type are looked up, too. */
  readonly array_oid?: number;
  /**
   * Format of the bytes that `decode` reads and `encode` writes. Default: `"binary"`. One composite
   * value has no parts of both, nor has one COPY.
   */
  readonly format?: "binary" | "text";
  /** Reads one value, never null. `body` is exactly the value's bytes, and the callee's to keep. */
  decode(body: Uint8Array): T;
  /** Writes one value, never null, or throws `DataError`. */
  encode(value: T): Uint8Array;
}

/** A conversion as the library runs it. One value of this type per PostgreSQL type. */
export interface TypeCodec<T = unknown> {
  /** `pg_type.typname`, such as `"uuid"`; with its schema for types that are not built in. */
  readonly name: string;
  /** `pg_type.oid`. */
  readonly oid: number;
  /** `pg_type.typarray`; 0 where there is none. */
  readonly array_oid: number;
  /** `pg_type.typdelim`, between the elements of a text array. */
  readonly delimiter: string;
  /** The format that results are asked for in: binary where it is exact and safe. */
  readonly format: Format;
  /** Whether the type's own values are arrays, so that in an array of them a nested array is an element. */
  readonly is_list?: boolean;
  /** Whether it is a user's, so that even a string or a number is its own to convert. */
  readonly is_users?: boolean;
  /** Whether there are floats in it, which text rounds where `extra_float_digits` is below 1. */
  readonly has_floats?: boolean;
  /**
   * Reads a binary value at `bytes[start, start + length)`, which the caller
   * has checked to lie inside `bytes`. Checks `length` and everything within.
   *
   * @throws {DataError} If the bytes are malformed, or the value has no JavaScript form.
   */
  decode(bytes: Uint8Array, view: DataView, start: number, length: number): T;
  /** Reads a value in the server's text form. Throws as `decode` does. */
  decode_text(text: string): T;
  /** Whether `value`, never null, has an exact binary form here; if so `encode` cannot fail for its kind. */
  has_binary(value: unknown): boolean;
  /** Writes the binary form of a value that `has_binary`, without a length in front. */
  encode(writer: ByteWriter, value: unknown): void;
  /**
   * The text form of a value that is not null: what the server's input function reads.
   *
   * @throws {DataError} If the value's kind does not fit the type. The message
   * is the rule alone, such as `must be an integer from -32768 to 32767`.
   */
  encode_text(value: unknown): string;
}

/** What a user's options change about the builtin codecs. */
export interface CodecOptions {
  /** How `int8` and `xid8` are read. Default: `"bigint"`. */
  readonly int8?: "bigint" | "number" | "string";
  /** Read the date and time types as `Temporal` objects. Default: false. */
  readonly temporal?: boolean;
  /** Parse `json` and `jsonb`; otherwise they stay text. Default: true. */
  readonly enable_json?: boolean;
  /** Read `hstore` as an object; otherwise it stays text. Default: true. */
  readonly enable_hstore?: boolean;
}
