/**
 * `date`, `time`, `timetz` ⇄ the server's ISO text; a `Date` is taken for a `date`, as its day in UTC.
 *
 * Wire: `date` is days since 2000-01-01 in 32 bits, its extremes being the
 * infinities; the times are microseconds since midnight in 64 bits, 24:00:00
 * included, and `timetz` adds seconds west of Greenwich in 32.
 * Source: date_send, time_send and timetz_send, src/backend/utils/adt/date.c
 *
 * @module
 */

import { date_text, DAY_MS, DAY_US, EPOCH_DAYS, time_text, zone_text } from "./calendar.ts";
import type { TypeCodec } from "./codec.ts";
import { string_text } from "./kinds.ts";
import { malformed, wrong_size } from "./malformed.ts";
import { printed_codec } from "./printed.ts";
import { temporal_text } from "./temporal_text.ts";
import { infinity_text, is_moment } from "./timestamp.ts";

const RULE = "must be a valid Date, a string, Infinity or -Infinity";
/** What DateStyle ISO prints, and no other style. */
const ISO = /^(?:\d{4,7}-\d\d-\d\d(?: BC)?|-?infinity)$/;
const MAX_DAYS = 0x7fffffff;
const MIN_DAYS = -0x80000000;
const MAX_ZONE = 16 * 3600 - 1; // seconds; MAX_TZDISP_HOUR, src/include/datatype/timestamp.h

/** The `date` type. */
export const date: TypeCodec<string> = {
  name: "date",
  oid: 1082,
  array_oid: 1182,
  delimiter: ",",
  format: 1,

  decode(_bytes, view, start, length) {
    if (length !== 4) throw wrong_size("date", 4, length);
    const days = view.getInt32(start);
    if (days === MAX_DAYS) return "infinity";
    if (days === MIN_DAYS) return "-infinity";
    return date_text(days);
  },

  decode_text(text) {
    if (ISO.test(text)) return text;
    throw malformed("date", "the text is not as DateStyle ISO has it");
  },

  has_binary: is_moment,

  encode(writer, value) {
    if (value === Infinity) writer.i32(MAX_DAYS);
    else if (value === -Infinity) writer.i32(MIN_DAYS);
    else writer.i32(days_since_2000(value as Date));
  },

  encode_text(value) {
    if (!is_moment(value)) return temporal_text(value, "date") ?? string_text(value, RULE);
    return typeof value === "number" ? infinity_text(value) : date_text(days_since_2000(value));
  },
};

/** The `time` type. */
export const time: TypeCodec<string> = printed_codec({
  name: "time",
  oid: 1083,
  array_oid: 1183,
  decode(_bytes, view, start, length) {
    if (length !== 8) throw wrong_size("time", 8, length);
    return time_of_day(view, start, "time");
  },
  encode_text: (value) => temporal_text(value, "time") ?? string_text(value, "must be a string"),
});

/** The `timetz` type. */
export const timetz: TypeCodec<string> = printed_codec({
  name: "timetz",
  oid: 1266,
  array_oid: 1270,
  decode(_bytes, view, start, length) {
    if (length !== 12) throw wrong_size("timetz", 12, length);
    const west = view.getInt32(start + 8);
    if (Math.abs(west) > MAX_ZONE) throw malformed("timetz", `its zone is ${west} seconds off`);
    return time_of_day(view, start, "timetz") + zone_text(-west);
  },
});

function days_since_2000(value: Date): number {
  return Math.floor(value.getTime() / DAY_MS) - EPOCH_DAYS;
}

function time_of_day(view: DataView, start: number, name: string): string {
  const us = view.getInt32(start) * 0x100000000 + view.getUint32(start + 4);
  if (us < 0 || us > DAY_US) throw malformed(name, "it is outside of the day");
  return time_text(us);
}
