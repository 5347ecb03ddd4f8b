/**
 * A function inside a transaction that has begun.
 *
 * Law: the caller gets what the function threw, whatever becomes of the rollback.
 *
 * @module
 */

import { unless_aborted } from "../base/within.ts";

/** What is needed of a transaction to end it. */
export interface Endable extends AsyncDisposable {
  /** Whether it was ended by its handle, well or not; what else may have ended it, `commit()` tells. */
  readonly ended: boolean;
  /** Ends it for good. */
  commit(): Promise<void>;
}

/**
 * Runs `fn` and ends its transaction: commits, or rolls back where it throws.
 *
 * @param signal Gives up waiting for `fn`.
 * @throws What `fn` throws, whatever becomes of the rollback.
 */
export async function run_within<T, Tx extends Endable>(
  tx: Tx,
  fn: (tx: Tx) => T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    const result = await unless_aborted(async () => await fn(tx), signal);
    if (!tx.ended) await tx.commit(); // else `fn` has done it
    return result;
  } catch (error) {
    await tx[Symbol.asyncDispose]();
    throw error;
  }
}
