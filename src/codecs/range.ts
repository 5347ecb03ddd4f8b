/**
 * Ranges ⇄ `Range`, multiranges ⇄ arrays of them. A bound that is null is not there.
 *
 * Law: plain data, that `structuredClone()` takes; the server normalises, nothing does here.
 *
 * Wire: a byte of flags, then each bound there is with its length in front; a
 * multirange counts its ranges in 32 bits, each with its length in front.
 * Text: `empty`, or `[1,"a b")` as the server quotes it; multiranges are `{[1,2),[4,5)}`.
 * Source: range_send and range_deparse, src/backend/utils/adt/rangetypes.c; multirange_send, multirangetypes.c
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { DataError } from "../errors.ts";
import { part_text } from "./array_text.ts";
import type { TypeCodec } from "./codec.ts";
import { malformed } from "./malformed.ts";
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  CLOSE_PARENTHESIS,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  OPEN_PARENTHESIS,
  quoted,
  TextScanner,
} from "./scanner.ts";

/** The values between two bounds. */
export interface Range<T = unknown> {
  /** Where it begins; null if nowhere, or if it is empty. */
  readonly lower: T | null;
  /** Where it ends; null if nowhere, or if it is empty. */
  readonly upper: T | null;
  /** Whether `lower` belongs to it. */
  readonly lower_inc: boolean;
  /** Whether `upper` belongs to it. */
  readonly upper_inc: boolean;
  /** Whether nothing belongs to it. */
  readonly empty: boolean;
}

const EMPTY = 0x01; // RANGE_EMPTY and its kin, src/include/utils/rangetypes.h
const LOWER_INC = 0x02;
const UPPER_INC = 0x04;
const LOWER_INF = 0x08;
const UPPER_INF = 0x10;
const ALL_FLAGS = 0x1f;
const MIN_SIZE = 5; // of a range in a multirange: its length and its flags, in bytes
const BOUNDS: ReadonlySet<string> = new Set(["[)", "[]", "(]", "()"]);
const RULE = "must be a range { lower, upper, lower_inc, upper_inc } or a string";
const LIST_RULE = "must be an array of ranges or a string";

/**
 * Makes a range.
 *
 * @param lower Where it begins; null for no bound.
 * @param upper Where it ends; null for no bound.
 * @param bounds Which bounds belong to it. Default: `"[)"`, the lower one.
 */
export function Range<T, U = T>(
  lower: T | null,
  upper: U | null,
  bounds: "[)" | "[]" | "(]" | "()" = "[)",
): Range<Exclude<T | U, null>> {
  if (!BOUNDS.has(bounds)) {
    throw new DataError(
      'cannot make a Range: bounds must be "[)", "[]", "(]" or "()", but are others',
    );
  }
  const lower_inc = lower !== null && bounds.startsWith("["); // as the server has it
  const upper_inc = upper !== null && bounds.endsWith("]");
  return make<T | U>(lower, upper, lower_inc, upper_inc, false) as Range<Exclude<T | U, null>>;
}

/** The range type over `subtype`. */
export function range_codec(
  name: string,
  oid: number,
  array_oid: number,
  subtype: TypeCodec,
): TypeCodec<Range> {
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: subtype.format,
    has_floats: subtype.has_floats === true,

    decode(bytes, view, start, length) {
      return decode_range(subtype, name, bytes, view, start, length);
    },

    decode_text(text) {
      const scanner = new TextScanner(text, name);
      const range = read_range(scanner, subtype);
      scanner.end();
      return range;
    },

    has_binary(value) {
      return is_range(value) && bound_fits(value.lower, subtype) &&
        bound_fits(value.upper, subtype);
    },

    encode(writer, value) {
      encode_range(writer, value as Range, subtype);
    },

    encode_text(value) {
      if (typeof value === "string") return value;
      if (!is_range(value)) throw new DataError(RULE);
      return range_text(value, subtype);
    },
  };
}

/** The multirange type of the ranges over `subtype`. */
export function multirange_codec(
  name: string,
  oid: number,
  array_oid: number,
  subtype: TypeCodec,
): TypeCodec<Range[]> {
  const range = range_codec(name, 0, 0, subtype);
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: subtype.format,
    has_floats: subtype.has_floats === true,
    is_list: true,

    decode(bytes, view, start, length) {
      return decode_multirange(subtype, name, bytes, view, start, length);
    },

    decode_text(text) {
      return read_multirange(new TextScanner(text, name), subtype);
    },

    has_binary(value) {
      return Array.isArray(value) && Array.from(value).every(range.has_binary);
    },

    encode(writer, value) {
      writer.i32((value as Range[]).length);
      for (const item of value as Range[]) {
        const mark = writer.begin_value();
        encode_range(writer, item, subtype);
        writer.end_value(mark);
      }
    },

    encode_text(value) {
      if (typeof value === "string") return value;
      if (!Array.isArray(value)) throw new DataError(LIST_RULE);
      const whole = "must be an array, each element of which";
      return `{${Array.from(value, (item) => part_text(item, range, whole)).join(",")}}`;
    },
  };
}

function make<T>(
  lower: T | null,
  upper: T | null,
  lower_inc: boolean,
  upper_inc: boolean,
  empty: boolean,
): Range<T> {
  return { lower, upper, lower_inc, upper_inc, empty };
}

function decode_range(
  subtype: TypeCodec,
  name: string,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
): Range {
  const end = start + length;
  const flags = length === 0 ? 0xff : bytes[start]!;
  if (flags > ALL_FLAGS) throw malformed(name, "its flags are unknown");
  let at = start + 1;
  const bound = (missing: number): unknown => {
    if ((flags & (missing | EMPTY)) !== 0) return null;
    const size = end - at < 4 ? -1 : view.getInt32(at);
    at += 4;
    if (size < 0 || size > end - at) throw malformed(name, "it ends within a bound");
    at += size;
    return subtype.decode(bytes, view, at - size, size);
  };
  const lower = bound(LOWER_INF);
  const upper = bound(UPPER_INF);
  if (at !== end) throw malformed(name, `${end - at} bytes are left over`);
  const is_empty = (flags & EMPTY) !== 0;
  return make(lower, upper, (flags & LOWER_INC) !== 0, (flags & UPPER_INC) !== 0, is_empty);
}

function decode_multirange(
  subtype: TypeCodec,
  name: string,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
): Range[] {
  const count = length < 4 ? -1 : view.getInt32(start);
  if (count < 0 || count > length / MIN_SIZE) {
    throw malformed(name, "it holds fewer ranges than it says");
  }
  const end = start + length;
  const ranges: Range[] = [];
  let at = start + 4;
  for (let i = 0; i < count; i++) {
    const size = end - at < 4 ? -1 : view.getInt32(at);
    at += 4;
    if (size < 0 || size > end - at) throw malformed(name, "it ends within a range");
    ranges.push(decode_range(subtype, name, bytes, view, at, size));
    at += size;
  }
  if (at !== end) throw malformed(name, `${end - at} bytes are left over`);
  return ranges;
}

function read_multirange(scanner: TextScanner, subtype: TypeCodec): Range[] {
  const ranges: Range[] = [];
  scanner.expect(OPEN_BRACE);
  if (!scanner.skip(CLOSE_BRACE)) {
    do ranges.push(read_range(scanner, subtype)); while (scanner.skip(COMMA));
    scanner.expect(CLOSE_BRACE);
  }
  scanner.end();
  return ranges;
}

function read_range(scanner: TextScanner, subtype: TypeCodec): Range {
  if (scanner.skip_text("empty")) return make(null, null, false, false, true);
  const lower_inc = scanner.skip(OPEN_BRACKET);
  if (!lower_inc) scanner.expect(OPEN_PARENTHESIS);
  const lower = read_bound(scanner, COMMA, COMMA, subtype);
  scanner.expect(COMMA);
  const upper = read_bound(scanner, CLOSE_BRACKET, CLOSE_PARENTHESIS, subtype);
  const upper_inc = scanner.skip(CLOSE_BRACKET);
  if (!upper_inc) scanner.expect(CLOSE_PARENTHESIS);
  return make(lower, upper, lower_inc, upper_inc, false);
}

function read_bound(
  scanner: TextScanner,
  stop: number,
  stop2: number,
  subtype: TypeCodec,
): unknown {
  const text = scanner.quoted() ?? (scanner.word(stop, stop2) || null); // quotes may hold nothing
  return text === null ? null : subtype.decode_text(text);
}

function encode_range(writer: ByteWriter, range: Range, subtype: TypeCodec): void {
  const { lower, upper, lower_inc, upper_inc, empty } = range;
  if (empty) return writer.u8(EMPTY);
  const from = lower === null ? LOWER_INF : lower_inc ? LOWER_INC : 0;
  const to = upper === null ? UPPER_INF : upper_inc ? UPPER_INC : 0;
  writer.u8(from | to);
  for (const bound of [lower, upper]) {
    if (bound === null) continue;
    const mark = writer.begin_value();
    subtype.encode(writer, bound);
    writer.end_value(mark);
  }
}

function range_text(range: Range, subtype: TypeCodec): string {
  if (range.empty) return "empty";
  const [from, to] = [range.lower, range.upper].map((bound) =>
    bound === null ? "" : quoted(part_text(bound, subtype, "must be a range whose bound"))
  );
  return `${range.lower_inc ? "[" : "("}${from},${to}${range.upper_inc ? "]" : ")"}`;
}

function bound_fits(bound: unknown, subtype: TypeCodec): boolean {
  return bound === null || (bound !== undefined && subtype.has_binary(bound));
}

function is_range(value: unknown): value is Range {
  if (typeof value !== "object" || value === null) return false;
  const { lower_inc, upper_inc, empty } = value as Partial<Range>;
  if (empty === true) return true;
  return "lower" in value && "upper" in value && typeof lower_inc === "boolean" &&
    typeof upper_inc === "boolean";
}
