/**
 * Where errors say that they come from.
 *
 * @module
 */

import { PgError } from "../../errors.ts";

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
