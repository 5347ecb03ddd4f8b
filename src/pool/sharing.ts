/**
 * Single statements of the pool's own calls, which may share a session once all are lent.
 *
 * Laws: a call waits behind at most `DEPTH - 1` others, each of which only reads, and was done within
 * `QUICK_MS` whenever it lately ran on that session (statements.ts, pace.ts), and behind none that
 * takes longer now. Nothing is sent behind what may wait for a lock: whoever holds that may wait for
 * this very call. A lease, a transaction, a stream or a COPY is never joined, nor is a session that is
 * due to be replaced, nor one on which a cancel is under way, which may take seconds.
 *
 * Why: what such a statement costs is mostly the way through the kernel. Those that are sent in one
 * write and answered in one read pay it once.
 *
 * @module
 */

import type { Chain } from "../connection/base/chain.ts";
import type { Ages } from "./ages.ts";
import type { Slot } from "./slot.ts";

/** Most calls on one session. */
const DEPTH = 16;

/** Knows which lent slots may be shared. */
export class Sharing {
  readonly #ages: Ages;
  readonly #used: Chain<Slot>;

  /**
   * @param ages Which sessions are too old.
   * @param used The slots that are lent, to whomever.
   */
  constructor(ages: Ages, used: Chain<Slot>) {
    this.#ages = ages;
    this.#used = used;
  }

  /** The slot that fewest use of those that one more call can join; undefined: none. */
  find(now: number): Slot | undefined {
    let best: Slot | undefined;
    for (let slot = this.#used.first; slot !== null; slot = slot.after) {
      if (slot.sharers === 0 || slot.sharers >= DEPTH) continue;
      if (best !== undefined && !is_better(slot, best)) continue;
      if (this.#may_join(slot, now)) best = slot;
    }
    return best;
  }

  #may_join(slot: Slot, now: number): boolean {
    const { session } = slot;
    const { wire } = session;
    return session.usable && session.state === "I" && (!wire.busy || wire.pace.is_quick(now)) &&
      !this.#ages.is_old(slot, now);
  }
}

/** Fewer use it; or as many, but it writes in a moment, so that one more costs no write of its own. */
function is_better(slot: Slot, than: Slot): boolean {
  if (slot.sharers !== than.sharers) return slot.sharers < than.sharers;
  return slot.session.wire.is_about_to_write;
}
