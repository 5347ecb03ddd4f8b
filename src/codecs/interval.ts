/**
 * `interval` ⇄ `Interval`; `infinity` and `-infinity` (PostgreSQL 17 and later) ⇄ the infinite numbers.
 *
 * Law: months, days and microseconds are kept apart, as the server keeps them:
 * no month is 30 days here, and no day 24 hours.
 *
 * Wire: microseconds in 64 bits, days in 32, months in 32; all at their extreme for the infinities.
 * Text: whatever `IntervalStyle` says; what goes out is ISO 8601, which every style reads.
 * Source: interval_send, src/backend/utils/adt/timestamp.c; EncodeInterval, datetime.c
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { fraction_text } from "./calendar.ts";
import type { TypeCodec } from "./codec.ts";
import { kind_of, number_text } from "./kinds.ts";
import { wrong_size } from "./malformed.ts";
import { temporal_text } from "./temporal_text.ts";
import { infinity_text } from "./timestamp.ts";

/** The parts of an interval; what is left out is 0. */
export interface IntervalParts {
  /** 12 to a year. */
  readonly months?: number | undefined;
  /** Calendar days, whatever their hours. */
  readonly days?: number | undefined;
  /** Of time: 3,600,000,000 to an hour. */
  readonly microseconds?: bigint | number | undefined;
}

const RULE = "must be an Interval, a string or a number of seconds";
const PARTS: ReadonlySet<string> = new Set(["months", "days", "microseconds"]);
const MAX_LENGTH = 256; // characters; the server writes no more than MAXDATELEN, 128
const MAX_I32 = 0x7fffffff;
const MIN_I32 = -0x80000000;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);
const SECOND = 1_000_000n; // microseconds
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;

/** The names of units, in the singular: the part they count, and how much of it. */
const UNITS: ReadonlyMap<string, readonly [keyof Sum, bigint]> = new Map([
  ["year", ["months", 12n]],
  ["mon", ["months", 1n]],
  ["month", ["months", 1n]],
  ["week", ["days", 7n]],
  ["day", ["days", 1n]],
  ["hour", ["microseconds", HOUR]],
  ["min", ["microseconds", MINUTE]],
  ["minute", ["microseconds", MINUTE]],
  ["sec", ["microseconds", SECOND]],
  ["second", ["microseconds", SECOND]],
]);
/** A number, and digits of a fraction as exact as a microsecond. */
const COUNT = String.raw`([+-]?\d{1,19})(?:\.(\d{1,6}))?`;
/** ISO 8601 with designators: `P1Y2M3DT4H5M6.7S`, in parts. */
const ISO = /^([+-]?)P(?=.)([^T]*)(?:T(.+))?$/;
const ISO_TERM: RegExp = new RegExp(`${COUNT}([YMWDHS])`, "gy");
const ISO_DATE: Record<string, string> = { Y: "year", M: "month", W: "week", D: "day" };
const ISO_TIME: Record<string, string> = { H: "hour", M: "minute", S: "second" };
/** A term of the other styles: `1-2` for years and months, `04:05:06.7`, or `3 days`. */
const TERM: RegExp = new RegExp(
  String.raw`\s*(?:([+-]?)(\d{1,9})-(\d{1,2})(?![\d:])|` +
    String.raw`([+-]?)(\d{1,10}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?|${COUNT}\s*([a-z]*))`,
  "giy",
);

/** A span of time in three parts that no calendar has joined. */
export class Interval {
  /** 12 to a year. */
  readonly months: number;
  /** Calendar days, whatever their hours. */
  readonly days: number;
  /** Of time: 3,600,000,000 to an hour. */
  readonly microseconds: bigint;

  /**
   * Puts the parts together.
   *
   * @throws {DataError} If a part is not an integer, or is beyond what the server holds.
   */
  constructor(parts: IntervalParts = {}) {
    for (const name in parts) if (!PARTS.has(name)) throw no_part(name);
    const { months = 0, days = 0, microseconds = 0n } = parts;
    this.months = checked("months", months);
    this.days = checked("days", days);
    const is_whole = typeof microseconds === "bigint" || Number.isSafeInteger(microseconds);
    if (!is_whole || microseconds < MIN_I64 || microseconds > MAX_I64) {
      throw new DataError("cannot make an Interval: microseconds must be an integer of 64 bits");
    }
    this.microseconds = BigInt(microseconds);
  }

  /**
   * Reads an interval in any `IntervalStyle`, or in ISO 8601 with designators.
   *
   * @throws {DataError} If `text` is none, or has parts of a month, a day or a microsecond.
   */
  static parse(text: string): Interval {
    if (typeof text !== "string") {
      throw new DataError(`cannot read an Interval: it must be a string, but is ${kind_of(text)}`);
    }
    if (text.length > MAX_LENGTH) throw not_an_interval();
    const sum: Sum = { months: 0n, days: 0n, microseconds: 0n };
    const iso = ISO.exec(text);
    if (iso !== null) {
      const sign = iso[1] === "-" ? -1n : 1n;
      add_iso(sum, iso[2]!, ISO_DATE, sign);
      add_iso(sum, iso[3] ?? "", ISO_TIME, sign);
    } else add_terms(sum, text);
    const { months, days, microseconds } = sum;
    return new Interval({ months: Number(months), days: Number(days), microseconds });
  }

  /** ISO 8601 as the server writes it: `P1Y2M3DT4H5M6.789S`, each number with its own sign. */
  toString(): string {
    const date = part(Math.trunc(this.months / 12), "Y") + part(this.months % 12, "M") +
      part(this.days, "D");
    const seconds = this.microseconds % MINUTE;
    const time = part(this.microseconds / HOUR, "H") +
      part(this.microseconds % HOUR / MINUTE, "M") + seconds_part(seconds);
    if (date === "" && time === "") return "PT0S";
    return time === "" ? `P${date}` : `P${date}T${time}`;
  }

  /** The text of `toString()`. */
  toJSON(): string {
    return this.toString();
  }
}

/** The `interval` type. */
export const interval: TypeCodec<Interval | number> = {
  name: "interval",
  oid: 1186,
  array_oid: 1187,
  delimiter: ",",
  format: 1,

  decode(_bytes, view, start, length) {
    if (length !== 16) throw wrong_size("interval", 16, length);
    const microseconds = view.getBigInt64(start);
    const days = view.getInt32(start + 8);
    const months = view.getInt32(start + 12);
    if (months === MAX_I32 && days === MAX_I32 && microseconds === MAX_I64) return Infinity;
    if (months === MIN_I32 && days === MIN_I32 && microseconds === MIN_I64) return -Infinity;
    return new Interval({ months, days, microseconds });
  },

  decode_text(text) {
    if (text === "infinity") return Infinity;
    return text === "-infinity" ? -Infinity : Interval.parse(text);
  },

  has_binary(value) {
    return value instanceof Interval;
  },

  encode(writer, value) {
    const { months, days, microseconds } = value as Interval;
    writer.i64(microseconds);
    writer.i32(days);
    writer.i32(months);
  },

  encode_text(value) {
    if (value instanceof Interval) return value.toString();
    if (value === Infinity || value === -Infinity) return infinity_text(value);
    return temporal_text(value, "interval") ?? number_text(value, RULE); // of seconds
  },
};

/** What the terms of a text add up to. */
interface Sum {
  months: bigint;
  days: bigint;
  microseconds: bigint;
}

function add_iso(sum: Sum, text: string, units: Record<string, string>, sign: bigint): void {
  let read = 0;
  for (const [term, count, fraction, letter] of text.matchAll(ISO_TERM)) {
    add(sum, units[letter!] ?? "", sign, count!, fraction);
    read += term.length;
  }
  if (read !== text.length) throw not_an_interval();
}

function add_terms(sum: Sum, text: string): void {
  const [, body, ago] = /^\s*@?(.*?)(\s+ago)?\s*$/is.exec(text)!;
  const sign = ago === undefined ? 1n : -1n;
  const terms = [...body!.matchAll(TERM)];
  if (body === "" || terms.reduce((read, [term]) => read + term.length, 0) !== body!.length) {
    throw not_an_interval();
  }
  let days_sign = ""; // "-3 4:05:06" of sql_standard is all negative
  terms.forEach((term, i) => {
    const [, year_sign, years, months, time_sign, hours, minutes, seconds] = term;
    const [, , , , , , , , time_fraction, count, fraction, unit] = term;
    if (years !== undefined) {
      add(sum, "year", sign, year_sign + years);
      add(sum, "month", sign, year_sign + months!);
    } else if (hours !== undefined) {
      const own_sign = time_sign || days_sign;
      add(sum, "hour", sign, own_sign + hours);
      add(sum, "minute", sign, own_sign + minutes!);
      add(sum, "second", sign, own_sign + (seconds ?? "0"), time_fraction);
    } else if (unit === "" && terms[i + 1]?.[5] !== undefined) {
      if (count!.startsWith("-")) days_sign = "-";
      add(sum, "day", sign, count!, fraction);
    } else add(sum, unit!.toLowerCase().replace(/s$/, "") || "second", sign, count!, fraction);
  });
}

/** Adds `count.fraction` of a unit; of months and days only whole ones. */
function add(sum: Sum, unit: string, sign: bigint, count: string, fraction = ""): void {
  const [name, factor] = UNITS.get(unit) ?? [];
  if (name === undefined) throw not_an_interval();
  const size = BigInt(count.replace(/^[+-]/, "") + fraction.padEnd(6, "0")) * factor!; // millionths
  if (size % 1_000_000n !== 0n) throw not_an_interval();
  const is_negative = count.startsWith("-"); // of -0.5 too
  sum[name] += (is_negative ? -sign : sign) * (size / 1_000_000n);
}

function part(count: number | bigint, letter: string): string {
  return count == 0 ? "" : `${count}${letter}`; // == compares a bigint too
}

function seconds_part(us: bigint): string {
  if (us === 0n) return "";
  const size = us < 0n ? -us : us;
  const fraction = Number(size % SECOND);
  return `${us < 0n ? "-" : ""}${size / SECOND}${fraction === 0 ? "" : fraction_text(fraction)}S`;
}

function checked(name: string, value: number): number {
  if (Number.isInteger(value) && value >= MIN_I32 && value <= MAX_I32) return value + 0; // no -0
  const fact = kind_of(value);
  throw new DataError(
    `cannot make an Interval: ${name} must be an integer of 32 bits, but is ${fact}`,
  );
}

function no_part(name: string): DataError {
  const fact = `${JSON.stringify(name)} was given`;
  return new DataError(
    `cannot make an Interval: its parts are months, days and microseconds, but ${fact}`,
  );
}

function not_an_interval(): DataError {
  return new DataError(
    "cannot read an interval: it must be as IntervalStyle has it, or ISO 8601, but is not",
  );
}
