/**
 * What a cursor does besides running statements and walking rows: transactions,
 * calls of functions, quoting.
 *
 * Source: aiopg.Cursor, https://aiopg.readthedocs.io/en/stable/core.html
 *
 * @module
 */

import type { Sql } from "../../sql/template.ts";
import type { CallOptions, Params } from "../base/call_options.ts";
import { check_isolation_level, IsolationLevel } from "../transaction/isolation.ts";
import { run_within } from "../transaction/run_within.ts";
import { begin_inside, Transaction } from "../transaction/transaction.ts";
import { call_statement } from "./callproc.ts";
import type { Connection } from "./connection.ts";
import { mogrify } from "./mogrify.ts";

/** The part of `Cursor` that commands its connection. */
export abstract class CursorControl {
  /** The connection it runs on. */
  abstract get connection(): Connection;
  /** Whether it, or its connection, is closed. */
  abstract get closed(): boolean;
  /** Default for each statement's deadline, in seconds. */
  abstract get timeout(): number;
  readonly #isolation_level: IsolationLevel;

  /**
   * For cursors, which are made by `Connection.cursor()`.
   *
   * @param isolation_level Of the transactions that `begin()` begins.
   */
  constructor(isolation_level: IsolationLevel = IsolationLevel.default) {
    this.#isolation_level = check_isolation_level(isolation_level);
  }

  /** Throws where the cursor or its connection was closed. */
  protected abstract check(action: string, is_new?: boolean): void;

  /** Runs a statement; see `Cursor`. */
  abstract execute(query: string | Sql, params?: Params, options?: CallOptions): Promise<void>;

  /**
   * Calls a function; its result is the cursor's.
   *
   * @param name As in SQL: `pg_sleep`, `app.price`, `"Mixed Case"`.
   * @param params Arguments in their order, or an object of them by name.
   * @throws {ProgrammingError} If `name` is no name, or as `execute()` does.
   */
  async callproc(name: string, params?: Params, options: CallOptions = {}): Promise<void> {
    await this.execute(call_statement(name, params), null, options);
  }

  /**
   * The query with its values in it, quoted by the server. For eyes; `execute()` binds.
   *
   * @throws {ProgrammingError} If the parameters do not fit the query.
   */
  async mogrify(query: string | Sql, params?: Params, options: CallOptions = {}): Promise<string> {
    this.check("mogrify a query");
    const { timeout = this.timeout, signal } = options;
    const { prepare, session } = this.connection.lend();
    const call = prepare("mogrify a query", query, params, { timeout, signal });
    const is_bare = params === undefined || params === null;
    if (is_bare && call.values.length === 0) return call.text;
    return await mogrify(session, call.text, call.values, call.run);
  }

  /**
   * Begins a transaction on the connection.
   *
   * @throws {ProgrammingError} If one is open.
   */
  begin(): Promise<Transaction>;
  /** As above, and ends it: commits, or rolls back where `fn` throws. */
  begin<T>(fn: (tx: Transaction) => T | Promise<T>): Promise<T>;
  async begin<T>(fn?: (tx: Transaction) => T | Promise<T>): Promise<T | Transaction> {
    this.check("begin a transaction");
    const tx = await new Transaction(this, this.#isolation_level).begin();
    return fn === undefined ? tx : await run_within(tx, fn, undefined);
  }

  /** Begins a transaction inside the innermost that is open on the connection; if none is, `begin()`. */
  begin_nested(): Promise<Transaction>;
  /** As above, and ends it: keeps what `fn` did, or undoes it where `fn` throws. */
  begin_nested<T>(fn: (tx: Transaction) => T | Promise<T>): Promise<T>;
  async begin_nested<T>(fn?: (tx: Transaction) => T | Promise<T>): Promise<T | Transaction> {
    this.check("begin a transaction");
    const tx = await begin_inside(this) ?? await this.begin();
    return fn === undefined ? tx : await run_within(tx, fn, undefined);
  }
}
