/**
 * A cursor on the server: `conn.cursor({ name })`.
 *
 * Law: it never has more rows here than were asked for and one batch ahead. It
 * is gone with its transaction, unless it is `withhold`, and from then on nothing
 * is sent for it: the name may be another's.
 *
 * Source: named cursors in psycopg2, https://www.psycopg.org/docs/usage.html#server-side-cursors,
 * and https://www.postgresql.org/docs/current/sql-declare.html
 *
 * @module
 */

import { ProgrammingError } from "../../errors.ts";
import type { Column } from "../../rows/column.ts";
import type { ObjectRow } from "../../rows/factories.ts";
import { quote_identifier } from "../../sql/quote.ts";
import type { Sql } from "../../sql/template.ts";
import type { CallOptions, Params } from "../base/call_options.ts";
import {
  check_bytes,
  check_count,
  check_itersize,
  check_scroll,
  MAX_NAME,
} from "../base/checks.ts";
import { at_call } from "../base/stacks.ts";
import type { Session } from "../session/session.ts";
import type { Tenure } from "../session/tenure.ts";
import { QueryExchange } from "../statement/query.ts";
import type { Connection } from "./connection.ts";
import { Cursor, type CursorOptions } from "./cursor.ts";
import { ClosePortal, DescribePortal } from "./cursor_exchanges.ts";
import { ServerCursor } from "./server_cursor.ts";

/**
 * Runs one statement at a time, of which it fetches rows as they are asked for.
 *
 * In a transaction only, unless `withhold`. `rowcount` is -1 until the last row was
 * fetched. `scroll()` beyond the last row moves behind it.
 */
export class NamedCursor<R = ObjectRow> extends Cursor<R> {
  /** Its name on the server. */
  override readonly name: string;
  /** Whether it may go back; null: the server decides by the query. */
  override readonly scrollable: boolean | null;
  /** Whether it outlives its transaction. */
  override readonly withhold: boolean;
  readonly #session: Session;
  #rows: ServerCursor<R> | null = null;
  #tenure: Tenure | null = null; // since it was declared
  #turn: Promise<unknown> = Promise.resolve(); // of the call before
  #waiting = 0;

  /** Named cursors are made by `Connection.cursor()`. */
  constructor(connection: Connection, name: string, options: CursorOptions<R>) {
    super(connection, options);
    quote_identifier(name); // or it cannot be one
    check_bytes("open a cursor", "its name", name, MAX_NAME);
    this.name = name;
    this.scrollable = options.scrollable ?? null;
    this.withhold = options.withhold ?? false;
    this.#session = connection.lend().session;
  }

  /** The columns; null before `execute()`. */
  override get description(): readonly Column[] | null {
    return this.#rows?.columns ?? null;
  }

  /** Rows of the whole result; -1 until the last was fetched. */
  override get rowcount(): number {
    return this.#rows?.total ?? -1;
  }

  /** Index of the next row, from 0. */
  override get rownumber(): number {
    return this.#rows?.position ?? 0;
  }

  /** The command tag of the last statement; null before. */
  override get statusmessage(): string | null {
    return this.#rows?.statusmessage ?? null;
  }

  /**
   * Declares the cursor, anew if it was before. Parameters are bound on the server.
   *
   * @throws {ProgrammingError} Outside a transaction, unless `withhold`.
   */
  override async execute(
    query: string | Sql,
    params?: Params,
    options: CallOptions = {},
  ): Promise<void> {
    const { wire } = this.#session;
    this.check("execute a statement");
    if (!this.withhold && wire.state === "I" && !wire.busy) {
      throw without_transaction();
    }
    await this.run(query, async () => {
      await this.#in_turn(() => this.#declare(query, params, options));
      return [];
    });
  }

  /** Rejects: a named cursor reads the rows of one statement. */
  override executemany(): Promise<never> {
    const error = "cannot executemany: the cursor must not be named, but is";
    return Promise.reject(new ProgrammingError(error));
  }

  /** Rejects: a named cursor reads the rows of one statement. So do `copy_to()` and `copy_from()`. */
  override copy_expert(): Promise<never> {
    const error = "cannot copy: the cursor must not be named, but is";
    return Promise.reject(new ProgrammingError(error));
  }

  /** The next row; null at the end. */
  override async fetchone(): Promise<R | null> {
    return (await this.#in_turn(() => this.#fetching("fetch").take(1)))[0] ?? null;
  }

  /** The next rows, at most `size` of them. */
  override async fetchmany(size: number = this.arraysize): Promise<R[]> {
    check_count(size);
    return await this.#in_turn(() => this.#fetching("fetch").take(size));
  }

  /** All rows that are left. */
  override async fetchall(): Promise<R[]> {
    return await this.#in_turn(() => this.#fetching("fetch").take(Infinity));
  }

  /**
   * Moves to another row, or behind the last.
   *
   * @param value Rows from here, or the row's index from 0 where `mode` is `"absolute"`.
   * @throws {ProgrammingError} If that is before the first row, or back where `scrollable` is
   * false; the cursor stays where it is.
   */
  override async scroll(
    value: number,
    mode: "relative" | "absolute" = "relative",
  ): Promise<void> {
    await this.#in_turn(async () => {
      const rows = this.#fetching("scroll");
      const target = check_scroll(value, mode, rows.position, Infinity);
      if (this.scrollable === false && target < rows.position) {
        throw new ProgrammingError(
          "cannot scroll: a cursor with scrollable: false goes forward, but this would go back",
        );
      }
      await rows.move_to(target);
    });
  }

  /** Closes it on the server. Closing again, or after its transaction has ended, does nothing. */
  override async close(): Promise<void> {
    if (!this.closed) await this.#in_turn(() => this.#close_portal()).catch(() => {}); // it is gone
    this.#rows = null;
    await super.close();
  }

  /** Yields the rows that are left, `itersize` at a time. After `break` it can be read on. */
  override [Symbol.asyncIterator](): AsyncIterableIterator<R> {
    const iterator: AsyncIterableIterator<R> = {
      next: () => {
        const rows = this.#rows;
        if (rows?.has_row && this.#waiting === 0 && !this.closed && this.#lives()) {
          return Promise.resolve({ done: false, value: rows.shift() });
        }
        return this.#in_turn(() => this.#next());
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  async #next(): Promise<IteratorResult<R, undefined>> {
    const rows = this.#fetching("iterate");
    if (!await rows.load(check_itersize(this.itersize))) return { done: true, value: undefined };
    return { done: false, value: rows.shift() };
  }

  async #declare(query: string | Sql, params: Params, options: CallOptions): Promise<void> {
    const { timeout = this.timeout, signal } = options;
    const { row_factory } = this;
    const { prepare } = this.connection.lend();
    const call = prepare("open a cursor", query, params, { timeout, signal, row_factory });
    const session = this.#session;
    void this.#close_portal().catch(() => {});
    this.#rows = null;
    const tenure = this.connection.lend().tenure();
    const sql = this.#declaration(call.text);
    const declare = new QueryExchange(session.context, sql, call.values, call.run.row_factory);
    const describe = new DescribePortal(session.wire, this.name);
    const declared = session.run(declare, call.run); // one flight for both
    const described = session.run(describe, call.run);
    described.catch(() => {}); // if the first fails, so does the second
    const { statusmessage } = await declared.catch((error) => {
      throw error?.sqlstate === NO_TRANSACTION ? without_transaction(error) : error;
    });
    const { columns, idle_count } = await described;
    this.#rows = new ServerCursor(session, this.name, columns, {
      row_factory,
      timeout: this.timeout,
    });
    this.#rows.statusmessage = statusmessage;
    tenure.begin(idle_count);
    this.#tenure = tenure;
  }

  #declaration(query: string): string {
    const scroll = this.scrollable === null ? "" : this.scrollable ? "SCROLL " : "NO SCROLL ";
    const hold = this.withhold ? "WITH HOLD " : "";
    return `DECLARE ${quote_identifier(this.name)} ${scroll}CURSOR ${hold}FOR ${query}`;
  }

  /** Nothing in a failed transaction: it goes with it, or must wait for its end. */
  async #close_portal(): Promise<void> {
    if (this.#rows === null || !this.#lives() || this.#session.state === "E") return;
    await this.#session.run(new ClosePortal(this.name), { timeout: this.timeout });
  }

  /** Whether it is still the server's. */
  #lives(): boolean {
    return this.withhold ? !this.#tenure!.is_undone : !this.#tenure!.is_over;
  }

  #fetching(action: string): ServerCursor<R> {
    this.check(action, false);
    if (this.#rows === null) {
      throw new ProgrammingError(`cannot ${action}: no statement was executed`);
    }
    if (this.#lives()) return this.#rows;
    throw this.withhold
      ? new ProgrammingError(`cannot ${action}: the cursor's transaction was rolled back`)
      : new ProgrammingError(`cannot ${action}: the cursor ended with its transaction`, {
        hint: "withhold: true keeps a cursor",
      });
  }

  /** Runs `work` when the calls before have ended. */
  async #in_turn<T>(work: () => T | Promise<T>): Promise<T> {
    const before = this.#waiting++ === 0 ? null : this.#turn;
    const turn = after(before, work);
    this.#turn = turn.catch(() => {});
    try {
      return await turn;
    } catch (error) {
      throw at_call(error);
    } finally {
      this.#waiting--;
    }
  }
}

const NO_TRANSACTION = "25P01";

function without_transaction(cause?: unknown): ProgrammingError {
  return new ProgrammingError(
    "cannot open a named cursor: a transaction must be open, but none is",
    { hint: "use begin() or transaction(), or withhold: true", cause },
  );
}

async function after<T>(before: Promise<unknown> | null, work: () => T | Promise<T>): Promise<T> {
  if (before !== null) await before;
  return await work();
}
