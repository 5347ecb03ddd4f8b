/**
 * `int2`, `int4`, `oid`, `xid`, `cid` ⇄ number; `int8`, `xid8` ⇄ bigint, or as `int8` says.
 *
 * Wire: 2, 4 or 8 bytes, most significant first; the types that count objects and
 * transactions have no sign. A bigint is as good as a number, and a string is the server's to judge.
 * Source: src/backend/utils/adt/int.c, int8.c, oid.c, xid.c and xid8funcs.c
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { DataError } from "../errors.ts";
import type { CodecOptions, TypeCodec } from "./codec.ts";
import { number_text, string_text } from "./kinds.ts";
import { malformed_text, wrong_size } from "./malformed.ts";

const SHORT = 15; // digits, less than 2^53
const DIGITS = /^-?\d{1,20}$/; // no more: BigInt() is slow on long texts

/** The `int2` type. */
export const int2: TypeCodec<number> = integer("int2", 21, 1005, 2, -0x8000, 0x7fff);
/** The `int4` type. */
export const int4: TypeCodec<number> = integer("int4", 23, 1007, 4, -0x80000000, 0x7fffffff);
/** The `oid` type: an object's id. */
export const oid: TypeCodec<number> = integer("oid", 26, 1028, 4, 0, 0xffffffff);
/** The `xid` type: a transaction's id, which wraps around. */
export const xid: TypeCodec<number> = integer("xid", 28, 1011, 4, 0, 0xffffffff);
/** The `cid` type: a command's number in its transaction. */
export const cid: TypeCodec<number> = integer("cid", 29, 1012, 4, 0, 0xffffffff);

/** `int8` and `xid8`, read as `mode` says. */
export function big_integers(mode: CodecOptions["int8"] = "bigint"): TypeCodec[] {
  return [
    big_integer("int8", 20, 1016, true, mode),
    big_integer("xid8", 5069, 271, false, mode),
  ];
}

function integer(
  name: string,
  oid: number,
  array_oid: number,
  size: 2 | 4,
  min: number,
  max: number,
): TypeCodec<number> {
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,
    decode: small_decoder(name, size, min < 0),

    decode_text(text) {
      return read_integer(text, name);
    },

    has_binary(value) {
      return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
    },

    encode(writer, value) {
      if (size === 2) writer.i16(value as number);
      else writer.i32(value as number);
    },

    encode_text(value) {
      return integer_text(value, min, max);
    },
  };
}

/** One function for each width, so that none asks on the way. */
function small_decoder(name: string, size: 2 | 4, signed: boolean): TypeCodec<number>["decode"] {
  if (size === 2) {
    return (_bytes, view, start, length) => {
      if (length !== 2) throw wrong_size(name, 2, length);
      return view.getInt16(start);
    };
  }
  if (signed) {
    return (_bytes, view, start, length) => {
      if (length !== 4) throw wrong_size(name, 4, length);
      return view.getInt32(start);
    };
  }
  return (_bytes, view, start, length) => {
    if (length !== 4) throw wrong_size(name, 4, length);
    return view.getUint32(start);
  };
}

function big_integer(
  name: string,
  oid: number,
  array_oid: number,
  signed: boolean,
  mode: "bigint" | "number" | "string",
): TypeCodec {
  const min = signed ? -(2n ** 63n) : 0n;
  const max = signed ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,
    decode: big_decoder(name, signed, mode),

    decode_text(text) {
      // Short texts are exact as numbers, which are faster to read.
      const value = text.length <= SHORT ? read_integer(text, name) : null;
      if (value === null && !DIGITS.test(text)) throw malformed_text(name);
      if (mode === "string") return text;
      return mode === "number" ? safe(name, Number(text)) : BigInt(value ?? text);
    },

    has_binary(value) {
      if (typeof value === "bigint") return value >= min && value <= max;
      return Number.isSafeInteger(value) && (signed || (value as number) >= 0);
    },

    encode(writer: ByteWriter, value) {
      writer.i64(BigInt(value as bigint | number)); // setBigInt64() takes the low 64 bits
    },

    encode_text(value) {
      return integer_text(value, min, max);
    },
  };
}

function big_decoder(
  name: string,
  signed: boolean,
  mode: "bigint" | "number" | "string",
): TypeCodec["decode"] {
  if (mode === "number") {
    return (_bytes, view, start, length) => {
      if (length !== 8) throw wrong_size(name, 8, length);
      const high = signed ? view.getInt32(start) : view.getUint32(start);
      return safe(name, high * 0x100000000 + view.getUint32(start + 4));
    };
  }
  if (mode === "string") {
    return (_bytes, view, start, length) => {
      if (length !== 8) throw wrong_size(name, 8, length);
      return String(signed ? view.getBigInt64(start) : view.getBigUint64(start));
    };
  }
  if (signed) {
    return (_bytes, view, start, length) => {
      if (length !== 8) throw wrong_size(name, 8, length);
      return view.getBigInt64(start);
    };
  }
  return (_bytes, view, start, length) => {
    if (length !== 8) throw wrong_size(name, 8, length);
    return view.getBigUint64(start);
  };
}

function read_integer(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || text === "") throw malformed_text(name);
  return value;
}

function safe(name: string, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new DataError(
    `cannot decode ${name}: it must be within ±(2^53 - 1) to be a number, but is beyond`,
    { hint: 'use the option int8: "bigint" or "string"' },
  );
}

function integer_text(value: unknown, min: number | bigint, max: number | bigint): string {
  const rule = `must be an integer from ${min} to ${max}`;
  if (typeof value !== "number" && typeof value !== "bigint") return string_text(value, rule);
  const whole = typeof value === "bigint" || Number.isInteger(value);
  if (!whole || value < min || value > max) throw new DataError(rule);
  return number_text(BigInt(value), rule); // BigInt: 1e21 has no exponent, and -0 no sign
}
