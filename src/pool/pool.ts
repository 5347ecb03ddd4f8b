/**
 * Lends connections: one borrower each, the longest unused one first.
 *
 * Law: what a borrower holds is a handle of its own, which is dead once it was
 * released. Whoever has the session then, the old handle never reaches it.
 *
 * Source: aiopg.Pool, https://aiopg.readthedocs.io/en/stable/core.html
 *
 * @module
 */

import { type Connection, type EchoEvent, end_of, finish } from "../connection/connection.ts";
import type { Cursor, CursorOptions } from "../connection/cursor.ts";
import type { Loan } from "../connection/loan.ts";
import type { CallOptions, Params, QueryOptions } from "../connection/queryable.ts";
import { Queryable } from "../connection/queryable.ts";
import type { Result } from "../connection/result.ts";
import { warn } from "../connection/warnings.ts";
import { InterfaceError } from "../errors.ts";
import type { ObjectRow } from "../rows/factories.ts";
import type { Sql } from "../sql/template.ts";
import { type AcquireOptions, Borrower } from "./borrow.ts";
import { Handles } from "./handles.ts";
import { LeakWatch } from "./leaks.ts";
import { lease_from, PoolLease } from "./lease.ts";
import { Listener } from "./listener.ts";
import { check_listen, pool_closed, RELEASED, was_dropped } from "./refusals.ts";
import { SessionPool } from "./session_pool.ts";
import type { OpenSession, PoolContext } from "./settings.ts";
import type { Slot } from "./slot.ts";
import type { PoolStats } from "./stats.ts";

export type { AcquireOptions };

/** Connections to one database, shared by many. */
export class Pool extends Queryable implements AsyncDisposable {
  readonly #open: OpenSession;
  readonly #context: PoolContext;
  readonly #listeners: Set<Listener> = new Set();
  readonly #handles: Handles;
  readonly #sessions: SessionPool;
  readonly #borrower: Borrower;
  readonly #leaks: LeakWatch;

  /** Pools are made by `create_pool()`. */
  constructor(open: OpenSession, context: PoolContext) {
    super();
    this.#open = open;
    this.#context = context;
    this.#handles = new Handles(context);
    this.#sessions = new SessionPool(open, context, (session) => this.#handles.make(session, null));
    this.#borrower = new Borrower(this.#sessions, context);
    this.#leaks = new LeakWatch(context, (lease) => this.#reclaim(lease));
  }

  /** Connections that it keeps. */
  get minsize(): number {
    return this.#context.minsize;
  }

  /** Most connections at any time; 0: no limit. */
  get maxsize(): number {
    return this.#context.maxsize;
  }

  /** Connections: free, lent, and being opened. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Connections that wait to be lent. */
  get freesize(): number {
    return this.stats().free;
  }

  /** Callers that wait for one. */
  get waiting(): number {
    return this.stats().waiting;
  }

  /** Default for each deadline, in seconds. */
  get timeout(): number {
    return this.#context.timeout;
  }

  /** Whether, or where to, statements are logged. */
  get echo(): boolean | ((event: EchoEvent) => void) {
    return this.#context.connection.echo;
  }

  /** Whether it is closed, and so are all its connections. */
  get closed(): boolean {
    return this.#sessions.closed;
  }

  /** Whether `close()` or `terminate()` was called. */
  get closing(): boolean {
    return this.#sessions.closing;
  }

  /** All counters, and what callers waited. */
  stats(): PoolStats {
    return this.#sessions.stats();
  }

  /** For `create_pool()`: opens the first `minsize` connections. If that fails, the pool is closed. */
  async open_minimum(signal?: AbortSignal): Promise<void> {
    await this.#sessions.open_minimum(signal);
  }

  /**
   * Lends a connection. Give it back by `release()`, or by `await using`.
   *
   * @throws {PoolTimeout} If none is free within `timeout` seconds.
   * @throws {OperationalError} If one was opened for this call, and that failed.
   * @throws {PoolFullError} If `max_waiting` callers wait already.
   * @throws {PoolClosedError} If the pool is closed, or is while this waits.
   */
  async acquire(options: AcquireOptions = {}): Promise<Connection> {
    const stack = this.#leaks.stack();
    const slot = this.#borrower.take(options) ?? (await this.#borrower.wait(options))[0];
    return this.#lend(slot, stack);
  }

  /**
   * Takes a connection back. It is reset for the next borrower, which the caller
   * need not wait for: an open transaction is rolled back, with a warning; what
   * still runs is cancelled.
   *
   * @throws {InterfaceError} If it is not from this pool, or was released before.
   */
  async release(connection: Connection): Promise<void> {
    const lease = lease_from(connection, this);
    if (lease.state === "closed") lease.state = "released";
    else await lease.release(connection);
  }

  /** Acquires a connection and opens a cursor on it. Closing the cursor releases it. */
  async cursor<R = ObjectRow>(
    options: CursorOptions<R> & AcquireOptions = {},
  ): Promise<Cursor<R>> {
    const connection = await this.acquire(options);
    const on_close = () => connection[Symbol.asyncDispose]();
    try {
      return await connection.cursor<R>({ ...options, on_close });
    } catch (error) {
      await on_close();
      throw error;
    }
  }

  /** @internal */
  override async execute_one<R>(
    query: string | Sql,
    params?: Params,
    options: QueryOptions<R> = {},
  ): Promise<Result<R>> {
    const slot = this.#borrower.take(options, true);
    if (slot !== undefined) return await this.#run(slot, query, params, options);
    return await this.#borrower.wait_to(
      options,
      (slot, timeout) => this.#run(slot, query, params, { ...options, timeout }),
    );
  }

  /** @internal */
  override async lend(options: CallOptions): Promise<Loan> {
    const [slot, time_left] = await this.#borrower.borrow(options);
    const end = () => this.#sessions.put_back(slot, false);
    try {
      return { ...this.#handles.own(slot).lend(), time_left, end };
    } catch (error) { // of a connection_factory
      end();
      throw error;
    }
  }

  /**
   * Listens to channels, on a connection of its own that is not counted in `size`.
   *
   * When that connection is lost another takes its place, and the listener yields
   * a gap. It ends with the pool, or when its user closes it.
   *
   * @throws {InterfaceError} If no channel is given, or the pool is behind a transaction pooler.
   * @throws {NotSupportedError} If the database has one session only, as PGlite has.
   * @throws {PoolClosedError} If the pool is closed.
   * @throws {OperationalError} If it cannot connect.
   */
  async listen(...channels: string[]): Promise<Listener> {
    if (this.closing) throw pool_closed();
    check_listen(channels, this.#context);
    const { clock, timeout, on_warning } = this.#context;
    const listener = new Listener(channels, this.#open, {
      clock,
      timeout,
      on_trouble: (message) => warn(message, on_warning),
      on_closed: (listener) => void this.#listeners.delete(listener),
    });
    this.#listeners.add(listener);
    try {
      await listener.start();
      return listener;
    } catch (error) {
      await listener.close();
      throw error;
    }
  }

  /** Closes the connections that are free; those that are lent are not concerned. */
  async clear(): Promise<void> {
    await this.#sessions.clear();
  }

  /** Lends no more: who waits is turned away, and connections are closed as they come back. */
  close(): void {
    this.#sessions.close();
    this.#end_services();
  }

  /** `close()`, and cuts the connections that are lent. */
  terminate(): void {
    this.#sessions.terminate();
    this.#end_services();
  }

  /**
   * Waits until all connections came back and are closed.
   *
   * @throws {InterfaceError} If the pool is not closing.
   */
  async wait_closed(): Promise<void> {
    if (!this.closing) {
      throw new InterfaceError("cannot wait for the pool to close: close() must come first");
    }
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    await this.#sessions.gone;
  }

  /** `close()` and `wait_closed()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.wait_closed();
  }

  #end_services(): void {
    this.#leaks.stop();
    for (const listener of this.#listeners) void listener.close();
  }

  /** Submits a statement at once, and gives its slot back when it has ended. Nothing is reset. */
  async #run<R>(
    slot: Slot,
    query: string | Sql,
    params: Params,
    options: QueryOptions<R>,
  ): Promise<Result<R>> {
    try {
      return await this.#handles.own(slot).execute_one<R>(query, params, options);
    } finally {
      this.#sessions.leave(slot);
    }
  }

  #lend(slot: Slot, stack: string | null): Connection {
    const now = this.#context.clock.now();
    const lease = new PoolLease(this, slot, now, stack, this.#take_back);
    try {
      const connection = this.#handles.make(slot.session, lease);
      slot.lease = lease;
      this.#leaks.watch(connection, lease);
      return connection;
    } catch (error) { // of a connection_factory
      this.#sessions.put_back(slot, false);
      throw error;
    }
  }

  readonly #take_back = (lease: PoolLease, connection: Connection): void => {
    if (end_of(connection) === null) finish(connection, RELEASED);
    this.#leaks.forget(lease);
    this.#sessions.put_back(lease.slot, true);
  };

  /** For a lease whose handle is garbage. */
  #reclaim(lease: PoolLease): void {
    lease.state = "released";
    lease.slot.session.owner?.on_lost?.(was_dropped()); // its queue of notifications may live on
    this.#sessions.put_back(lease.slot, true);
  }
}
