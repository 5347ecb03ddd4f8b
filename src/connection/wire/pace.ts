/**
 * How long what runs on a wire has been running, and whether it was quick so far.
 *
 * Law: a statement's time begins when all that was sent before it is done, so waiting in a
 * pipeline is not counted.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import type { Exchange } from "./exchange.ts";
import type { SendOrder } from "./send_order.ts";

/** Milliseconds in which a statement is quick: others may wait behind it although they need not. */
export const QUICK_MS = 5;

/** The pace of one wire. */
export class Pace {
  readonly #clock: Clock;
  readonly #order: SendOrder;
  /** When something was submitted or answered last, in milliseconds. */
  now = 0;
  #since = 0; // milliseconds

  /** @param order What runs, and what waits for its end. */
  constructor(clock: Clock, order: SendOrder) {
    this.#clock = clock;
    this.#order = order;
  }

  /** Milliseconds that the head had been running when it was answered. */
  get head_took(): number {
    return this.now - this.#since;
  }

  /** Something is about to be submitted; returns the time. */
  submitted(): number {
    this.now = this.#clock.now();
    if (this.#order.sent.size === 0) this.#since = this.now;
    return this.now;
  }

  /** A ReadyForQuery came. */
  answered(): void {
    this.now = this.#clock.now();
  }

  /** The head is done. */
  done(): void {
    this.#since = this.now;
  }

  /** Whether what waits behind all that is sent would begin soon: all of it was quick, the head is, and no cancel is under way. */
  is_quick(now: number): boolean {
    const { sent, held, is_held } = this.#order;
    return sent.size > 0 && !is_held && now - this.#since < QUICK_MS && sent.every(is_quick) &&
      held.every(is_quick);
  }
}

function is_quick(exchange: Exchange<unknown>): boolean {
  return exchange.quick && !exchange.settled; // else it is being cancelled
}
