/**
 * Checks of what callers give.
 *
 * @module
 */

import type { Codec } from "../../codecs/codec.ts";
import { kind_of } from "../../codecs/kinds.ts";
import { DataError, InterfaceError, ProgrammingError } from "../../errors.ts";
import type { RowFactory } from "../../rows/factories.ts";

/** Rows in a batch where nothing else is said; psycopg2's. */
export const DEFAULT_ITERSIZE = 2000;

/** Bytes of a name: NAMEDATALEN less its terminator. */
export const MAX_NAME = 63;

const MAX_ITERSIZE = 0x7fffffff; // Execute counts in a signed 32-bit integer

/**
 * Seconds, as given by the caller.
 *
 * @param seconds A positive number; `Infinity` means no limit.
 * @throws {InterfaceError} If it is anything else.
 */
export function check_timeout(seconds: number): number {
  if (typeof seconds === "number" && seconds > 0) return seconds;
  throw new InterfaceError(
    `cannot use timeout: it must be a positive number of seconds, or Infinity for no limit, ` +
      `but is ${typeof seconds === "number" ? seconds : typeof seconds}`,
  );
}

/**
 * What gives a call up, as given by the caller.
 *
 * @throws {InterfaceError} If it is no AbortSignal.
 */
export function check_signal(signal: AbortSignal | null | undefined): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  if (typeof signal.throwIfAborted === "function") return signal;
  throw new InterfaceError(
    `cannot use signal: it must be an AbortSignal, but is ${kind_of(signal)}`,
    { hint: "of an AbortController it is `signal`" },
  );
}

/**
 * Conversions of one's own, as given by the caller.
 *
 * @throws {InterfaceError} If they are no array.
 */
export function check_codecs(codecs: readonly Codec[] | undefined): readonly Codec[] | undefined {
  if (codecs === undefined || Array.isArray(codecs)) return codecs;
  throw new InterfaceError(`cannot use codecs: they must be an array, but are ${kind_of(codecs)}`);
}

/**
 * The shape of rows, as given by the caller.
 *
 * @throws {InterfaceError} If it is no function.
 */
export function check_row_factory<R>(factory: RowFactory<R>): RowFactory<R> {
  if (typeof factory === "function") return factory;
  throw new InterfaceError(
    `cannot use row_factory: it must be a function of the columns, but is ${kind_of(factory)}`,
  );
}

/** Rows in a batch must be a positive number. */
export function check_itersize(itersize: number): number {
  if (Number.isInteger(itersize) && itersize > 0 && itersize <= MAX_ITERSIZE) return itersize;
  throw new InterfaceError(
    `cannot use itersize: it must be a whole number of rows from 1 to ${MAX_ITERSIZE}, ` +
      `but is ${itersize}`,
  );
}

/** For `fetchmany()`. */
export function check_count(size: number): void {
  if (Number.isInteger(size) && size >= 0) return;
  throw new ProgrammingError(
    `cannot fetch: size must be a whole number of rows from 0, but is ${
      typeof size === "number" ? size : kind_of(size)
    }`,
  );
}

/**
 * The row that `scroll()` leads to.
 *
 * @throws {ProgrammingError} If it is not from 0 to `last`.
 */
export function check_scroll(
  value: number,
  mode: "relative" | "absolute",
  position: number,
  last: number,
): number {
  if (mode !== "relative" && mode !== "absolute") {
    throw new ProgrammingError(
      `cannot scroll: mode must be "relative" or "absolute", but is ${JSON.stringify(mode)}`,
    );
  }
  if (!Number.isInteger(value)) {
    throw new ProgrammingError(
      `cannot scroll: value must be a whole number of rows, but is ${kind_of(value)}`,
    );
  }
  const target = mode === "relative" ? position + value : value;
  if (target >= 0 && target <= last) return target;
  throw new ProgrammingError(
    `cannot scroll: the row must be from 0 to ${last}, but is ${target}`,
  );
}

/**
 * Text that the server would cut, or refuse, where it is too long.
 *
 * @throws {DataError} If it is more than `most` bytes.
 */
export function check_bytes(action: string, what: string, text: string, most: number): void {
  if (typeof text !== "string") {
    throw new DataError(`cannot ${action}: ${what} must be text, but is of type ${typeof text}`);
  }
  const size = new TextEncoder().encode(text).length;
  if (size <= most) return;
  throw new DataError(
    `cannot ${action}: ${what} must be at most ${most} bytes of UTF-8, but is ${size}`,
    { sqlstate: "22023" },
  );
}
