/**
 * Checks and small services that every public call goes through.
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { InterfaceError, PgError } from "../../errors.ts";
import type { RowFactory } from "../../rows/factories.ts";

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

/** V8 and JSC have it; the standard does not. */
interface StackCapturer {
  captureStackTrace?(error: object, below: unknown): void;
}

/**
 * Lets an error that was made in the socket's reader show where the call came from.
 * To be used in the `catch` of an `async` function, where engines still know its callers.
 * What a signal, a codec or a row factory of the user's brought has a stack of its own, which stays.
 */
export function at_call(error: unknown): unknown {
  if (error instanceof PgError) (Error as StackCapturer).captureStackTrace?.(error, at_call);
  return error;
}

/**
 * `at_call()` for streams, whose readers and writers no engine tells: where the stream was made stands
 * for them. To be made there.
 *
 * @param below Called on the way; the stack begins with its caller.
 */
export function at_origin(below: object): (error: unknown) => unknown {
  const origin = new Error();
  (Error as StackCapturer).captureStackTrace?.(origin, below);
  return (error) => {
    const frames = origin.stack?.indexOf("\n") ?? -1;
    if (error instanceof PgError && frames >= 0) error.stack = error + origin.stack!.slice(frames);
    return error;
  };
}
