/**
 * One timer for all the deadlines of a wire.
 *
 * Law: a statement that ends in time costs no timer. The timer is armed for the
 * earliest deadline known and left running when that one is met; when it
 * fires, `expire` looks at who is still there and says what is next.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";

/** The earliest of many deadlines. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #expire: (now: number) => number;
  #armed = Infinity; // when the timer fires
  #cancel: (() => void) | null = null;

  /**
   * @param expire Ends all that is due at `now`; returns the next deadline, or Infinity.
   */
  constructor(clock: Clock, expire: (now: number) => number) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** Makes sure that the timer fires no later than `deadline`. */
  add(deadline: number): void {
    if (deadline >= this.#armed) return;
    this.#cancel?.();
    this.#armed = deadline;
    this.#cancel = this.#clock.set_timer(Math.max(0, deadline - this.#clock.now()), () => {
      this.#armed = Infinity;
      this.#cancel = null;
      this.add(this.#expire(this.#clock.now()));
    });
  }

  /** Stops the timer. */
  clear(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#armed = Infinity;
  }
}
