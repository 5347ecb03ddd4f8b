/**
 * `timestamp`, `timestamptz` ⇄ Date; `infinity` and `-infinity` ⇄ the infinite numbers.
 *
 * Law: microseconds are rounded down to Date's milliseconds, before 1970 too.
 * A `timestamp` has no zone: it is read and written as UTC.
 *
 * Wire: microseconds since 2000-01-01 as a signed 64-bit integer, its extremes being the infinities.
 * Source: timestamp_send and EncodeSpecialTimestamp, src/backend/utils/adt/timestamp.c
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { DAY_MS, EPOCH_DAYS, EPOCH_MS, read_timestamp_ms, timestamp_text } from "./calendar.ts";
import type { TypeCodec } from "./codec.ts";
import { string_text } from "./kinds.ts";
import { malformed, wrong_size } from "./malformed.ts";
import { temporal_text } from "./temporal_text.ts";

const RULE = "must be a valid Date, a string, Infinity or -Infinity";
const MAX_DATE_MS = 8.64e15; // ECMA-262, Time Values and Time Range
const MAX_HIGH = 0x7fffffff;
const MIN_HIGH = -0x80000000;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

/** The `timestamp` type. */
export const timestamp: TypeCodec<Date | number> = timestamp_codec("timestamp", 1114, 1115, "");
/** The `timestamptz` type. */
export const timestamptz: TypeCodec<Date | number> = timestamp_codec(
  "timestamptz",
  1184,
  1185,
  "+00",
);

/** Whether `value` is one that a timestamp has a binary form of. */
export function is_moment(value: unknown): value is Date | number {
  if (typeof value === "number") return value === Infinity || value === -Infinity;
  return value instanceof Date && !Number.isNaN(value.getTime());
}

function timestamp_codec(
  name: string,
  oid: number,
  array_oid: number,
  zone: string,
): TypeCodec<Date | number> {
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,

    decode(_bytes, view, start, length) {
      if (length !== 8) throw wrong_size(name, 8, length);
      const high = view.getInt32(start);
      const low = view.getUint32(start + 4);
      if (high === MAX_HIGH && low === 0xffffffff) return Infinity;
      if (high === MIN_HIGH && low === 0) return -Infinity;
      // 2^32 is 4294967 * 1000 + 296: every term is exact, wherever Date reaches.
      return as_date(high * 4_294_967 + Math.floor((high * 296 + low) / 1000) + EPOCH_MS, name);
    },

    decode_text(text) {
      if (text === "infinity") return Infinity;
      if (text === "-infinity") return -Infinity;
      const ms = read_timestamp_ms(text);
      if (Number.isNaN(ms)) throw malformed(name, "the text is not as DateStyle ISO has it");
      return as_date(ms, name);
    },

    has_binary: is_moment,

    encode(writer, value) {
      if (value === Infinity) writer.i64(MAX_I64);
      else if (value === -Infinity) writer.i64(MIN_I64);
      else writer.i64(BigInt((value as Date).getTime() - EPOCH_MS) * 1000n);
    },

    encode_text(value) {
      if (!is_moment(value)) return temporal_text(value, name) ?? string_text(value, RULE);
      return typeof value === "number" ? infinity_text(value) : date_object_text(value, zone);
    },
  };
}

/** The server's word for an infinite number. */
export function infinity_text(value: number): string {
  return value > 0 ? "infinity" : "-infinity";
}

function date_object_text(date: Date, zone: string): string {
  const ms = date.getTime();
  const days = Math.floor(ms / DAY_MS);
  return timestamp_text(days - EPOCH_DAYS, (ms - days * DAY_MS) * 1000, zone);
}

function as_date(ms: number, name: string): Date {
  if (ms >= -MAX_DATE_MS && ms <= MAX_DATE_MS) return new Date(ms);
  throw new DataError(
    `cannot decode ${name}: it must be before the year 275761 to be a Date, but is after`,
    { hint: "cast it to text; `temporal: true` keeps microseconds, but reaches no further" },
  );
}
