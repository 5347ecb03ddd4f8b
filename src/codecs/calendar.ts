/**
 * Days, microseconds and the server's ISO text: the arithmetic under the date and time types.
 *
 * Law: the Gregorian calendar in both directions, as the server reckons; year 0 is 1 BC.
 * Nothing here knows a time zone of this machine.
 *
 * Source: EncodeDateOnly, EncodeTimeOnly and EncodeDateTime, src/backend/utils/adt/datetime.c;
 * days_from_civil and civil_from_days, https://howardhinnant.github.io/date_algorithms.html
 *
 * @module
 */

/** Days from 1970-01-01 to 2000-01-01, where the server's count begins. */
export const EPOCH_DAYS = 10_957;
/** Milliseconds from 1970-01-01 to 2000-01-01. */
export const EPOCH_MS = 946_684_800_000;
/** Milliseconds in a day. */
export const DAY_MS = 86_400_000;
/** Microseconds in a day. */
export const DAY_US = 86_400_000_000;

const ERA_DAYS = 146_097; // 400 years
const MARCH_ERA = 719_468; // days from 0000-03-01 to 1970-01-01
// ASCII codes.
const SPACE = 0x20;
const PLUS = 0x2b;
const HYPHEN = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
/** `-MM-DD` by 32 times the month and the day: the fewer parts a text is joined of, the faster. */
const MONTH_DAY: readonly string[] = Array.from({ length: 32 * 13 }, (_, n) => {
  return `-${String(n >> 5).padStart(2, "0")}-${String(n & 31).padStart(2, "0")}`;
});
/** By number, with a zero in front. */
const TWO: readonly string[] = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, "0"));

/** `YYYY-MM-DD`, and ` BC` where due, of a count of days since 2000-01-01. */
export function date_text(days: number): string {
  return is_bc(days) ? `${year_month_day(days)} BC` : year_month_day(days);
}

/** The text of a moment: its day since 2000-01-01, the microseconds since that day's midnight, its zone. */
export function timestamp_text(days: number, us: number, zone: string): string {
  const text = `${year_month_day(days)} ${time_text(us)}${zone}`;
  return is_bc(days) ? `${text} BC` : text;
}

/** `HH:MM:SS` and up to six digits of a fraction, of microseconds since midnight. */
export function time_text(us: number): string {
  const seconds = Math.floor(us / 1_000_000);
  const minutes = Math.floor(seconds / 60);
  const text = `${TWO[Math.floor(minutes / 60)]}:${TWO[minutes % 60]}:${TWO[seconds % 60]}`;
  const fraction = us - seconds * 1_000_000;
  return fraction === 0 ? text : text + fraction_text(fraction);
}

/** A point and the digits of `us` microseconds, 1 to 999,999, with no zeros at the end. */
export function fraction_text(us: number): string {
  let digits = us;
  let limit = 1_000_000; // the power of 10 above `digits`
  while (digits % 10 === 0) {
    digits /= 10;
    limit /= 10;
  }
  return `.${String(limit + digits).slice(1)}`;
}

/** `+HH`, `+HH:MM` or `+HH:MM:SS` of seconds east of Greenwich. */
export function zone_text(seconds: number): string {
  const size = Math.abs(seconds);
  let text = (seconds < 0 ? "-" : "+") + TWO[Math.floor(size / 3600)];
  if (size % 3600 !== 0) text += `:${TWO[Math.floor(size / 60) % 60]}`;
  if (size % 60 !== 0) text += `:${TWO[size % 60]}`;
  return text;
}

/**
 * Milliseconds since 1970, rounded down, of the server's ISO text of a timestamp,
 * with a zone or without: `2020-01-02 03:04:05.678901+02:30:15 BC`. NaN if it is anything else.
 */
export function read_timestamp_ms(text: string): number {
  const dash = text.indexOf("-", 4);
  const time = dash + 7; // past "-MM-DD "
  let end = time + 8; // past "HH:MM:SS"
  if (
    dash < 0 || text.length < end || text.charCodeAt(dash + 3) !== HYPHEN ||
    text.charCodeAt(time - 1) !== SPACE || text.charCodeAt(time + 2) !== COLON ||
    text.charCodeAt(time + 5) !== COLON
  ) return NaN;
  const month = two_digits(text, dash + 1);
  const day = two_digits(text, dash + 4);
  const hour = two_digits(text, time);
  const minute = two_digits(text, time + 3);
  const second = two_digits(text, time + 6);
  if ((month | day | hour | minute | second) < 0) return NaN;
  let ms = 1000 * (3600 * hour + 60 * minute + second);
  if (text.charCodeAt(end) === POINT) {
    let unit = 100; // further digits than three would be rounded down
    for (end++; digit(text, end) >= 0; end++, unit = Math.trunc(unit / 10)) {
      ms += unit * digit(text, end);
    }
  }
  const is_bc = end < text.length && text.endsWith(" BC");
  const zone_end = is_bc ? text.length - 3 : text.length;
  if (end < zone_end) ms -= 1000 * read_zone(text, end, zone_end);
  const year = read_year(text, dash);
  return ms + DAY_MS * (days_of(is_bc ? 1 - year : year, month, day) + EPOCH_DAYS);
}

/** Days since 2000-01-01 of a date in the Gregorian calendar; year 0 is 1 BC. */
function days_of(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const year_of_era = y - 400 * era;
  const month_from_march = month > 2 ? month - 3 : month + 9;
  const day_of_year = Math.floor((153 * month_from_march + 2) / 5) + day - 1;
  const day_of_era = year_of_era * 365 + Math.floor(year_of_era / 4) -
    Math.floor(year_of_era / 100) + day_of_year;
  return era * ERA_DAYS + day_of_era - MARCH_ERA - EPOCH_DAYS;
}

/** The number in `text[0, end)`. NaN if it is none. */
function read_year(text: string, end: number): number {
  let year = 0;
  for (let at = 0; at < end; at++) {
    const value = digit(text, at);
    if (value < 0) return NaN;
    year = 10 * year + value;
  }
  return year;
}

/** Seconds east of `+HH[:MM[:SS]]` in `text[start, end)`. NaN if it is anything else. */
function read_zone(text: string, start: number, end: number): number {
  const sign = text.charCodeAt(start);
  let seconds = 3600 * two_digits(text, start + 1);
  let at = start + 3;
  for (let unit = 60; unit >= 1 && at < end; unit /= 60, at += 3) {
    const value = two_digits(text, at + 1);
    if (text.charCodeAt(at) !== COLON || value < 0) return NaN;
    seconds += unit * value;
  }
  if (at !== end || seconds < 0) return NaN;
  if (sign === PLUS) return seconds;
  return sign === HYPHEN ? -seconds : NaN;
}

/** The digit at `at`; negative for any other character, and past the end. */
function digit(text: string, at: number): number {
  if (at >= text.length) return -1;
  const value = text.charCodeAt(at) - ZERO;
  return value <= 9 ? value : -1;
}

/** The two digits at `at`; negative if one is none. */
function two_digits(text: string, at: number): number {
  const tens = digit(text, at);
  const ones = digit(text, at + 1);
  return (tens | ones) < 0 ? -1 : 10 * tens + ones;
}

function year_month_day(days: number): string {
  const z = days + EPOCH_DAYS + MARCH_ERA;
  const era = Math.floor(z / ERA_DAYS);
  const day_of_era = z - era * ERA_DAYS;
  const year_of_era = Math.floor(
    (day_of_era - Math.floor(day_of_era / 1460) + Math.floor(day_of_era / 36524) -
      Math.floor(day_of_era / 146096)) / 365,
  );
  const day_of_year = day_of_era -
    (365 * year_of_era + (year_of_era >> 2) - Math.floor(year_of_era / 100)); // from 1 March
  const month_from_march = Math.floor((5 * day_of_year + 2) / 153);
  const day = day_of_year - Math.floor((153 * month_from_march + 2) / 5) + 1;
  const month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const year = year_of_era + 400 * era + (month <= 2 ? 1 : 0);
  return year_text(year) + MONTH_DAY[32 * month + day]!;
}

/** Whether a count of days since 2000-01-01 lies before the year 1. */
function is_bc(days: number): boolean {
  return days < -730_119; // 0001-01-01
}

/** At least four digits; years before 1 are counted backwards from 1 BC. */
function year_text(year: number): string {
  const shown = year > 0 ? year : 1 - year;
  return shown > 999 ? String(shown) : String(shown).padStart(4, "0");
}
