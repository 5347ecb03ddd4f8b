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

import type { CallOptions, Params, QueryOptions } from "../connection/base/call_options.ts";
import { at_call } from "../connection/base/stacks.ts";
import { type EchoEvent, warn } from "../connection/base/warnings.ts";
import { Queryable } from "../connection/calls/queryable.ts";
import type { Connection } from "../connection/handle/connection.ts";
import type { Cursor, CursorOptions } from "../connection/handle/cursor.ts";
import type { Loan } from "../connection/session/loan.ts";
import type { Result } from "../connection/statement/result.ts";
import { InterfaceError } from "../errors.ts";
import type { ObjectRow } from "../rows/factories.ts";
import type { Sql } from "../sql/template.ts";
import type { AcquireOptions } from "./borrow.ts";
import { Branches } from "./branches.ts";
import type { OpenSession, PoolContext } from "./context.ts";
import { lease_from } from "./lease.ts";
import { Listener } from "./listener.ts";
import { check_listen, pool_closed } from "./refusals.ts";
import { no_totals, type PoolStats } from "./stats.ts";

export type { AcquireOptions };

/**
 * Connections to one database, shared by many. On workerd each request has its own: sizes and counters
 * are those of the request at hand, and ending the pool closes what that one has; what others hold is
 * closed when they release it.
 */
export class Pool extends Queryable implements AsyncDisposable {
  readonly #open: OpenSession;
  readonly #context: PoolContext;
  readonly #branches: Branches;

  /** Pools are made by `create_pool()`. */
  constructor(open: OpenSession, context: PoolContext) {
    super();
    this.#open = open;
    this.#context = context;
    this.#branches = new Branches(this, open, context);
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
    return this.#branches.find()?.sessions.size ?? 0;
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
    return this.#branches.find()?.sessions.closed ?? this.closing;
  }

  /** Whether `close()` or `terminate()` was called. */
  get closing(): boolean {
    return this.#branches.closing;
  }

  /** All counters, and what callers waited. */
  stats(): PoolStats {
    return this.#branches.find()?.sessions.stats() ?? nothing();
  }

  /** For `create_pool()`: opens the first `minsize` connections. If that fails, the pool is closed. */
  async open_minimum(signal?: AbortSignal): Promise<void> {
    try {
      signal?.throwIfAborted();
      if (this.minsize > 0) await this.#branches.here().sessions.open_minimum(signal);
    } catch (error) {
      this.terminate();
      throw error;
    }
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
    const branch = this.#branches.here();
    const stack = branch.stack();
    const slot = branch.borrower.take(options) ?? (await branch.borrower.wait(options))[0];
    return branch.lend(slot, stack);
  }

  /**
   * Takes a connection back. It is reset for the next borrower, which the caller
   * need not wait for: an open transaction is rolled back, with a warning; what
   * still runs is cancelled.
   *
   * @throws {InterfaceError} If it is not from this pool, or was released before.
   */
  // deno-lint-ignore require-await -- rejects rather than throws
  async release(connection: Connection): Promise<void> {
    const lease = lease_from(connection, this);
    if (lease.state === "closed") lease.state = "released";
    else lease.release(connection);
  }

  /** Acquires a connection and opens a cursor on it. Closing the cursor releases it. */
  async cursor<R = ObjectRow>(
    options: CursorOptions<R> & AcquireOptions = {},
  ): Promise<Cursor<R>> {
    const connection = await this.acquire(options);
    const on_close = async () => {
      try {
        await options.on_close?.();
      } finally {
        await connection[Symbol.asyncDispose]();
      }
    };
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
    const branch = this.#branches.here();
    const slot = branch.borrower.take(options, true);
    if (slot !== undefined) return await branch.run(slot, query, params, options);
    return await branch.borrower.wait_to(
      options,
      (slot, timeout) => branch.run(slot, query, params, { ...options, timeout }),
    );
  }

  /** @internal */
  override async lend(options: CallOptions): Promise<Loan> {
    const branch = this.#branches.here();
    const [slot, time_left] = await branch.borrower.borrow(options);
    const end = () => branch.sessions.put_back(slot, false);
    try {
      return { ...branch.handles.own(slot).lend(), time_left, end };
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
    const { clock, random, timeout, on_warning } = this.#context;
    const { place, listeners } = this.#branches.here();
    const listener = new Listener(channels, this.#open, {
      clock,
      random,
      timeout,
      place,
      on_trouble: (message) => warn(message, on_warning),
      on_closed: (listener) => void listeners.delete(listener),
    });
    listeners.add(listener);
    try {
      await listener.start();
      return listener;
    } catch (error) {
      await listener.close();
      throw at_call(error);
    }
  }

  /** Closes the connections that are free; those that are lent are not concerned. */
  async clear(): Promise<void> {
    await this.#branches.find()?.sessions.clear();
  }

  /** Lends no more: who waits is turned away, and connections are closed as they come back. */
  close(): void {
    this.#branches.close((branch) => branch.close());
  }

  /** `close()`, and cuts the connections that are lent. */
  terminate(): void {
    this.#branches.close((branch) => branch.terminate());
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
    await this.#branches.find()?.wait_closed();
  }

  /** `close()` and `wait_closed()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.wait_closed();
  }
}

/** Where it has no branch. */
function nothing(): PoolStats {
  return { size: 0, free: 0, used: 0, opening: 0, waiting: 0, ...no_totals() };
}
