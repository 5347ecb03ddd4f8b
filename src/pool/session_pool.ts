/**
 * Sessions: which are free, lent, being opened or closed, and who waits for one.
 *
 * ```text
 *      opening ──▶ free ──▶ lent        together these are `size`
 *                  │  ◀──────┘          by way of a reset
 *                  ▼
 *               leaving                 holds its place until its socket is closed
 * ```
 *
 * Laws: opening, free, lent and leaving together never pass `maxsize`. While anyone
 * waits, nothing that could be lent stays free.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { Chain } from "../connection/base/chain.ts";
import type { Connection } from "../connection/handle/connection.ts";
import type { Session } from "../connection/session/session.ts";
import { Ages } from "./ages.ts";
import type { OpenSession, PoolContext } from "./context.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Growth } from "./growth.ts";
import type { PoolLease } from "./lease.ts";
import { Opener } from "./opener.ts";
import { Reaper } from "./reaper.ts";
import { pool_closed, was_terminated } from "./refusals.ts";
import { FreeSlots, Slot } from "./slot.ts";
import { no_totals, type PoolStats, type PoolTotals } from "./stats.ts";
import { Turnover } from "./turnover.ts";

/** Lends sessions. */
export class SessionPool {
  readonly #clock: Clock;
  readonly #resets: boolean;
  readonly #ages: Ages;
  readonly #totals: PoolTotals = no_totals();
  readonly #free: FreeSlots = new FreeSlots();
  readonly #used: Chain<Slot> = new Chain();
  readonly #opener: Opener;
  readonly #growth: Growth;
  readonly #turnover: Turnover;
  readonly #dispatcher: Dispatcher;
  readonly #reaper: Reaper;
  readonly #gone: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #leaving: Chain<Slot> = new Chain();
  #closing = false;
  #closed = false;

  /** @param make_handle Makes the handles that the user's hooks get. */
  constructor(
    open: OpenSession,
    context: PoolContext,
    make_handle: (session: Session) => Connection,
  ) {
    const { clock, minsize } = context;
    this.#clock = clock;
    this.#resets = context.reset && context.pooler === "session";
    this.#ages = new Ages(context);
    this.#opener = new Opener(open, context, make_handle, this.#totals, () => this.#dispatch());
    this.#dispatcher = new Dispatcher(context, this.#ages, this.#free, this.#used, this.#totals, {
      lend: (slot) => this.#lend(slot),
      close: (slot) => void this.#leave(slot),
      has_room: () => this.#growth.has_room,
      places: () => this.#growth.places,
      left_waiting: () => {
        this.#turnover.check(waiters.size);
        this.#growth.serve_waiters();
      },
      stats: () => this.stats(),
      last_failure: () => this.#opener.last_failure,
    });
    const { waiters } = this.#dispatcher;
    this.#growth = new Growth(context, this.#opener, waiters, this.#free, {
      used: () => this.#used.size,
      leaving: () => this.#leaving.size,
      opened: (session) => this.#admit(session),
      failed: () => {
        this.#dispatch();
        this.#settle();
      },
    });
    this.#turnover = new Turnover(context, this.#free, make_handle, {
      ready: (slot) => this.#ready(slot),
      failed: (slot) => this.#discard(slot),
    });
    this.#reaper = new Reaper(clock, this.#ages, this.#free, {
      has_surplus: () => this.size > minsize,
      close: (slot) => void this.#leave(slot),
    });
  }

  /** Free, lent and being opened. */
  get size(): number {
    return this.#free.size + this.#used.size + this.#opener.size;
  }

  /** Whether all is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when all is closed. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** When the last session became free, in milliseconds; Infinity while any is not. */
  get idle_since(): number {
    if (this.#used.size + this.#opener.size + this.#dispatcher.waiters.size > 0) return Infinity;
    return this.#free.last?.free_since ?? -Infinity;
  }

  /** What is lent to borrowers now. */
  *leases(): IterableIterator<PoolLease> {
    for (const { lease } of this.#used) if (lease !== null) yield lease;
  }

  /** All counters. */
  stats(): PoolStats {
    return {
      size: this.size,
      free: this.#free.size,
      used: this.#used.size,
      opening: this.#opener.size,
      waiting: this.#dispatcher.waiters.size,
      ...this.#totals,
    };
  }

  /** Opens what `minsize` asks for; if that fails, or `signal` aborts, the pool is closed. */
  async open_minimum(signal: AbortSignal | undefined): Promise<void> {
    const stop = () => this.terminate();
    signal?.addEventListener("abort", stop);
    try {
      signal?.throwIfAborted();
      await this.#growth.fill();
      signal?.throwIfAborted();
    } catch (error) {
      this.terminate();
      await this.gone;
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Lends a session if one is ready and nobody was here before; else use `wait()`.
   *
   * @param shares For one statement, whose session others may share; to be given to `leave()`.
   */
  take(shares: boolean): Slot | undefined {
    if (this.#closing) throw pool_closed();
    const slot = this.#dispatcher.take(shares);
    if (slot !== undefined) this.#growth.refill();
    return slot;
  }

  /**
   * Lends a session as soon as there is one, first come, first served.
   *
   * @param again Goes first: the session that was lent before was lost on its way.
   * @param work Runs one statement the moment there is a session, as for `take(true)`.
   */
  wait(
    timeout: number,
    signal: AbortSignal | undefined,
    again: boolean = false,
    work: ((slot: Slot) => Promise<unknown>) | null = null,
  ): Promise<unknown> {
    if (this.#closing) throw pool_closed();
    const served = this.#dispatcher.wait(timeout, signal, again, work);
    this.#growth.refill();
    return served;
  }

  /** A statement has ended: the session of `take(true)` comes back, unless others use it. */
  leave(slot: Slot): void {
    if (this.#dispatcher.leave(slot)) this.put_back(slot, false);
  }

  /** Takes a lent session back. Does nothing if it was terminated. */
  put_back(slot: Slot, reset: boolean): void {
    if (!this.#used.remove(slot)) return;
    const { session } = slot;
    session.owner = slot;
    if (slot.lease !== null) session.context = slot.lease.context; // not the next borrower's
    slot.lease = null;
    if (!session.usable) {
      if (session.closed) this.#totals.closed++;
      else this.#totals.lost++;
      return this.#ended();
    }
    this.#free.add(slot, this.#clock.now());
    if (this.#closing) return void this.#leave(slot);
    this.#turnover.begin(slot, reset && this.#resets);
  }

  /** Closes what is free. */
  async clear(): Promise<void> {
    await Promise.all([...this.#free].map((slot) => this.#leave(slot)));
  }

  /** Lends no more; closes what comes back. Touches no session. */
  refuse(): void {
    this.#closing = true;
    this.#dispatcher.waiters.reject_all(pool_closed());
  }

  /** `refuse()`, and closes what is free. */
  close(): void {
    this.refuse();
    this.#reaper.stop();
    this.#dispatcher.close(pool_closed());
    this.#opener.stop(pool_closed());
    void this.clear();
    this.#settle();
  }

  /** `close()`, and cuts what is lent, being reset, or leaving since before. */
  terminate(): void {
    for (const { session } of this.#leaving) session.terminate();
    for (const { session, work } of this.#free) if (work !== null) session.terminate();
    this.close();
    for (const slot of this.#used) {
      this.#used.remove(slot);
      if (slot.lease !== null) slot.lease.state = "terminated";
      slot.session.owner?.on_lost?.(was_terminated());
      slot.session.terminate();
      this.#totals.closed++;
    }
    this.#settle();
  }

  #admit(session: Session): void {
    const slot = new Slot(session, this.#ages.end_of(session), (slot) => this.#lost(slot));
    session.owner = slot;
    this.#free.add(slot, this.#clock.now());
    if (this.#closing) void this.#leave(slot);
    else this.#ready(slot);
  }

  #dispatch(): void {
    if (!this.#closing) this.#dispatcher.dispatch();
  }

  #lend(slot: Slot): void {
    this.#free.remove(slot);
    this.#used.append(slot);
    slot.session.wire.keep_alive(true);
  }

  #ready(slot: Slot): void {
    this.#free.mark(slot, "ready");
    this.#dispatch();
    slot.fresh = false;
    if (!this.#free.has(slot)) return;
    slot.session.wire.keep_alive(false);
    this.#reaper.add(slot);
  }

  #discard(slot: Slot): void {
    this.#free.remove(slot);
    slot.session.terminate();
    this.#totals.closed++;
    this.#ended();
  }

  #lost(slot: Slot): void {
    if (!this.#free.remove(slot)) return;
    this.#totals.lost++;
    this.#ended();
  }

  async #leave(slot: Slot): Promise<void> {
    this.#free.remove(slot);
    this.#leaving.append(slot);
    slot.session.wire.keep_alive(true);
    await slot.work;
    await slot.session.close();
    this.#leaving.remove(slot);
    this.#totals.closed++;
    this.#ended();
  }

  /** A place is free. */
  #ended(): void {
    this.#dispatcher.waiters.encourage();
    this.#dispatch();
    this.#settle();
  }

  #settle(): void {
    if (!this.#closing || this.#closed || this.size + this.#leaving.size > 0) return;
    this.#closed = true;
    this.#gone.resolve();
  }
}
