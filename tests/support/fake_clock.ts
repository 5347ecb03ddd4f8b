/**
 * A clock that moves only when a test says so.
 *
 * @module
 */

import type { Clock } from "../../src/adapters/socket.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that a test holds in its hand. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers: Set<Timer> = new Set();

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** As `Clock.now()`. */
  now(): number {
    return this.#now;
  }

  /** As `Clock.set_timer()`. */
  set_timer(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + delay, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets `seconds` pass; timers that are due fire in order. */
  advance(seconds: number): void {
    const end = this.#now + seconds * 1000;
    for (let timer = this.#next(end); timer !== null; timer = this.#next(end)) {
      this.#now = Math.max(this.#now, timer.at);
      this.#timers.delete(timer);
      timer.callback();
    }
    this.#now = end;
  }

  #next(end: number): Timer | null {
    const [first] = [...this.#timers].sort((a, b) => a.at - b.at);
    return first !== undefined && first.at <= end ? first : null;
  }
}
