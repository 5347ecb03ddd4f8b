/**
 * The text of Temporal's objects, as the server reads it: whoever has them may send them.
 *
 * Law: no runtime's Temporal is needed to know its objects; nanoseconds are rounded down to microseconds.
 * Source: https://tc39.es/proposal-temporal/docs/
 *
 * @module
 */

import { date_text, EPOCH_DAYS, timestamp_text } from "./calendar.ts";

const DAY_NS = 86_400_000_000_000n;

/** What is read of an `Instant` or a `ZonedDateTime`. */
interface Moment {
  readonly epochNanoseconds: bigint;
}

/** What is read of a `PlainDateTime` or a `PlainDate`. */
interface Plain {
  toZonedDateTime(zone: string): Moment;
}

/** What is read of a `Duration`. */
interface Duration {
  readonly years: number;
  readonly months: number;
  readonly weeks: number;
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
  readonly microseconds: number;
  readonly nanoseconds: number;
}

/** By the type's name and the object's own. */
const WRITERS: Record<string, (value: never) => string> = {
  "timestamptz Temporal.Instant": (value: Moment) => moment_text(value, "+00"),
  "timestamptz Temporal.ZonedDateTime": (value: Moment) => moment_text(value, "+00"),
  "timestamp Temporal.PlainDateTime": (value: Plain) =>
    moment_text(value.toZonedDateTime("UTC"), ""),
  "date Temporal.PlainDate": (value: Plain) => date_text(days_of(value.toZonedDateTime("UTC"))),
  "time Temporal.PlainTime": String,
  "interval Temporal.Duration": duration_text,
};

/** The text of a Temporal object that fits `type`; null if `value` is none. */
export function temporal_text(value: unknown, type: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  const write = WRITERS[`${type} ${Reflect.get(value, Symbol.toStringTag)}`];
  return write === undefined ? null : write(value as never);
}

function moment_text(moment: Moment, zone: string): string {
  const days = days_of(moment);
  const ns = moment.epochNanoseconds - BigInt(days + EPOCH_DAYS) * DAY_NS;
  return timestamp_text(days, Number(ns / 1000n), zone);
}

/** Whole days since 2000-01-01. */
function days_of({ epochNanoseconds: ns }: Moment): number {
  const is_within = ns < 0n && ns % DAY_NS !== 0n; // a BigInt is cut towards zero
  return Number(ns / DAY_NS) - (is_within ? 1 : 0) - EPOCH_DAYS;
}

/** ISO 8601, each number with its own sign; the server takes no sign in front of all. */
function duration_text(value: Duration): string {
  const us = BigInt(value.seconds) * 1_000_000n + BigInt(value.milliseconds) * 1000n +
    BigInt(value.microseconds) + BigInt(Math.floor(value.nanoseconds / 1000));
  const sign = us < 0n ? "-" : "";
  const size = us < 0n ? -us : us;
  const seconds = `${sign}${size / 1_000_000n}.${String(size % 1_000_000n).padStart(6, "0")}`;
  return `P${value.years}Y${value.months}M${value.weeks}W${value.days}D` +
    `T${value.hours}H${value.minutes}M${seconds}S`;
}
