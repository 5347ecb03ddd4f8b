/**
 * The date and time types as Temporal's: `temporal: true`.
 *
 * Law: microseconds are kept. Infinity stays the infinite number, and what
 * Temporal cannot hold is a `DataError`; a runtime without Temporal is a
 * `NotSupportedError` when a value is read, not before.
 *
 * Source: https://tc39.es/proposal-temporal/docs/
 *
 * @module
 */

import { DataError, NotSupportedError } from "../errors.ts";
import { EPOCH_MS, read_timestamp_ms } from "./calendar.ts";
import type { TypeCodec } from "./codec.ts";
import { date, time } from "./date.ts";
import { type Interval, interval } from "./interval.ts";
import { malformed_text, wrong_size } from "./malformed.ts";
import { timestamp, timestamptz } from "./timestamp.ts";

const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);
const EPOCH_US = BigInt(EPOCH_MS) * 1000n;

/** As much of Temporal as is used; not every runtime's types have it. */
interface TemporalApi {
  readonly Instant: { fromEpochNanoseconds(ns: bigint): Instant };
  readonly PlainTime: { from(text: string): unknown };
  // deno-lint-ignore no-explicit-any -- a constructor of ten numbers
  readonly Duration: new (...parts: any[]) => unknown;
}

interface Instant {
  toZonedDateTimeISO(zone: string): { toPlainDateTime(): unknown; toPlainDate(): unknown };
}

/** `timestamp`, `timestamptz`, `date`, `time` and `interval` as Temporal objects. */
export const temporal_types: readonly TypeCodec[] = [
  moment_codec(timestamptz, (instant) => instant),
  moment_codec(timestamp, (instant) => instant.toZonedDateTimeISO("UTC").toPlainDateTime()),
  {
    ...date,

    decode(bytes, view, start, length) {
      return plain_date(date.decode(bytes, view, start, length));
    },

    decode_text: plain_date,
  },
  {
    ...time,

    decode(bytes, view, start, length) {
      return plain_time(time.decode(bytes, view, start, length));
    },

    decode_text: plain_time,
  },
  {
    ...interval,

    decode(bytes, view, start, length) {
      return duration(interval.decode(bytes, view, start, length));
    },

    decode_text(text) {
      return duration(interval.decode_text(text));
    },
  },
];

function moment_codec(base: TypeCodec, convert: (instant: Instant) => unknown): TypeCodec {
  const { name } = base;
  const make = (us: bigint) =>
    // since 1970
    with_temporal(name, ({ Instant }) => convert(Instant.fromEpochNanoseconds(us * 1000n)));
  return {
    ...base,

    decode(_bytes, view, start, length) {
      if (length !== 8) throw wrong_size(name, 8, length);
      const us = view.getBigInt64(start);
      if (us === MAX_I64) return Infinity;
      return us === MIN_I64 ? -Infinity : make(us + EPOCH_US);
    },

    decode_text(text) {
      return read_infinity(text) ?? make(read_us(text, name));
    },
  };
}

function plain_date(text: string): unknown {
  const infinity = read_infinity(text);
  if (infinity !== null) return infinity;
  const us = read_us(text.replace(/( BC)?$/, " 00:00:00$1"), "date");
  return with_temporal("date", ({ Instant }) => {
    return Instant.fromEpochNanoseconds(us * 1000n).toZonedDateTimeISO("UTC").toPlainDate();
  });
}

function plain_time(text: string): unknown {
  return with_temporal("time", ({ PlainTime }) => PlainTime.from(text));
}

function duration(value: Interval | number): unknown {
  if (typeof value === "number") return value;
  const { months, days, microseconds } = value;
  const take = (size: bigint, of: bigint) => Number(microseconds / size % of);
  return with_temporal("interval", ({ Duration }) =>
    new Duration(
      Math.trunc(months / 12),
      months % 12,
      0, // weeks
      days,
      Number(microseconds / 3_600_000_000n),
      take(60_000_000n, 60n),
      take(1_000_000n, 60n),
      take(1000n, 1000n),
      take(1n, 1000n),
    ));
}

function read_infinity(text: string): number | null {
  if (text === "infinity") return Infinity;
  return text === "-infinity" ? -Infinity : null;
}

/** Microseconds since 1970 of the server's ISO text. */
function read_us(text: string, name: string): bigint {
  const ms = read_timestamp_ms(text);
  if (Number.isNaN(ms)) throw malformed_text(name);
  const below_ms = /\.\d{3}(\d{1,3})/.exec(text)?.[1] ?? "";
  return BigInt(ms) * 1000n + BigInt(below_ms.padEnd(3, "0"));
}

/** Calls `make`; what Temporal refuses is the value's fault. */
function with_temporal<T>(name: string, make: (temporal: TemporalApi) => T): T {
  const temporal: TemporalApi | undefined = Reflect.get(globalThis, "Temporal");
  if (temporal === undefined) {
    throw new NotSupportedError(
      `cannot decode ${name}: the option temporal needs a runtime with Temporal, but this has none`,
    );
  }
  try {
    return make(temporal);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new DataError(
      `cannot decode ${name}: it must be one that Temporal can hold, but is not`,
      {
        hint: "cast it to text",
      },
    );
  }
}
