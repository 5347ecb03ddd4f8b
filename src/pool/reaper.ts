/**
 * Closes free sessions that are old, or idle and more than are to be kept.
 *
 * Law: one timer for all, which does not keep the process alive.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { Deadlines } from "../connection/deadlines.ts";
import type { Ages } from "./ages.ts";
import type { FreeSlots, Slot } from "./slot.ts";

/** Looks at the free sessions when the first of them is due. */
export class Reaper {
  readonly #ages: Ages;
  readonly #free: FreeSlots;
  readonly #has_surplus: () => boolean;
  readonly #close: (slot: Slot) => void;
  readonly #deadlines: Deadlines;

  /**
   * @param has_surplus Whether there are more sessions than are to be kept.
   * @param close Takes one out of `free`.
   */
  constructor(
    clock: Clock,
    ages: Ages,
    free: FreeSlots,
    has_surplus: () => boolean,
    close: (slot: Slot) => void,
  ) {
    this.#ages = ages;
    this.#free = free;
    this.#has_surplus = has_surplus;
    this.#close = close;
    this.#deadlines = new Deadlines(clock, (now) => this.#reap(now));
  }

  /** Will look at this one in time. */
  add(slot: Slot): void {
    this.#deadlines.add(Math.min(slot.expires_at, this.#ages.idle_until(slot)));
  }

  /** Looks no more. */
  stop(): void {
    this.#deadlines.clear();
  }

  #reap(now: number): number {
    let next = Infinity;
    for (const slot of this.#free) {
      if (slot.readiness !== "ready") continue; // it comes back by add()
      const idle_until = this.#ages.idle_until(slot);
      if (slot.expires_at <= now || (idle_until <= now && this.#has_surplus())) this.#close(slot);
      else next = Math.min(next, slot.expires_at, idle_until > now ? idle_until : Infinity);
    }
    return next;
  }
}
