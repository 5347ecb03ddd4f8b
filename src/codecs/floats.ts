/**
 * `float4`, `float8` ⇄ number, with NaN, the infinities and -0.
 *
 * Wire: IEEE 754, 4 or 8 bytes. A `float4` is read as the shortest decimal that
 * names it, as the server prints it: 0.1, not 0.10000000149011612.
 * Source: float4out, float4in_internal and float8out, src/backend/utils/adt/float.c; src/common/f2s.c
 *
 * @module
 */

import { malformed_text, wrong_size } from "./check.ts";
import type { TypeCodec } from "./codec.ts";
import { number_text } from "./kinds.ts";

const RULE = "must be a number";
const EXACT_INTEGERS = 0x1000000; // 2^24: every integer up to here is its own shortest decimal
const MIN_SCALED = 1e-13; // down to here 10^s below is exact, so one rounding decides
const MAX_SCALED = 1e22;
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** The `float8` type. */
export const float8: TypeCodec<number> = {
  name: "float8",
  oid: 701,
  array_oid: 1022,
  delimiter: ",",
  format: 1,

  decode(_bytes, view, start, length) {
    if (length !== 8) throw wrong_size("float8", 8, length);
    return view.getFloat64(start);
  },

  decode_text(text) {
    return read_float(text, "float8");
  },

  has_binary(value) {
    return typeof value === "number";
  },

  encode(writer, value) {
    writer.f64(value as number);
  },

  encode_text(value) {
    return number_text(value, RULE);
  },
};

/** The `float4` type. */
export const float4: TypeCodec<number> = {
  name: "float4",
  oid: 700,
  array_oid: 1021,
  delimiter: ",",
  format: 1,

  decode(_bytes, view, start, length) {
    if (length !== 4) throw wrong_size("float4", 4, length);
    return shortest(view.getFloat32(start));
  },

  decode_text(text) {
    return read_float(text, "float4");
  },

  // What rounds to infinity or to zero is the server's to refuse.
  has_binary(value) {
    if (typeof value !== "number") return false;
    const single = Math.fround(value);
    return Number.isFinite(single) ? single !== 0 || value === 0 : !Number.isFinite(value);
  },

  encode(writer, value) {
    writer.f32(value as number);
  },

  encode_text(value) {
    return number_text(value, RULE);
  },
};

/** Reads a float's text form. Throws `DataError` for what is none. */
export function read_float(text: string, type: string): number {
  const value = Number(text);
  if (text === "" || (Number.isNaN(value) && text !== "NaN")) throw malformed_text(type);
  return value;
}

/** The number whose decimal form is the shortest that names the single `value`. */
function shortest(value: number): number {
  const size = Math.abs(value);
  if (size < EXACT_INTEGERS && value === Math.trunc(value)) return value; // -0 too
  if (!(size >= MIN_SCALED && size < MAX_SCALED)) return shortest_extreme(value);
  // The epsilon is for a log10() that falls short of an integer; singles are further apart.
  const exponent = Math.floor(Math.log10(size) + 1e-9);
  // A decimal of 6 digits survives a single (FLT_DIG), and 9 name any single.
  for (let scale = 5 - exponent; scale < 8 - exponent; scale++) {
    const candidate = round_at(value, scale);
    if (Math.fround(candidate) === value) return candidate;
  }
  return round_at(value, 8 - exponent);
}

/** `value` with `scale` digits after the point. An integer by an exact power is rounded once. */
function round_at(value: number, scale: number): number {
  if (scale >= 0) return Math.round(value * POWERS[scale]!) / POWERS[scale]!;
  return Math.round(value / POWERS[-scale]!) * POWERS[-scale]!;
}

function shortest_extreme(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return Number(value.toPrecision(9));
}
