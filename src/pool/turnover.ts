/**
 * What happens to a session between two borrowers.
 *
 * ```text
 * put back ──▶ busy: what still runs is cancelled
 *                └──▶ soon: rolled back, reset ──▶ ready
 * long idle ────────▶ soon: checked ─────────────▶ ready
 * ```
 *
 * Law: a session is ready only when the server has confirmed all of it. If it does
 * not, the session ends; nobody but the pool hears of that.
 *
 * @module
 */

import { warn } from "../connection/base/warnings.ts";
import type { Connection } from "../connection/handle/connection.ts";
import type { Session } from "../connection/session/session.ts";
import { run_check } from "./check.ts";
import type { PoolContext } from "./context.ts";
import { left_over } from "./opener.ts";
import { released_early } from "./refusals.ts";
import { restore } from "./reset.ts";
import type { FreeSlots, Slot } from "./slot.ts";

/** How it ended. */
export interface TurnoverEvents {
  /** The slot can be lent. */
  ready(slot: Slot): void;
  /** Its session cannot be used any more. */
  failed(slot: Slot): void;
}

/** Makes free slots ready. */
export class Turnover {
  readonly #context: PoolContext;
  readonly #free: FreeSlots;
  readonly #make_handle: (session: Session) => Connection;
  readonly #events: TurnoverEvents;

  /** @param free Where the slots are; one that has left is not heard of again. */
  constructor(
    context: PoolContext,
    free: FreeSlots,
    make_handle: (session: Session) => Connection,
    events: TurnoverEvents,
  ) {
    this.#context = context;
    this.#free = free;
    this.#make_handle = make_handle;
    this.#events = events;
  }

  /** Undoes what a borrower left. What can be sent at once is on its way when this returns. */
  begin(slot: Slot, reset: boolean): void {
    const { wire } = slot.session;
    if (!wire.busy) return this.#restore(slot, reset);
    this.#free.mark(slot, "busy");
    slot.work = wire.abandon(released_early()).then(() => this.#restore(slot, reset));
  }

  /** For so many callers who wait although some slots are ready: those must be checked first. */
  check(waiting: number): void {
    if (this.#free.size === 0 || this.#free.soon >= waiting) return;
    for (const slot of this.#free) {
      if (this.#free.soon >= waiting) return;
      if (slot.readiness === "ready") this.#confirm(slot, () => this.#check(slot));
    }
  }

  #restore(slot: Slot, reset: boolean): void {
    slot.work = null;
    if (!this.#free.has(slot)) return; // lost, or about to be closed
    const { session } = slot;
    if (session.state !== "I") {
      const fact = `a connection (backend ${session.backend_pid}) was released in a transaction`;
      warn(`${fact}: it was rolled back`, this.#context.on_warning);
    }
    const work = restore(session, reset);
    if (work === null) this.#events.ready(slot);
    else this.#confirm(slot, () => work);
  }

  async #check(slot: Slot): Promise<void> {
    const { session } = slot;
    session.wire.keep_alive(true);
    await run_check(this.#make_handle(session), this.#context.check!, this.#context.clock);
    session.used_at = this.#context.clock.now();
    slot.fresh = true;
  }

  /** @param work Begun when the slot is no longer ready, as the user's check may acquire. */
  #confirm(slot: Slot, work: () => Promise<void>): void {
    this.#free.mark(slot, "soon");
    slot.work = work().then(() => left_over(slot.session) === null, () => false).then((clean) => {
      slot.work = null;
      slot.session.owner = slot;
      if (!this.#free.has(slot)) return;
      if (clean) this.#events.ready(slot);
      else this.#events.failed(slot);
    });
  }
}
