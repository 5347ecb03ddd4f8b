/**
 * One attempt to open a session, and for how long others may count on it.
 *
 * Law: it is ended when the pool's `timeout` is over. Until then it is looked at after a while, after
 * twice that, and so on; from the first look on it is late, as all of them are in a dead network.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { TimeoutError } from "../errors.ts";

/** On whose behalf an attempt is made. */
export interface Caller {
  /** Whether it still waits. */
  readonly waiting: boolean;
}

/** An attempt that is under way. */
export class ConnectAttempt {
  readonly #clock: Clock;
  readonly #caller: Caller | null;
  readonly #timeout: number; // seconds
  readonly #looked: (attempt: ConnectAttempt) => void;
  readonly #end: AbortController = new AbortController();
  #looks = 0;
  #cancel_timer: () => void = () => {};

  /**
   * @param caller Null: it is made for the pool itself.
   * @param timeout Seconds.
   * @param soon Milliseconds until the first look.
   * @param looked Called at each look.
   */
  constructor(
    clock: Clock,
    caller: Caller | null,
    timeout: number,
    soon: number,
    looked: (attempt: ConnectAttempt) => void,
  ) {
    this.#clock = clock;
    this.#caller = caller;
    this.#timeout = timeout;
    this.#looked = looked;
    this.#look_in(0, soon);
  }

  /** Aborts when it is to end. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** How often it was looked at. Zero: it is still expected to succeed soon. */
  get looks(): number {
    return this.#looks;
  }

  /** Whether the caller on whose behalf it was made waits no more. */
  get is_orphan(): boolean {
    return this.#caller === null || !this.#caller.waiting;
  }

  /** Ends it. */
  abort(reason: unknown): void {
    this.#end.abort(reason);
  }

  /** It has ended. */
  ended(): void {
    this.#cancel_timer();
  }

  /** @param age That it has now, and that it will have then, in milliseconds. */
  #look_in(age: number, age_then: number): void {
    const last = this.#timeout * 1000;
    const next = Math.min(age_then, last);
    this.#cancel_timer = this.#clock.set_timer(next - age, () => {
      if (next === last) return this.abort(too_slow(this.#timeout));
      this.#looks++;
      this.#look_in(next, 2 * next);
      this.#looked(this);
    });
  }
}

/** For an attempt whose place another one takes. */
export function given_up(): TimeoutError {
  return new TimeoutError(
    "cannot connect: it must succeed soon while others need its place, but has not",
    { safe_to_retry: true },
  );
}

function too_slow(seconds: number): TimeoutError {
  return new TimeoutError(`cannot connect: it must succeed within ${seconds} s, but has not`, {
    safe_to_retry: true,
  });
}
