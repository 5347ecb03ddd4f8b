/**
 * A function in a transaction, run again where the server asks for that.
 *
 * Law: it runs again only after its transaction was rolled back for sure, and
 * never when the outcome is unknown.
 *
 * Source: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import { DatabaseError, ProgrammingError } from "../../errors.ts";
import type { SessionControl } from "../handle/session_control.ts";
import { run_within } from "./run_within.ts";
import { Transaction, type TransactionOptions } from "./transaction.ts";

/** How a function is run in a transaction. */
export interface RunTransactionOptions extends TransactionOptions {
  /** How often to run it again after a serialization failure or a deadlock. Default: 0. */
  readonly retry?: number | undefined;
}

/** Time and chance, so that tests can pass their own. */
export interface Backoff {
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
}

/** SQLSTATEs of transactions that may succeed when they are run again. */
const TO_RETRY: ReadonlySet<string | null> = new Set(["40001", "40P01"]);
/** Milliseconds before the first retry, at most; twice as much before each further one. */
const FIRST_PAUSE = 20;
/** Milliseconds before any retry, at most. */
const LONGEST_PAUSE = 2000;

/** Begins a transaction, runs `fn` in it, and commits; see `Connection.transaction()`. */
export async function run_transaction<T>(
  connection: SessionControl,
  fn: (tx: Transaction) => T | Promise<T>,
  options: RunTransactionOptions,
  backoff: Backoff,
): Promise<T> {
  const retries = check_retry(options.retry ?? 0);
  for (let run = 0;; run++) {
    const tx = await new Transaction(connection, options).begin();
    try {
      return await run_within(tx, fn, options.signal);
    } catch (error) {
      if (run >= retries || connection.closed || !is_to_retry(error)) throw error;
    }
    await pause(run, backoff, options.signal);
  }
}

function is_to_retry(error: unknown): boolean {
  return error instanceof DatabaseError && TO_RETRY.has(error.sqlstate);
}

function check_retry(retry: number): number {
  if (Number.isInteger(retry) && retry >= 0) return retry;
  throw new ProgrammingError(
    `cannot run the transaction: retry must be a whole number from 0, but is ${
      typeof retry === "number" ? retry : `of type ${typeof retry}`
    }`,
  );
}

/** Those that failed together should not meet again, so each waits at random. */
function pause(run: number, { clock, random }: Backoff, signal?: AbortSignal): Promise<void> {
  const longest = Math.min(FIRST_PAUSE * 2 ** run, LONGEST_PAUSE);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      stop();
      reject(signal!.reason);
    };
    const stop = clock.set_timer(random() * longest, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
