/**
 * Waiting with a limit.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";

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

/**
 * Runs `work` with a signal that aborts after `seconds`, for the reason `late()`, or when `outer` does.
 *
 * @param seconds May be Infinity.
 */
export async function abort_after<T>(
  clock: Clock,
  seconds: number,
  late: () => unknown,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const stop = new AbortController();
  const abort = () => stop.abort(outer!.reason);
  outer?.addEventListener("abort", abort);
  const cancel_timer = seconds === Infinity
    ? () => {}
    : clock.set_timer(seconds * 1000, () => stop.abort(late()));
  try {
    return await work(stop.signal);
  } finally {
    cancel_timer();
    outer?.removeEventListener("abort", abort);
  }
}

/** Rejects with the signal's reason as soon as there is one, whatever `work` does then. */
export async function unless_aborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return await work();
  signal.throwIfAborted();
  let on_abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    on_abort = () => reject(signal.reason);
    signal.addEventListener("abort", on_abort);
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener("abort", on_abort);
  }
}
