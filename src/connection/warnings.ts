/**
 * Remarks on how the library is used, such as a handle that was forgotten open.
 *
 * Law: a remark never becomes an error, not even by the function that hears it.
 *
 * @module
 */

/** Something that the caller should know of, but that is no error. */
export interface WarningEvent {
  /** What happened, in one line. */
  readonly message: string;
}

/** Tells `sink`, or the console if there is none. */
export function warn(message: string, sink: ((event: WarningEvent) => void) | undefined): void {
  if (sink === undefined) return console.warn(message);
  try {
    sink({ message });
  } catch (error) {
    console.warn(message, error);
  }
}
