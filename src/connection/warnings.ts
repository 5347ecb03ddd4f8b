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

/** Hears warnings; where there is none, the console does. */
export type WarningSink = (event: WarningEvent) => void;

/** Tells `sink`, or the console. */
export function warn(message: string, sink: WarningSink | undefined): void {
  if (sink === undefined) return console.warn(message);
  try {
    sink({ message });
  } catch (error) {
    console.warn(message, error);
  }
}
