/**
 * All that a pool has in one place: its sessions, who waits for them, who holds them, who listens.
 * Where sockets can be used anywhere, a pool has one branch.
 *
 * Law: what a borrower holds is a handle of its own, which is dead once it was released. Whoever has
 * the session then, the old handle never reaches it.
 *
 * @module
 */

import type { Place } from "../adapters/socket.ts";
import type { Params, QueryOptions } from "../connection/base/call_options.ts";
import { is_here } from "../connection/base/place.ts";
import { type Connection, end_of, finish } from "../connection/handle/connection.ts";
import type { Result } from "../connection/statement/result.ts";
import type { Sql } from "../sql/template.ts";
import { Borrower } from "./borrow.ts";
import type { OpenSession, PoolContext } from "./context.ts";
import { Handles } from "./handles.ts";
import { LeakWatch } from "./leaks.ts";
import { PoolLease } from "./lease.ts";
import type { Listener } from "./listener.ts";
import { RELEASED, was_dropped } from "./refusals.ts";
import { SessionPool } from "./session_pool.ts";
import type { Slot } from "./slot.ts";

/** Seconds that a session stays free where the pool was not made: its place may end at any time. */
const LINGER = 0.5;

/** One place of a pool. */
export class Branch {
  /** Where it is; undefined: everywhere. */
  readonly place: Place | undefined;
  /** Handles on its sessions. */
  readonly handles: Handles;
  /** Its sessions. */
  readonly sessions: SessionPool;
  /** The way to them. */
  readonly borrower: Borrower;
  /** Who listens here. */
  readonly listeners: Set<Listener> = new Set();
  readonly #pool: object;
  readonly #context: PoolContext;
  /** The last handle that came back, with its lease: so that the engine keeps their shapes (spare.ts). */
  #released: Connection | null = null;
  readonly #leaks: LeakWatch;
  readonly #lingers: boolean;

  /**
   * @param pool Whose leases they are.
   * @param is_home Whether the pool was made here; elsewhere it keeps no `minsize`.
   */
  constructor(
    pool: object,
    open: OpenSession,
    context: PoolContext,
    place: Place | undefined,
    is_home: boolean,
  ) {
    const { minsize, max_idle } = context;
    const own = is_home
      ? { minsize, max_idle }
      : { minsize: 0, max_idle: Math.min(max_idle, LINGER) };
    this.#pool = pool;
    this.#context = context;
    this.#lingers = !is_home;
    this.place = place;
    this.handles = new Handles(context);
    this.sessions = new SessionPool(
      open,
      { ...context, ...own },
      (session) => this.handles.make(session, null),
    );
    this.borrower = new Borrower(this.sessions, context);
    this.#leaks = new LeakWatch(
      context,
      () => this.sessions.leases(),
      (lease) => this.#reclaim(lease),
    );
  }

  /**
   * Whether it can be forgotten: whatever was free here has been closed, or its place has ended. If
   * neither is true after all, a session ends with its place instead of being lent again.
   *
   * @param now Milliseconds.
   */
  is_over(now: number): boolean {
    if (!this.#lingers || this.listeners.size > 0) return false;
    return now - this.sessions.idle_since > 2 * LINGER * 1000;
  }

  /** The caller's stack as text, if it is wanted. */
  stack(): string | null {
    return this.#leaks.stack();
  }

  /** A handle on a session that is lent until it is released. */
  lend(slot: Slot, stack: string | null): Connection {
    const lease = new PoolLease(
      this.#pool,
      slot,
      this.#context.clock.now(),
      stack,
      this.#take_back,
    );
    try {
      const connection = this.handles.make(slot.session, lease);
      slot.lease = lease;
      this.#leaks.watch(connection, lease);
      return connection;
    } catch (error) { // of a connection_factory
      this.sessions.put_back(slot, false);
      throw error;
    }
  }

  /** Submits a statement at once, and gives its slot back when it has ended. Nothing is reset. */
  async run<R>(
    slot: Slot,
    query: string | Sql,
    params: Params,
    options: QueryOptions<R>,
  ): Promise<Result<R>> {
    try {
      return await this.handles.own(slot).execute_one<R>(query, params, options);
    } finally {
      this.sessions.leave(slot);
    }
  }

  /** Lends no more, and closes what it may. */
  close(): void {
    this.#end_services();
    this.sessions.close();
  }

  /** `close()`, and cuts what is lent. */
  terminate(): void {
    this.#end_services();
    this.sessions.terminate();
  }

  /** For a branch that is elsewhere: lends no more; what is lent is closed when it comes back. */
  refuse(): void {
    this.sessions.refuse();
  }

  /** Resolves when all is closed. */
  async wait_closed(): Promise<void> {
    await Promise.all([...this.listeners].map((listener) => listener.close()));
    await this.sessions.gone;
  }

  #end_services(): void {
    this.#leaks.stop();
    for (const listener of this.listeners) void listener.close();
  }

  readonly #take_back = (lease: PoolLease, connection: Connection): void => {
    this.#released = connection;
    if (end_of(connection) === null) finish(connection, RELEASED);
    this.#leaks.forget(lease);
    this.sessions.put_back(lease.slot, true);
  };

  /** For a lease whose handle is garbage. */
  #reclaim(lease: PoolLease): void {
    if (!is_here(lease.slot.session.place)) return; // it ends with its place
    lease.state = "released";
    lease.slot.session.owner?.on_lost?.(was_dropped()); // its queue of notifications may live on
    this.sessions.put_back(lease.slot, true);
  }
}
