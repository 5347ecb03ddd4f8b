/**
 * Opens the pool's sessions, a few at a time.
 *
 * Law: an attempt ends within the pool's `timeout`, in one call of `done`, and is
 * counted until that very call: nothing can slip between an attempt and its session.
 *
 * @module
 */

import { type Connection, finish } from "../connection/connection.ts";
import type { Session } from "../connection/session.ts";
import { InterfaceError, TimeoutError } from "../errors.ts";
import type { OpenSession, PoolContext } from "./settings.ts";
import type { PoolTotals } from "./stats.ts";

/** Attempts at once: half a pool of default size, so that a server that restarts is not overrun. */
export const OPENING_AT_ONCE = 5;

/** How an attempt ended. */
export type Outcome =
  | { readonly session: Session }
  | { readonly session: null; readonly error: unknown };

/** What an opener needs of the pool's settings. */
export type OpenerSettings = Pick<PoolContext, "clock" | "timeout" | "on_connect">;

/** Runs attempts. */
export class Opener {
  readonly #open: OpenSession;
  readonly #settings: OpenerSettings;
  readonly #make_handle: (session: Session) => Connection;
  readonly #totals: PoolTotals;
  readonly #attempts: Set<AbortController> = new Set();
  #last_failure: unknown = null;
  #stopped = false;
  #stop_reason: unknown = null;

  /** @param make_handle Makes the handle that `on_connect` gets. */
  constructor(
    open: OpenSession,
    settings: OpenerSettings,
    make_handle: (session: Session) => Connection,
    totals: PoolTotals,
  ) {
    this.#open = open;
    this.#settings = settings;
    this.#make_handle = make_handle;
    this.#totals = totals;
  }

  /** How many attempts are under way. */
  get size(): number {
    return this.#attempts.size;
  }

  /** Why the last attempt failed; null if it did not. */
  get last_failure(): unknown {
    return this.#last_failure;
  }

  /** Runs an attempt. */
  async start(done: (outcome: Outcome) => void): Promise<Outcome> {
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    const outcome = await this.#attempt(attempt);
    this.#attempts.delete(attempt);
    done(outcome);
    return outcome;
  }

  /** Abandons all attempts, those to come as well. */
  stop(reason: unknown): void {
    this.#stopped = true;
    this.#stop_reason = reason;
    for (const attempt of this.#attempts) attempt.abort(reason);
  }

  async #attempt(attempt: AbortController): Promise<Outcome> {
    const { clock, timeout } = this.#settings;
    const started = clock.now();
    const cancel_timer = timeout === Infinity
      ? () => {}
      : clock.set_timer(timeout * 1000, () => attempt.abort(too_slow(timeout)));
    try {
      if (this.#stopped) throw this.#stop_reason;
      const session = await this.#open_and_greet(attempt.signal);
      this.#totals.opened++;
      this.#totals.connect_seconds += (clock.now() - started) / 1000;
      this.#last_failure = null;
      return { session };
    } catch (error) {
      this.#totals.connect_errors++;
      this.#last_failure = error;
      return { session: null, error };
    } finally {
      cancel_timer();
    }
  }

  async #open_and_greet(signal: AbortSignal): Promise<Session> {
    const session = await this.#open(signal);
    try {
      await this.#greet(session, signal);
      signal.throwIfAborted();
      if (session.wire.lost !== null) throw session.wire.lost;
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #greet(session: Session, signal: AbortSignal): Promise<void> {
    const { on_connect } = this.#settings;
    if (on_connect === undefined) return;
    const connection = this.#make_handle(session);
    try {
      await Promise.race([on_connect(connection), aborted(signal)]);
      const fact = left_over(session);
      if (fact === null) return;
      throw new InterfaceError(
        `cannot use the new connection: on_connect must leave it idle, but ${fact}`,
      );
    } finally {
      finish(connection, new InterfaceError("cannot use the connection: on_connect has ended"));
    }
  }
}

/** What keeps a session from being lent; null if nothing does. */
export function left_over(session: Session): string | null {
  if (session.closed) return "it was closed";
  if (session.wire.lost !== null) return "it was lost";
  if (session.wire.busy) return "a statement is still running";
  return session.state === "I" ? null : "a transaction is still open";
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function too_slow(seconds: number): TimeoutError {
  return new TimeoutError(`cannot connect: it must succeed within ${seconds} s, but has not`);
}
