/**
 * The way to a session: at once, or by waiting, within one deadline.
 *
 * @module
 */

import { check_signal, check_timeout } from "../connection/base/checks.ts";
import { at_call } from "../connection/base/stacks.ts";
import { OperationalError, PoolClosedError } from "../errors.ts";
import type { PoolContext } from "./context.ts";
import type { SessionPool } from "./session_pool.ts";
import type { Slot } from "./slot.ts";

/** How long `acquire()` may take, and how it is given up. */
export interface AcquireOptions {
  /** Seconds until `PoolTimeout`. Default: the pool's `timeout`. `Infinity`: no limit. */
  readonly timeout?: number | undefined;
  /** Gives up: `acquire()` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Seconds; a deadline that has just passed is still a deadline. */
const LEAST_TIMEOUT = 0.001;

/** Borrows sessions of one pool. */
export class Borrower {
  readonly #sessions: SessionPool;
  readonly #context: PoolContext;

  /** @param context For the default of `timeout`. */
  constructor(sessions: SessionPool, context: PoolContext) {
    this.#sessions = sessions;
    this.#context = context;
  }

  /**
   * A slot if there is one at once; else use `wait()`, or `wait_to()`.
   *
   * @param shares For one statement, as `SessionPool.take()` has it.
   */
  take({ timeout, signal }: AcquireOptions, shares: boolean = false): Slot | undefined {
    if (timeout !== undefined) check_timeout(timeout);
    check_signal(signal)?.throwIfAborted();
    return this.#sessions.take(shares);
  }

  /** Runs one statement as soon as there is a slot for it. */
  async wait_to<T>(
    options: AcquireOptions,
    run: (slot: Slot, time_left: number) => Promise<T>,
  ): Promise<T> {
    const { timeout = this.#context.timeout, signal } = options;
    const { clock } = this.#context;
    const deadline = clock.now() + timeout * 1000;
    const work = (slot: Slot) =>
      run(slot, Math.max((deadline - clock.now()) / 1000, LEAST_TIMEOUT));
    try {
      return await this.#sessions.wait(timeout, signal, false, work) as T;
    } catch (error) {
      throw own_at_call(error);
    }
  }

  /** A slot, and the seconds of the timeout that are left. */
  async wait(options: AcquireOptions): Promise<[slot: Slot, time_left: number]> {
    const { timeout = this.#context.timeout, signal } = options;
    const { clock } = this.#context;
    const deadline = clock.now() + timeout * 1000;
    try {
      for (let time_left = timeout, again = false;; again = true) {
        signal?.throwIfAborted();
        const slot = await this.#sessions.wait(time_left, signal, again) as Slot;
        time_left = Math.max((deadline - clock.now()) / 1000, LEAST_TIMEOUT);
        if (slot.session.usable) return [slot, time_left];
        this.#sessions.put_back(slot, false); // it was lost on its way here
      }
    } catch (error) {
      throw own_at_call(error);
    }
  }

  /** `take()`, else `wait()`. */
  async borrow(options: AcquireOptions): Promise<[slot: Slot, time_left: number]> {
    const slot = this.take(options);
    return slot === undefined
      ? await this.wait(options)
      : [slot, options.timeout ?? this.#context.timeout];
  }
}

function own_at_call(error: unknown): unknown {
  const is_ours = error instanceof OperationalError || error instanceof PoolClosedError;
  return is_ours ? at_call(error) : error;
}
