/**
 * Decides when a session is opened, and who is told when that fails.
 *
 * Laws: nobody has a session opened who will be served by what is on its way; an attempt that
 * is late, as in a network that went dead, is not. Nobody has two. A session that was opened
 * goes to whoever is first then; a failed attempt turns away the waiter that it was made for, and
 * no other.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import type { Session } from "../connection/session/session.ts";
import { PgError, TimeoutError } from "../errors.ts";
import type { PoolContext } from "./context.ts";
import { type Opener, OPENING_AT_ONCE, type Outcome } from "./opener.ts";
import type { FreeSlots, Slot } from "./slot.ts";
import type { Waiter, WaiterQueue } from "./waiters.ts";

/** Milliseconds by which timers set for one deadline fire apart. */
const SAME_MOMENT = 50;
const TOO_MANY_CONNECTIONS = "53300";
/** Seconds after which a full server is tried again, at most; at least half of it. */
const RETRY = 2;

/** What a growth needs to know of the pool, and to tell it. */
export interface GrowthHost {
  /** Sessions that are lent. */
  used(): number;
  /** Sessions that still hold a place while they are closed. */
  leaving(): number;
  /** A session was opened. */
  opened(session: Session): void;
  /** An attempt failed; who is concerned was told. */
  failed(): void;
}

/** Starts attempts. */
export class Growth {
  readonly #clock: Clock;
  readonly #minsize: number;
  readonly #random: () => number;
  readonly #capacity: number; // most sessions at any time
  readonly #opener: Opener;
  readonly #waiters: WaiterQueue<Slot>;
  readonly #free: FreeSlots;
  readonly #host: GrowthHost;
  #retries = false; // a timer will

  /** Opens nothing yet. */
  constructor(
    { clock, minsize, maxsize, random }: Pick<
      PoolContext,
      "clock" | "minsize" | "maxsize" | "random"
    >,
    opener: Opener,
    waiters: WaiterQueue<Slot>,
    free: FreeSlots,
    host: GrowthHost,
  ) {
    this.#clock = clock;
    this.#minsize = minsize;
    this.#random = random;
    this.#capacity = maxsize === 0 ? Infinity : maxsize;
    this.#opener = opener;
    this.#waiters = waiters;
    this.#free = free;
    this.#host = host;
  }

  /** Places that are not lent, whatever is in them. */
  get places(): number {
    return this.#capacity - this.#host.used() - this.#host.leaving();
  }

  /** Whether one more may be opened now. */
  get has_room(): boolean {
    return this.#opener.may_begin && this.#has_place;
  }

  /** Opens for those whom nothing that is on its way will serve. */
  serve_waiters(): void {
    let missing = this.#waiters.hopeful - this.#opener.expected - this.#free.soon;
    for (let waiter = this.#waiters.first, after: typeof waiter; waiter !== null; waiter = after) {
      after = waiter.after;
      if (missing <= 0 || !this.#opener.may_begin) return;
      if (waiter.opening || waiter.refused) continue;
      if (!this.#has_place) return this.#opener.give_way();
      missing--;
      void this.#open(waiter);
    }
  }

  /** Opens what is missing to `minsize`, in the background. */
  refill(): void {
    while (this.#is_below_minimum() && this.has_room) void this.#open(null);
  }

  /** Opens what is missing to `minsize`; throws what the first failure was. */
  async fill(): Promise<void> {
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, () => this.#fill()));
  }

  async #fill(): Promise<void> {
    while (this.#is_below_minimum()) {
      const outcome = await this.#open(null);
      if (outcome.session === null) throw outcome.error;
    }
  }

  #open(waiter: Waiter<Slot> | null): Promise<Outcome> {
    if (waiter !== null) waiter.opening = true;
    return this.#opener.start(waiter, (outcome) => {
      if (waiter !== null) waiter.opening = false;
      if (outcome.session !== null) return this.#host.opened(outcome.session);
      if (waiter !== null) this.#turn_away(waiter, outcome.error);
      this.#host.failed();
    });
  }

  get #has_place(): boolean {
    return this.#free.size + this.#opener.size < this.places;
  }

  /** If it is only the server that is full, a session that comes back will do. */
  #turn_away(waiter: Waiter<Slot>, error: unknown): void {
    if (error instanceof TimeoutError && this.#clock.now() + SAME_MOMENT >= waiter.deadline) {
      return this.#waiters.expire(waiter);
    }
    const server_full = error instanceof PgError && error.sqlstate === TOO_MANY_CONNECTIONS;
    if (!server_full || this.#host.used() + this.#free.size === 0) {
      return this.#waiters.reject(waiter, error);
    }
    this.#waiters.refuse(waiter);
    this.#retry_later();
  }

  /** Others than this pool may leave the server, too. */
  #retry_later(): void {
    if (this.#retries) return;
    this.#retries = true;
    this.#clock.set_timer(RETRY * (0.5 + this.#random() / 2) * 1000, () => {
      this.#retries = false;
      if (this.#waiters.size === 0) return;
      this.#waiters.encourage();
      this.serve_waiters();
      if (this.#waiters.hopeful < this.#waiters.size) this.#retry_later();
    });
  }

  #is_below_minimum(): boolean {
    return this.#free.size + this.#host.used() + this.#opener.size < this.#minsize;
  }
}
