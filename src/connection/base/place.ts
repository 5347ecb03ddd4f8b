/**
 * Refuses what a runtime would never answer: the use of a socket where it cannot be used, as on
 * workerd in another request than the one that opened it.
 *
 * Law: nothing is sent, and nobody waits. Left to the runtime, such a call throws what does not name
 * its cause, or hangs until the runtime gives the request up.
 *
 * @module
 */

import type { Place } from "../../adapters/socket.ts";
import { InterfaceError } from "../../errors.ts";

/** Whether this is the place; undefined is everywhere. */
export function is_here(place: Place | undefined): boolean {
  return place === undefined || place.is_here();
}

/**
 * Throws unless this is the place.
 *
 * @param action For the message, such as `close the connection`.
 */
export function check_place(place: Place | undefined, action: string): void {
  if (!is_here(place)) throw elsewhere(place!, action);
}

/**
 * A function that has `work` done in the place at hand, wherever it is called: what waits for a promise
 * goes on in the place where the promise was made.
 */
export function here(work: () => void): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  void promise.then(work);
  return resolve;
}

/** Why something cannot be done here. */
export function elsewhere({ name }: Place, action: string): InterfaceError {
  return new InterfaceError(
    `cannot ${action}: a connection can be used only in the ${name} that opened it, ` +
      `but this is another ${name}`,
    {
      hint: `connect, or acquire from a pool, in each ${name}; a pool itself may be shared`,
      safe_to_retry: true,
    },
  );
}
