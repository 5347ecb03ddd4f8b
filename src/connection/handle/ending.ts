/**
 * Why a handle can no longer be used.
 *
 * @module
 */

import { InterfaceError } from "../../errors.ts";

/** Why a handle is dead. */
export interface Ending {
  /** In the words of errors, such as `the connection is closed`. */
  readonly fact: string;
  /** For who waits on it. */
  readonly error: InterfaceError;
}

/** Made once for each reason, as errors are dear to make. */
export function ending(fact: string): Ending {
  return { fact, error: new InterfaceError(`cannot use the connection: ${fact}`) };
}
