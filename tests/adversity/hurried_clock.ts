/**
 * A clock that goes twenty times as fast while nothing but time is waited for.
 *
 * Law: it hurries nobody who is at work. While a server has something to answer it keeps to the time
 * of the world; and between two turns of the event loop it never goes far, so that what a busy
 * machine was too slow to do is done before any deadline for it.
 *
 * @module
 */

import type { Clock } from "../../src/adapters/socket.ts";

const HURRY = 20;
/** Milliseconds of this clock that pass at most in a turn of the event loop. */
const MOST_A_TURN = 2 * HURRY;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that stands still while nobody has set a timer. */
export class HurriedClock implements Clock {
  readonly #is_busy: () => boolean;
  readonly #timers: Set<Timer> = new Set();
  #now = 0;
  #seen = 0; // what the world's clock said last
  #turn: ReturnType<typeof setTimeout> | null = null;

  /** @param is_busy Whether someone is at work. */
  constructor(is_busy: () => boolean) {
    this.#is_busy = is_busy;
  }

  /** As `Clock.now()`. */
  now(): number {
    return this.#now;
  }

  /** As `Clock.set_timer()`. */
  set_timer(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + delay, callback };
    this.#timers.add(timer);
    this.#start();
    return () => {
      this.#timers.delete(timer);
      if (this.#timers.size === 0) this.#stop();
    };
  }

  #start(): void {
    if (this.#turn !== null) return;
    this.#seen = performance.now();
    this.#turn = setTimeout(this.#tick, 1);
  }

  #stop(): void {
    if (this.#turn !== null) clearTimeout(this.#turn);
    this.#turn = null;
  }

  readonly #tick = (): void => {
    this.#turn = null;
    const passed = performance.now() - this.#seen;
    this.#advance(Math.min(this.#is_busy() ? passed : HURRY * passed, MOST_A_TURN));
    if (this.#timers.size > 0) this.#start();
  };

  #advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      if (!this.#timers.delete(timer)) continue; // by one before it
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
    }
    this.#now = end;
  }
}
