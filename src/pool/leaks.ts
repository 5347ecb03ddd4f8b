/**
 * Notices leases whose borrower will never release them, or is late to.
 *
 * To register each handle costs V8 as much as the rest of a lease, and memory until garbage is
 * collected: a million leases took 5.2 s with it and 1.8 s without on Node. So handles are held at
 * first, and what is still out when garbage is collected is registered then: the next collection finds it.
 *
 * Law: stacks are kept as text, and only where somebody asked: a stack not yet
 * turned into text holds the objects on it, and so the very handle that is to be
 * found garbage.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { Deadlines } from "../connection/base/deadlines.ts";
import { tell, warn } from "../connection/base/warnings.ts";
import type { Connection } from "../connection/handle/connection.ts";
import type { PoolContext } from "./context.ts";
import type { PoolLease } from "./lease.ts";

/** The part of FinalizationRegistry that is used; some runtimes have none. Null is held for no lease. */
export type Registry = Pick<
  FinalizationRegistry<PoolLease | null>,
  "register" | "unregister"
>;

/** What a watch needs of the pool's settings. */
export type LeakSettings = Pick<PoolContext, "clock" | "leak_after" | "on_leak" | "on_warning">;

/** Watches leases while they are out. */
export class LeakWatch {
  readonly #clock: Clock;
  readonly #settings: LeakSettings;
  readonly #registry: Registry | null;
  readonly #lent: () => Iterable<PoolLease>;
  readonly #deadlines: Deadlines;
  #awaits_collection = false;
  #stopped = false;

  /**
   * @param lent The leases that have not ended.
   * @param reclaim Takes back what a lease lent, when its handle is garbage.
   * @param make_registry Of the runtime, where not given.
   */
  constructor(
    settings: LeakSettings,
    lent: () => Iterable<PoolLease>,
    reclaim: (lease: PoolLease) => void,
    make_registry: (garbage: (lease: PoolLease | null) => void) => Registry | null =
      runtime_registry,
  ) {
    this.#clock = settings.clock;
    this.#settings = settings;
    this.#lent = lent;
    this.#deadlines = new Deadlines(settings.clock, (now) => this.#expire(now));
    this.#registry = make_registry((lease) => {
      if (lease === null) return this.#register();
      if (lease.state !== "lent") return;
      this.#report(lease, was_dropped);
      reclaim(lease);
    });
  }

  /** The caller's stack as text, if it is wanted. To be called by what the user called. */
  stack(): string | null {
    if (this.#settings.on_leak === undefined && this.#settings.leak_after === Infinity) return null;
    return new Error("acquired here").stack ?? null;
  }

  /** Begins to watch. */
  watch(connection: Connection, lease: PoolLease): void {
    this.#hold(connection, lease);
    if (this.#settings.leak_after === Infinity || this.#stopped) return;
    this.#deadlines.add(this.#due(lease));
  }

  /** The lease has ended. */
  forget(lease: PoolLease): void {
    if (lease.handle === null) this.#registry?.unregister(lease);
    lease.handle = null;
  }

  /** Watches no more. */
  stop(): void {
    this.#stopped = true;
    this.#deadlines.clear();
  }

  #hold(connection: Connection, lease: PoolLease): void {
    if (this.#registry === null) return;
    lease.handle = connection;
    if (this.#awaits_collection) return;
    this.#awaits_collection = true;
    this.#registry.register({}, null); // garbage at once
  }

  /** Garbage was collected: of what is still out, the next collection shall tell. */
  #register(): void {
    this.#awaits_collection = false;
    for (const lease of this.#lent()) {
      if (lease.handle !== null) this.#registry!.register(lease.handle, lease, lease);
      lease.handle = null;
    }
  }

  #due(lease: PoolLease): number {
    return lease.since + this.#settings.leak_after * 1000;
  }

  #expire(now: number): number {
    let next = Infinity;
    for (const lease of this.#lent()) {
      if (this.#stopped) return Infinity; // by on_leak
      if (lease.is_reported) continue;
      if (this.#due(lease) > now) {
        next = Math.min(next, this.#due(lease));
      } else {
        lease.is_reported = true;
        this.#report(lease, was_held);
      }
    }
    return this.#stopped ? Infinity : next;
  }

  #report(lease: PoolLease, what: (seconds: number) => string): void {
    const { on_leak, on_warning } = this.#settings;
    const { backend_pid } = lease.slot.session;
    const seconds = (this.#clock.now() - lease.since) / 1000;
    const message = `a connection (backend ${backend_pid}) ${what(seconds)}`;
    const stack = lease.stack ?? "";
    if (on_leak !== undefined) tell(on_leak, { message, stack, seconds, backend_pid });
    else warn(stack === "" ? `${message} (on_leak would tell who)` : message + stack, on_warning);
  }
}

function was_dropped(): string {
  return "was never released and nobody holds it any more, so it was taken back";
}

function was_held(seconds: number): string {
  return `was not released for ${seconds.toFixed(1)} s`;
}

function runtime_registry(garbage: (lease: PoolLease | null) => void): Registry | null {
  if (typeof FinalizationRegistry === "undefined") return null;
  return new FinalizationRegistry(garbage);
}
