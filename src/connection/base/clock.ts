/**
 * Time from the globals that every runtime has.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";

/** Node's and Bun's timers are objects; elsewhere they are numbers. */
interface HostTimer {
  unref?(): void;
}

/** The clock of runtimes whose adapter brings none. */
export const system_clock: Clock = {
  now: () => performance.now(),
  set_timer(delay, callback) {
    const timer = setTimeout(callback, Math.min(delay, MAX_DELAY));
    (timer as HostTimer).unref?.();
    return () => clearTimeout(timer);
  },
};

/** Milliseconds; beyond it timers of every runtime wrap to 1. */
const MAX_DELAY = 0x7fffffff;
