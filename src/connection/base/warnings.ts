/**
 * Remarks on how the library is used, such as a handle that was forgotten open, and the hooks that
 * hear of this and that.
 *
 * Law: a remark never becomes an error, not even by the function that hears it.
 *
 * @module
 */

/** What an echo function receives, or `console.debug` where `echo` is true. */
export interface EchoEvent {
  /** The statement's text. */
  readonly query: string;
  /** How many parameters it has; their values are never shown. */
  readonly parameter_count: number;
}

/** Something that the caller should know of, but that is no error. */
export interface WarningEvent {
  /** What happened, in one line. */
  readonly message: string;
}

/** Tells `sink`, or the console if there is none. */
export function warn(message: string, sink: ((event: WarningEvent) => void) | undefined): void {
  if (sink === undefined) console.warn(message);
  else tell(sink, { message }, message);
}

/**
 * Calls a hook of the user's; what it throws, or rejects with, goes to the console.
 *
 * @param what Goes there, too.
 */
export function tell<E>(hook: (event: E) => unknown, event: E, what = "a hook failed:"): void {
  const failed = (error: unknown) => console.warn(what, error);
  try {
    const result = hook(event);
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
