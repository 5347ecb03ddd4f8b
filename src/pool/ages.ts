/**
 * How long sessions live, and lie idle; and which are past use before.
 *
 * @module
 */

import { has_turned } from "../connection/login/target_session.ts";
import type { Session } from "../connection/session/session.ts";
import type { PoolContext } from "./context.ts";
import type { Slot } from "./slot.ts";

/** Lifetimes differ by this part, so that sessions opened together do not end together. */
const LIFETIME_JITTER = 0.1;

/** What ages need of the pool's settings. */
export type AgeSettings = Pick<
  PoolContext,
  | "max_lifetime"
  | "max_idle"
  | "pool_recycle"
  | "check"
  | "check_idle"
  | "random"
  | "target_session_attrs"
>;

/** The rules; all moments are milliseconds on the pool's clock. */
export class Ages {
  readonly #settings: AgeSettings;

  /** @param settings In seconds. */
  constructor(settings: AgeSettings) {
    this.#settings = settings;
  }

  /** When a session is to be replaced. */
  end_of(session: Session): number {
    const { max_lifetime, random } = this.#settings;
    return session.opened_at + max_lifetime * 1000 * (1 - LIFETIME_JITTER * random());
  }

  /** Whether it must not be lent any more: for its age, or since its server is another one now. */
  is_old(slot: Slot, now: number): boolean {
    const { pool_recycle, target_session_attrs = "any" } = this.#settings;
    if (slot.fresh) return false;
    const idle = now - slot.session.used_at;
    return slot.expires_at <= now || idle > pool_recycle * 1000 ||
      has_turned(slot.session, target_session_attrs);
  }

  /** Whether it was silent for so long that it may be dead without our knowledge. */
  needs_check(slot: Slot, now: number): boolean {
    const { check, check_idle } = this.#settings;
    return check !== undefined && !slot.fresh && now - slot.session.used_at >= check_idle * 1000;
  }

  /** When a free one has been idle for too long. */
  idle_until(slot: Slot): number {
    return slot.free_since + this.#settings.max_idle * 1000;
  }
}
