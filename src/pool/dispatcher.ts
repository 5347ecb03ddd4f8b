/**
 * Who gets a session next: callers in the order in which they came.
 *
 * Law: while anyone waits, nothing that could be lent stays free; and nobody joins the users of a
 * session while someone waits for one of his own.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import type { Chain } from "../connection/base/chain.ts";
import type { Ages } from "./ages.ts";
import type { PoolContext } from "./context.ts";
import { Order } from "./order.ts";
import { acquire_timeout, pool_full } from "./refusals.ts";
import { Sharing } from "./sharing.ts";
import type { FreeSlots, Slot } from "./slot.ts";
import type { PoolStats, PoolTotals } from "./stats.ts";
import { WaiterQueue } from "./waiters.ts";

/** What a dispatcher needs of the pool, and tells it. */
export interface DispatchHost {
  /** A free slot goes to a caller. */
  lend(slot: Slot): void;
  /** A free slot is too old to be lent. */
  close(slot: Slot): void;
  /** Whether one more session may be opened now. */
  has_room(): boolean;
  /** Places that are not lent. */
  places(): number;
  /** Who still waits is to be seen to. */
  left_waiting(): void;
  /** For errors. */
  stats(): PoolStats;
  /** Why no session could be opened lately; null if none failed. */
  last_failure(): unknown;
}

/** Serves callers. */
export class Dispatcher {
  /** Who waits. */
  readonly waiters: WaiterQueue<Slot>;
  readonly #clock: Clock;
  readonly #context: PoolContext;
  readonly #totals: PoolTotals;
  readonly #host: DispatchHost;
  readonly #order: Order;
  readonly #sharing: Sharing;
  #serving = false;

  /**
   * @param free What can be lent.
   * @param used What is lent.
   */
  constructor(
    context: PoolContext,
    ages: Ages,
    free: FreeSlots,
    used: Chain<Slot>,
    totals: PoolTotals,
    host: DispatchHost,
  ) {
    this.#clock = context.clock;
    this.#context = context;
    this.#totals = totals;
    this.#host = host;
    this.waiters = new WaiterQueue(context.clock, ({ timeout }) => this.#too_late(timeout));
    this.#order = new Order(context.clock, ages, free, {
      close: (slot) => host.close(slot),
      changed: () => this.dispatch(),
    });
    this.#sharing = new Sharing(ages, used);
  }

  /** Serves a caller for whom there is something at once, and before whom nobody came. */
  take(shares: boolean): Slot | undefined {
    return this.waiters.size === 0 ? this.#next(1, shares) : undefined;
  }

  /** As `SessionPool.wait()`. */
  wait(
    timeout: number,
    signal: AbortSignal | undefined,
    again: boolean,
    work: ((slot: Slot) => Promise<unknown>) | null,
  ): Promise<unknown> {
    const { max_waiting, maxsize } = this.#context;
    // Those for whom all that is not lent would not do.
    const surplus = this.waiters.size - this.#host.places();
    if (surplus >= max_waiting && !again) throw pool_full(max_waiting, maxsize, this.#host.stats());
    const waiter = this.waiters.join(timeout, signal, again, work);
    this.dispatch();
    return waiter.promise;
  }

  /** Serves whom it can, and sees to the others. */
  dispatch(): void {
    if (this.#serving) return; // whom is served may give back at once: the loop goes on with that
    this.#serving = true;
    try {
      this.#serve();
    } finally {
      this.#serving = false;
    }
    if (this.waiters.size === 0) this.#order.rest();
    this.#host.left_waiting();
  }

  /** A statement has ended. True if nobody else uses its session. */
  leave(slot: Slot): boolean {
    const is_last = --slot.sharers === 0;
    if (!is_last && this.waiters.size > 0) this.dispatch();
    return is_last;
  }

  /** Turns everyone away, and serves nobody any more. */
  close(reason: unknown): void {
    this.#order.rest();
    this.waiters.reject_all(reason);
  }

  #serve(): void {
    const { waiters } = this;
    for (let { first } = waiters; first !== null; { first } = waiters) {
      const slot = this.#next(waiters.size, first.work !== null);
      if (slot === undefined) return;
      this.#totals.acquire_wait_seconds += (this.#clock.now() - first.since) / 1000;
      waiters.serve(first, slot);
    }
  }

  /** For whoever is first: a session of its own, else, where all are lent, one to share. */
  #next(callers: number, shares: boolean): Slot | undefined {
    const slot = this.#order.next(callers) ?? (shares ? this.#join() : undefined);
    if (slot === undefined) return undefined;
    this.#totals.acquired++;
    if (slot.sharers === 0) this.#host.lend(slot);
    if (shares) slot.sharers++;
    return slot;
  }

  #join(): Slot | undefined {
    const may_join = this.#context.pooler === "session" && !this.#host.has_room();
    return may_join ? this.#sharing.find(this.#clock.now()) : undefined;
  }

  #too_late(timeout: number): unknown {
    this.#totals.acquire_timeouts++;
    const host = this.#host;
    return acquire_timeout(timeout, this.#context, host.stats(), host.last_failure());
  }
}
