/**
 * `numeric` ⇄ string, exact and with its scale; `NaN`, `Infinity` and `-Infinity` included.
 *
 * Wire: four 16-bit words, then the digits in base 10000, most significant first:
 * count, weight (the power of 10000 of the first digit), sign, scale (decimal
 * digits after the point). Zeros at either end are not sent.
 * Source: numeric_send and get_str_from_var, src/backend/utils/adt/numeric.c
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { number_text } from "./kinds.ts";
import { malformed } from "./malformed.ts";
import { printed_codec } from "./printed.ts";

const HEADER_SIZE = 8; // bytes
const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
const SPECIALS = new Map([[0xc000, "NaN"], [0xd000, "Infinity"], [0xf000, "-Infinity"]]);
const MAX_SCALE = 0x3fff; // NUMERIC_DSCALE_MAX
const BASE = 10000;
const BASE_DIGITS = 4; // decimal digits in one of base 10000
const EXACT_DIGITS = 3; // of base 10000, that a number holds with room to spare
const MAX_LIMIT = BASE ** EXACT_DIGITS;

/** The `numeric` type. Numbers, bigints and strings go out as text. */
export const numeric: TypeCodec<string> = printed_codec({
  name: "numeric",
  oid: 1700,
  array_oid: 1231,
  decode(_bytes, view, start, length) {
    const count = length < HEADER_SIZE ? 0 : view.getUint16(start);
    if (length !== HEADER_SIZE + 2 * count) {
      throw malformed("numeric", `${length} bytes are not what its header says`);
    }
    const weight = view.getInt16(start + 2);
    const sign = view.getUint16(start + 4);
    const scale = view.getUint16(start + 6);
    if (sign !== POSITIVE && sign !== NEGATIVE) return special(sign);
    if (scale > MAX_SCALE) throw malformed("numeric", `its scale is ${scale}`);
    const digits = start + HEADER_SIZE;
    const whole = whole_text(view, digits, count, weight);
    const minus = sign === NEGATIVE ? "-" : "";
    if (scale === 0) return minus + whole;
    return minus + whole + "." + fraction_text(view, digits, count, weight, scale);
  },

  encode_text(value) {
    return number_text(value, "must be a number, a bigint or a string");
  },
});

function special(sign: number): string {
  const text = SPECIALS.get(sign);
  if (text === undefined) throw malformed("numeric", `its sign is 0x${sign.toString(16)}`);
  return text;
}

/** The digits before the point: those with a weight of 0 and up. */
function whole_text(view: DataView, digits: number, count: number, weight: number): string {
  if (weight < 0) return "0";
  let value = 0;
  const last = Math.min(weight, EXACT_DIGITS - 1);
  for (let i = 0; i <= last; i++) value = BASE * value + digit_at(view, digits, i, count);
  let text = String(value);
  for (let i = last + 1; i <= weight; i++) text += padded(digit_at(view, digits, i, count), BASE);
  return text;
}

/** The `scale` digits after the point. */
function fraction_text(
  view: DataView,
  digits: number,
  count: number,
  weight: number,
  scale: number,
): string {
  let text = "";
  let value = 0;
  let limit = 1; // the power of 10 above `value`
  for (let i = weight + 1, left = scale; left > 0; i++, left -= BASE_DIGITS) {
    value = BASE * value + digit_at(view, digits, i, count);
    limit *= BASE;
    if (left < BASE_DIGITS) { // the server shows no more, whatever it sent
      const rest = 10 ** (BASE_DIGITS - left);
      value = Math.trunc(value / rest);
      limit /= rest;
    }
    if (limit < MAX_LIMIT && left > BASE_DIGITS) continue;
    text += padded(value, limit);
    value = 0;
    limit = 1;
  }
  return text;
}

/** The digit at `index` from the first that was sent; 0 outside of these. */
function digit_at(view: DataView, digits: number, index: number, count: number): number {
  if (index < 0 || index >= count) return 0;
  const digit = view.getUint16(digits + 2 * index);
  if (digit >= BASE) throw malformed("numeric", `a digit is ${digit}`);
  return digit;
}

/** As many digits of `value` as `limit`, a power of 10, has zeros. */
function padded(value: number, limit: number): string {
  return String(limit + value).slice(1);
}
