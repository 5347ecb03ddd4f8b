/**
 * Closes free sessions that are old, or idle and more than are to be kept.
 *
 * Law: one timer for all, which does not keep the process alive.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { Deadlines } from "../connection/base/deadlines.ts";
import type { Ages } from "./ages.ts";
import type { FreeSlots, Slot } from "./slot.ts";

/** What a reaper asks and tells the pool. */
export interface ReaperHost {
  /** Whether there are more sessions than are to be kept. */
  has_surplus(): boolean;
  /** Takes one out of the free ones, and ends it. */
  close(slot: Slot): void;
}

/** Looks at the free sessions when the first of them is due. */
export class Reaper {
  readonly #ages: Ages;
  readonly #free: FreeSlots;
  readonly #host: ReaperHost;
  readonly #deadlines: Deadlines;

  /** @param free Where to look. */
  constructor(clock: Clock, ages: Ages, free: FreeSlots, host: ReaperHost) {
    this.#ages = ages;
    this.#free = free;
    this.#host = host;
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
      const idle_until = this.#ages.idle_until(slot);
      const is_idle = idle_until <= now && this.#host.has_surplus();
      if (slot.expires_at <= now || is_idle) this.#host.close(slot);
      else next = Math.min(next, slot.expires_at, idle_until > now ? idle_until : Infinity);
    }
    return next;
  }
}
