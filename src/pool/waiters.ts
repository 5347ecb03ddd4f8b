/**
 * The callers inside `Pool.acquire()`: first come, first served.
 *
 * Law: a waiter is settled by whoever takes it out of the queue, and by no one
 * else. So nothing is ever handed to a caller who already left.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { Chain, Member } from "../connection/base/chain.ts";
import { Deadlines } from "../connection/base/deadlines.ts";

/** One caller. */
export class Waiter<T> extends Member<Waiter<T>> {
  /** Settles when the caller leaves the queue; where it gave work to do, when that is done. */
  readonly promise: Promise<unknown>;
  /** What it does with what it is served with, at that very moment; null: its caller sees to it. */
  readonly work: ((value: T) => Promise<unknown>) | null;
  /** The seconds that it gave. */
  readonly timeout: number;
  /** When it came, in milliseconds. */
  readonly since: number;
  /** Whether a connection is being opened on its behalf. */
  opening = false;
  /** Whether the server had no room for that one, so only a connection that comes back can help. */
  refused = false;
  /** Serves the caller. */
  resolve!: (value: T) => void;
  /** Turns it away. */
  reject!: (reason: unknown) => void;

  /** Made by `WaiterQueue.join()`. */
  constructor(timeout: number, since: number, work: ((value: T) => Promise<unknown>) | null) {
    super();
    this.timeout = timeout;
    this.since = since;
    this.work = work;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = work === null ? resolve : (value) => resolve(work(value));
      this.reject = reject;
    });
  }

  /** Whether it is in the queue. */
  get waiting(): boolean {
    return this.chain !== null;
  }

  /** When it gives up, in milliseconds. */
  get deadline(): number {
    return this.since + this.timeout * 1000;
  }
}

/** A fair queue, with one timer for all deadlines. Leaving costs the same wherever one stands. */
export class WaiterQueue<T> extends Chain<Waiter<T>> {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #late: (waiter: Waiter<T>) => unknown;
  #refused = 0;

  /** @param late Makes the error for a caller who waited too long and is still counted. */
  constructor(clock: Clock, late: (waiter: Waiter<T>) => unknown) {
    super();
    this.#clock = clock;
    this.#late = late;
    this.#deadlines = new Deadlines(clock, (now) => this.#expire(now));
  }

  /** How many of them a new connection could help. */
  get hopeful(): number {
    return this.size - this.#refused;
  }

  /**
   * Joins at the end.
   *
   * @param timeout Seconds until the caller is turned away.
   * @param signal Turns it away when it aborts; not aborted yet.
   * @param again Joins at the front instead: what the caller was served with was no good.
   * @param work Done with what it is served with.
   */
  join(
    timeout: number,
    signal: AbortSignal | undefined,
    again = false,
    work: ((value: T) => Promise<unknown>) | null = null,
  ): Waiter<T> {
    const waiter = new Waiter<T>(timeout, this.#clock.now(), work);
    if (signal) this.#watch(waiter, signal); // first, as it throws where that is no signal
    if (again) this.prepend(waiter);
    else this.append(waiter);
    this.#deadlines.add(waiter.deadline);
    return waiter;
  }

  /** Takes one out and serves it. */
  serve(waiter: Waiter<T>, value: T): void {
    this.remove(waiter);
    waiter.resolve(value);
  }

  /** Turns one away. Does nothing if it has left. */
  reject(waiter: Waiter<T>, reason: unknown): void {
    if (this.remove(waiter)) waiter.reject(reason);
  }

  /** Turns one away whose time is over. */
  expire(waiter: Waiter<T>): void {
    if (this.has(waiter)) this.reject(waiter, this.#late(waiter));
  }

  /** Turns everyone away. */
  reject_all(reason: unknown): void {
    for (const waiter of this) this.reject(waiter, reason);
    this.#deadlines.clear();
  }

  /** The server has no room for a connection of this waiter's own. */
  refuse(waiter: Waiter<T>): void {
    if (!this.has(waiter) || waiter.refused) return;
    waiter.refused = true;
    this.#refused++;
  }

  /** A connection has ended, so there may be room for the first that was refused. */
  encourage(): void {
    if (this.#refused === 0) return;
    for (const waiter of this) {
      if (!waiter.refused) continue;
      waiter.refused = false;
      this.#refused--;
      return;
    }
  }

  /** Takes one out, to be settled by who did; false if it has left. */
  override remove(waiter: Waiter<T>): boolean {
    if (!super.remove(waiter)) return false;
    if (waiter.refused) this.#refused--;
    return true;
  }

  #watch(waiter: Waiter<T>, signal: AbortSignal): void {
    const abort = () => this.reject(waiter, signal.reason);
    signal.addEventListener("abort", abort);
    const forget = () => signal.removeEventListener("abort", abort);
    waiter.promise.then(forget, forget);
  }

  #expire(now: number): number {
    let next = Infinity;
    for (const waiter of this) {
      if (waiter.deadline > now) next = Math.min(next, waiter.deadline);
      else this.expire(waiter);
    }
    return next;
  }
}
