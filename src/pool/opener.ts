/**
 * Opens the pool's sessions, a few at a time.
 *
 * Laws: an attempt ends within the pool's `timeout`, in one call of `done`, and is
 * counted until that very call: nothing can slip between an attempt and its session.
 * While one of them is late, which may be the network's fault, others begin one at a
 * time; and none gives way to another without more patience for the next.
 *
 * @module
 */

import { type Connection, finish } from "../connection/handle/connection.ts";
import { ending } from "../connection/handle/ending.ts";
import type { Session } from "../connection/session/session.ts";
import { InterfaceError } from "../errors.ts";
import { type Caller, ConnectAttempt, given_up } from "./connect_attempt.ts";
import type { OpenSession, PoolContext } from "./context.ts";
import type { PoolTotals } from "./stats.ts";

/** Attempts at once: half a pool of default size, so that a server that restarts is not overrun. */
export const OPENING_AT_ONCE = 5;

/** Milliseconds after which an attempt is late: at least that, since TCP sends a lost SYN again then (RFC 6298). */
const SOON = 1000;

/** Milliseconds: at most that, however long the last one took, such as by a host that does not answer before one that does. */
const MOST_SOON = 15_000;

const CONNECTED = ending("on_connect has ended");

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
  readonly #late: () => void;
  readonly #attempts: Set<ConnectAttempt> = new Set(); // the oldest first
  #late_ones = 0;
  #leaving: ConnectAttempt | null = null;
  #gave_way = 0; // how many, since one succeeded
  #soon = SOON;
  #last_failure: unknown = null;
  #stopped = false;
  #stop_reason: unknown = null;

  /**
   * @param make_handle Makes the handle that `on_connect` gets.
   * @param late Hears that an attempt is late, or later still.
   */
  constructor(
    open: OpenSession,
    settings: OpenerSettings,
    make_handle: (session: Session) => Connection,
    totals: PoolTotals,
    late: () => void,
  ) {
    this.#open = open;
    this.#settings = settings;
    this.#make_handle = make_handle;
    this.#totals = totals;
    this.#late = late;
  }

  /** How many attempts are under way. */
  get size(): number {
    return this.#attempts.size;
  }

  /** How many of them are expected to succeed soon. */
  get expected(): number {
    return this.#attempts.size - this.#late_ones;
  }

  /** Whether one more may begin now. */
  get may_begin(): boolean {
    return this.expected < (this.#late_ones === 0 ? OPENING_AT_ONCE : 1);
  }

  /** Why the last attempt failed; null if it did not. */
  get last_failure(): unknown {
    return this.#last_failure;
  }

  /** Runs an attempt on someone's behalf. */
  async start(caller: Caller | null, done: (outcome: Outcome) => void): Promise<Outcome> {
    const { clock, timeout } = this.#settings;
    const attempt = new ConnectAttempt(clock, caller, timeout, this.#soon, this.#looked);
    this.#attempts.add(attempt);
    const outcome = await this.#run(attempt);
    attempt.ended();
    this.#attempts.delete(attempt);
    if (attempt.looks > 0) this.#late_ones--;
    if (attempt === this.#leaving) this.#leaving = null;
    done(outcome);
    return outcome;
  }

  /**
   * Ends one that is late and whose caller left, as another needs its place. Each time that takes
   * one more look at it: where connecting takes long and callers leave early, one succeeds at last.
   */
  give_way(): void {
    if (this.#late_ones === 0 || this.#leaving !== null) return;
    for (const attempt of this.#attempts) {
      if (!attempt.is_orphan || attempt.looks <= this.#gave_way) continue;
      this.#leaving = attempt;
      this.#gave_way++;
      return attempt.abort(given_up());
    }
  }

  /** Abandons all attempts, those to come as well. */
  stop(reason: unknown): void {
    this.#stopped = true;
    this.#stop_reason = reason;
    for (const attempt of this.#attempts) attempt.abort(reason);
  }

  readonly #looked = (attempt: ConnectAttempt): void => {
    if (attempt.looks === 1) this.#late_ones++;
    this.#late();
  };

  async #run(attempt: ConnectAttempt): Promise<Outcome> {
    const { clock } = this.#settings;
    const started = clock.now();
    try {
      if (this.#stopped) throw this.#stop_reason;
      const session = await this.#open_and_greet(attempt.signal);
      this.#succeeded(clock.now() - started);
      return { session };
    } catch (error) {
      this.#totals.connect_errors++;
      this.#last_failure = error;
      return { session: null, error };
    }
  }

  #succeeded(took: number): void {
    this.#totals.opened++;
    this.#totals.connect_seconds += took / 1000;
    this.#last_failure = null;
    this.#gave_way = 0;
    this.#soon = Math.min(Math.max(SOON, 2 * took), MOST_SOON);
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
      finish(connection, CONNECTED);
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
