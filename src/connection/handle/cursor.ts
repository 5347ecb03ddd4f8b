/**
 * A DB-API cursor: runs statements and walks the rows of the last one.
 *
 * Law: `execute()` reads the whole result, so fetching and iterating never wait
 * for the server; all ways of fetching share one position.
 *
 * Source: PEP 249 and psycopg2's cursor, https://www.psycopg.org/docs/cursor.html
 *
 * @module
 */

import { InterfaceError, ProgrammingError } from "../../errors.ts";
import type { Column } from "../../rows/column.ts";
import type { ObjectRow, RowFactory } from "../../rows/factories.ts";
import type { Sql } from "../../sql/template.ts";
import type { CallOptions, Params } from "../base/call_options.ts";
import {
  check_count,
  check_itersize,
  check_scroll,
  check_timeout,
  DEFAULT_ITERSIZE,
} from "../base/checks.ts";
import type { EchoEvent } from "../base/warnings.ts";
import { query_text } from "../statement/bind_statement.ts";
import type { Result } from "../statement/result.ts";
import type { IsolationLevel } from "../transaction/isolation.ts";
import type { Connection } from "./connection.ts";
import { CursorBulk } from "./cursor_bulk.ts";

/** How a cursor is opened. */
export interface CursorOptions<R> {
  /** The shape of its rows. Default: the connection's. */
  readonly row_factory?: RowFactory<R> | undefined;
  /** Default for each statement's deadline, in seconds. Default: the connection's. */
  readonly timeout?: number | undefined;
  /** Makes it a cursor on the server, which fetches rows as they are asked for. */
  readonly name?: string | null | undefined;
  /** Of a named cursor: whether it can go back. Default: as the server can do for the query. */
  readonly scrollable?: boolean | undefined;
  /** Of a named cursor: whether it outlives its transaction. Default: false. */
  readonly withhold?: boolean | undefined;
  /** Rows that a named cursor, or `stream()`, reads at a time. Default: 2000. */
  readonly itersize?: number | undefined;
  /** Of the transactions that its `begin()` begins. Default: the session's. */
  readonly isolation_level?: IsolationLevel | undefined;
  /** Awaited when the cursor was closed: the pool's `cursor()` releases the connection by it. */
  readonly on_close?: (() => Promise<void>) | undefined;
}

/** `Cursor`, or a subclass of it, generic or not. */
export interface CursorFactory {
  /** Makes a cursor; what its rows are is told where it is opened. */
  // deno-lint-ignore no-explicit-any -- a subclass may be of one type of rows
  new (connection: Connection, options?: CursorOptions<any>): Cursor<any>;
}

/** Runs statements on its connection, one at a time. */
export class Cursor<R = ObjectRow> extends CursorBulk<R>
  implements AsyncIterable<R>, AsyncDisposable {
  /** Rows that `fetchmany()` returns where it is not told. */
  arraysize = 1;
  /** Rows that a named cursor, or `stream()`, reads at a time. */
  override itersize: number;
  /** The shape of rows. Changing it takes effect with the next `execute()`. */
  override row_factory: RowFactory<R>;
  /** Of a cursor on the server, its name there. */
  readonly name: string | null = null;
  /** Of a cursor on the server, whether it can go back; null: as the server can do. */
  readonly scrollable: boolean | null = null;
  /** Of a cursor on the server, whether it outlives its transaction. */
  readonly withhold: boolean = false;
  readonly #connection: Connection;
  readonly #timeout: number;
  #results: Result<R>[] = [];
  #at = 0; // which of `#results`
  #position = 0; // which row is next
  #query: string | null = null;
  #calls = 0; // only the last one's result is the cursor's
  #running = 0; // calls that have not ended
  #closed = false;
  #on_close: (() => Promise<void>) | undefined;

  /** Cursors are made by `Connection.cursor()` and `Pool.cursor()`. */
  constructor(connection: Connection, options: CursorOptions<R> = {}) {
    super(options.isolation_level);
    this.#connection = connection;
    this.row_factory = options.row_factory ?? (connection.row_factory as RowFactory<R>);
    this.#timeout = check_timeout(options.timeout ?? connection.timeout);
    this.itersize = check_itersize(options.itersize ?? DEFAULT_ITERSIZE);
    this.#on_close = options.on_close;
  }

  /** The connection it runs on. */
  override get connection(): Connection {
    return this.#connection;
  }

  /** Whether it, or its connection, is closed. */
  override get closed(): boolean {
    return this.#closed || this.#connection.closed;
  }

  /** Default for each statement's deadline, in seconds. */
  override get timeout(): number {
    return this.#timeout;
  }

  /** Whether, or where to, statements are logged. */
  get echo(): boolean | ((event: EchoEvent) => void) {
    return this.#connection.echo;
  }

  /** The columns of the current result; null if the statement returned no rows, or none ran. */
  get description(): readonly Column[] | null {
    return this.#result?.description ?? null;
  }

  /** Rows that the last statement returned or changed; -1 where that is not known. */
  get rowcount(): number {
    return this.#result?.rowcount ?? -1;
  }

  /** Index of the next row, from 0. */
  get rownumber(): number {
    return this.#position;
  }

  /** Always null: PostgreSQL tables have no row ids. */
  get lastrowid(): null {
    return null;
  }

  /** The text of the last statement; null if none ran. */
  get query(): string | null {
    return this.#query;
  }

  /** The command tag of the last statement, such as `SELECT 5`; null if none ran. */
  get statusmessage(): string | null {
    return this.#result?.statusmessage ?? null;
  }

  /**
   * Runs a statement and reads its whole result.
   *
   * @param query SQL text, or a `sql` template. Without `params` it may hold several
   * statements; `nextset()` walks their results.
   * @throws As `Connection.execute()` does. The cursor then has no result.
   */
  override execute(
    query: string | Sql,
    params?: Params,
    options: CallOptions = {},
  ): Promise<void> {
    return this.run(query, () =>
      this.#connection.execute_all<R>(query, params, {
        ...options,
        timeout: options.timeout ?? this.#timeout,
        row_factory: this.row_factory,
      }));
  }

  /** Runs anything whose results are to be the cursor's. */
  protected override async run(
    query: string | Sql,
    work: () => Promise<Result<R>[]>,
  ): Promise<void> {
    this.check("execute a statement");
    const text = query_text(query);
    const call = ++this.#calls;
    this.#results = [];
    this.#at = this.#position = 0;
    this.#query = text;
    this.#running++;
    try {
      const results = await work();
      if (call === this.#calls && !this.#closed) this.#results = results;
    } finally {
      this.#running--;
    }
  }

  /** The next row; null at the end. */
  // deno-lint-ignore require-await -- rejects rather than throws
  async fetchone(): Promise<R | null> {
    const rows = this.#rows("fetch");
    return this.#position < rows.length ? rows[this.#position++]! : null;
  }

  /** The next rows, at most `size` of them. */
  // deno-lint-ignore require-await -- rejects rather than throws
  async fetchmany(size: number = this.arraysize): Promise<R[]> {
    const rows = this.#rows("fetch");
    check_count(size);
    const taken = rows.slice(this.#position, this.#position + size);
    this.#position += taken.length;
    return taken;
  }

  /** All rows that are left. */
  // deno-lint-ignore require-await -- rejects rather than throws
  async fetchall(): Promise<R[]> {
    const rows = this.#rows("fetch");
    const taken = rows.slice(this.#position);
    this.#position = rows.length;
    return taken;
  }

  /**
   * Moves to another row.
   *
   * @param value Rows from here, or the row's index from 0 where `mode` is `"absolute"`.
   * @throws {ProgrammingError} If that is outside the result; the cursor stays where it is.
   */
  // deno-lint-ignore require-await -- rejects rather than throws
  async scroll(value: number, mode: "relative" | "absolute" = "relative"): Promise<void> {
    const rows = this.#rows("scroll");
    this.#position = check_scroll(value, mode, this.#position, rows.length - 1);
  }

  /** Moves on to the next statement's result; false if there is none. */
  // deno-lint-ignore require-await -- rejects rather than throws
  async nextset(): Promise<boolean> {
    this.check("move to the next result", false);
    if (this.#at + 1 >= this.#results.length) return false;
    this.#at++;
    this.#position = 0;
    return true;
  }

  /** Accepted, without effect. */
  setinputsizes(_sizes?: unknown): void {}

  /** Accepted, without effect. */
  setoutputsize(_size?: unknown, _column?: unknown): void {}

  /** Closes the cursor; its connection stays open. Closing again does nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#results = [];
    const on_close = this.#on_close;
    this.#on_close = undefined;
    await on_close?.();
  }

  /** `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Yields the rows that are left. */
  [Symbol.asyncIterator](): AsyncIterableIterator<R> {
    const iterator: AsyncIterableIterator<R> = {
      // deno-lint-ignore require-await -- rejects rather than throws
      next: async () => {
        const rows = this.#rows("iterate");
        if (this.#position >= rows.length) return { done: true, value: undefined };
        return { done: false, value: rows[this.#position++]! };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Throws where the cursor or its connection was closed. */
  protected override check(action: string, is_new: boolean = true): void {
    if (this.#closed) throw new InterfaceError(`cannot ${action}: the cursor is closed`);
    this.#connection.check_alive(action, is_new);
  }

  get #result(): Result<R> | undefined {
    return this.#results[this.#at];
  }

  #rows(action: string): R[] {
    this.check(action, false);
    const result = this.#result;
    if (result === undefined && this.#running > 0) {
      throw new ProgrammingError(`cannot ${action}: the statement must have ended, but has not`, {
        hint: "await execute()",
      });
    }
    if (result === undefined) {
      throw new ProgrammingError(`cannot ${action}: no statement was executed`);
    }
    if (result.description === null) {
      throw new ProgrammingError(`cannot ${action}: the statement returned no rows`);
    }
    return result.rows;
  }
}
