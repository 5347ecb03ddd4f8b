/**
 * Waiting with a limit.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";

/**
 * True when `work` settles within `seconds`, else false; rethrows its error.
 */
export async function within(
  clock: Clock,
  seconds: number,
  work: Promise<unknown>,
): Promise<boolean> {
  let stop = () => {};
  const late = new Promise<false>((resolve) => {
    stop = clock.set_timer(seconds * 1000, () => resolve(false));
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    stop();
  }
}
