/**
 * One session of the pool, and how far it is from its next borrower.
 *
 * @module
 */

import { Chain, Member } from "../connection/base/chain.ts";
import type { Connection } from "../connection/handle/connection.ts";
import type { Session } from "../connection/session/session.ts";
import type { SessionOwner } from "../connection/session/session_owner.ts";
import type { PoolLease } from "./lease.ts";

/**
 * Whether a free session may be lent: `ready`; `soon`, when a reset or a check is
 * confirmed; or `busy`, while a statement that its borrower left is cancelled.
 */
export type Readiness = "ready" | "soon" | "busy";

/** Hears of its session while nobody has borrowed it. */
export class Slot extends Member<Slot> implements SessionOwner {
  /** The session. */
  readonly session: Session;
  /** When it is to be replaced, in milliseconds. */
  readonly expires_at: number;
  /** When it became free, in milliseconds. */
  free_since = 0;
  /** How far it is from being lent, while free. */
  readiness: Readiness = "ready";
  /** Whether it was opened or checked only now, and so is as good as any that would replace it. */
  fresh = true;
  /** Whether it took too long to be ready, so that those behind it need not wait for it. */
  late = false;
  /** To whom it is lent; null while free, and for calls that acquire and release by themselves. */
  lease: PoolLease | null = null;
  /** The handle of such calls, once there was one. */
  handle: Connection | null = null;
  /** How many of them use it now. */
  sharers = 0;
  /** What must end before the session is closed; never rejects. */
  work: Promise<void> | null = null;
  readonly #on_lost: (slot: Slot) => void;

  /** @param on_lost Called when the session dies while it is free. */
  constructor(session: Session, expires_at: number, on_lost: (slot: Slot) => void) {
    super();
    this.session = session;
    this.expires_at = expires_at;
    this.#on_lost = on_lost;
  }

  /** SessionOwner. */
  on_lost(): void {
    this.#on_lost(this);
  }
}

/** The free slots, the least recently used first. */
export class FreeSlots extends Chain<Slot> {
  #soon = 0;

  /** How many will be ready without any more being done. */
  get soon(): number {
    return this.#soon;
  }

  /**
   * Adds one at the end, which is not to be lent yet.
   *
   * @param now Milliseconds.
   */
  add(slot: Slot, now: number): void {
    this.append(slot);
    slot.readiness = "busy";
    slot.late = false;
    slot.free_since = now;
  }

  /** Changes how far a free one is from being lent; it keeps its place. Does nothing if it has left. */
  mark(slot: Slot, readiness: Readiness): void {
    if (!this.has(slot)) return;
    if (slot.readiness === "soon") this.#soon--;
    if (readiness === "soon") this.#soon++;
    slot.readiness = readiness;
  }

  /** Takes one out; false if it is not here. */
  override remove(slot: Slot): boolean {
    if (!super.remove(slot)) return false;
    if (slot.readiness === "soon") this.#soon--;
    return true;
  }
}
