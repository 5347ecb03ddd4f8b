/**
 * `float4`, `float8` ⇄ number, with NaN, the infinities and -0.
 *
 * Wire: IEEE 754, 4 or 8 bytes. A `float4` is read as the shortest decimal that
 * names it, as the server prints it: 0.1, not 0.10000000149011612.
 * Source: float4out, float4in_internal and float8out, src/backend/utils/adt/float.c; src/common/f2s.c
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { number_text } from "./kinds.ts";
import { malformed_text, wrong_size } from "./malformed.ts";

const RULE = "must be a number";
const EXACT_INTEGERS = 0x1000000; // 2^24: every integer up to here is its own shortest decimal
const MIN_SCALED = 1e-4; // from here to the next, scaling to an integer below is exact
const MAX_SCALED = 1e9;
const MIN_NORMAL = 2 ** -126;
// A decimal of 6 digits survives a single, and 9 name any: FLT_DIG and FLT_DECIMAL_DIG.
const SURE_DIGITS = 6;
const MAX_DIGITS = 9;
const POWERS = Array.from({ length: 14 }, (_, exponent) => 10 ** exponent);

/** The `float8` type. */
export const float8: TypeCodec<number> = {
  name: "float8",
  oid: 701,
  array_oid: 1022,
  delimiter: ",",
  format: 1,
  has_floats: true,

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
  has_floats: true,

  decode(_bytes, view, start, length) {
    if (length !== 4) throw wrong_size("float4", 4, length);
    const value = view.getFloat32(start);
    const size = Math.abs(value);
    if (size < EXACT_INTEGERS && value === Math.trunc(value)) return value; // -0 too
    if (!(size >= MIN_SCALED && size < MAX_SCALED)) return shortest_of_any(value); // NaN too
    return shortest(value);
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
  const exponent = Math.floor(Math.log10(Math.abs(value)) + 1e-9); // singles are further apart
  for (let digits = SURE_DIGITS; digits < MAX_DIGITS; digits++) {
    const candidate = round_at(value, digits - 1 - exponent);
    if (names(candidate, value)) return candidate;
  }
  return round_at(value, MAX_DIGITS - 1 - exponent);
}

/** `value` with `scale` digits after the point, halves to even. */
function round_at(value: number, scale: number): number {
  const power = POWERS[Math.abs(scale)]!;
  const scaled = scale < 0 ? value / power : value * power;
  let rounded = Math.round(scaled);
  if (rounded - scaled === 0.5 && rounded % 2 !== 0) rounded--;
  return scale < 0 ? rounded * power : rounded / power;
}

/**
 * `shortest()` where scaling would not be exact. Above a power of 2 singles lie
 * twice as far apart as below it, so there the next decimal may do where the
 * nearest does not: at 2^-96, 2^87 and 2^90.
 */
function shortest_of_any(value: number): number {
  if (!Number.isFinite(value)) return value;
  let digits = Math.abs(value) < MIN_NORMAL ? 1 : SURE_DIGITS;
  for (; digits < MAX_DIGITS; digits++) {
    const [decimal, exponent] = value.toExponential(digits - 1).split("e") as [string, string];
    const nearest = Number(`${decimal}e${exponent}`);
    if (names(nearest, value)) return nearest;
    const integer = Number(decimal.replace(".", ""));
    const next = Number(`${integer + Math.sign(integer)}e${Number(exponent) - digits + 1}`);
    if (names(next, value)) return next;
  }
  return Number(value.toPrecision(MAX_DIGITS));
}

/** Whether `candidate` lies closer to the single `value` than to any other, not halfway, as in f2s.c. */
function names(candidate: number, value: number): boolean {
  if (Math.fround(candidate) !== value) return false;
  const mirrored = 2 * candidate - value; // the next single, if the candidate is halfway
  return candidate === value || Math.fround(mirrored) !== mirrored;
}
