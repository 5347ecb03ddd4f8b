/**
 * Which of the free slots goes next: the one that was used least recently.
 *
 * Law: one that is being reset is waited for although another is ready, but not for longer than a
 * moment, whatever becomes of it.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import type { Ages } from "./ages.ts";
import type { FreeSlots, Slot } from "./slot.ts";

/** Milliseconds that a slot may be ready after one that was used later: resets take about the same time. */
const MOMENT = 50;

/** What an order tells the pool. */
export interface OrderHost {
  /** Takes one out of the free ones, and ends it. */
  close(slot: Slot): void;
  /** There may be a next one now. */
  changed(): void;
}

/** Chooses among the free slots. */
export class Order {
  readonly #clock: Clock;
  readonly #ages: Ages;
  readonly #free: FreeSlots;
  readonly #host: OrderHost;
  #cancel_timer: (() => void) | null = null;

  /** @param free What to choose from. */
  constructor(clock: Clock, ages: Ages, free: FreeSlots, host: OrderHost) {
    this.#clock = clock;
    this.#ages = ages;
    this.#free = free;
    this.#host = host;
  }

  /**
   * The next that can be lent as it is. Undefined: there is none, or those before it soon can, and
   * will do for all.
   *
   * @param callers How many are to be served, from 1.
   */
  next(callers: number): Slot | undefined {
    if (this.#free.size === 0) return undefined; // before the clock is asked
    const now = this.#clock.now();
    let before = 0;
    for (let slot = this.#free.first, after: Slot | null; slot !== null; slot = after) {
      after = slot.after;
      if (slot.readiness === "soon" && !slot.late) before++;
      if (slot.readiness !== "ready") continue;
      if (this.#ages.is_old(slot, now)) this.#host.close(slot);
      else if (this.#ages.needs_check(slot, now)) continue;
      else if (before < callers) return slot;
      else return void this.#be_patient();
    }
    return undefined;
  }

  /** Nobody waits any more. */
  rest(): void {
    this.#cancel_timer?.();
    this.#cancel_timer = null;
  }

  #be_patient(): void {
    this.#cancel_timer ??= this.#clock.set_timer(MOMENT, () => {
      this.#cancel_timer = null;
      for (const slot of this.#free) slot.late = slot.readiness === "soon";
      this.#host.changed();
    });
  }
}
