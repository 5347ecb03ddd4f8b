/**
 * A cursor on the server, and the rows of it that are here already.
 *
 *     0 ────────┬── buffer ──┬───────────┬── ahead ──▶
 *             first       position    fetched
 *
 * Law: `fetched` is where the server stands, but for the batch ahead. It is moved by FETCH FORWARD
 * and MOVE FORWARD, which count their rows, and by MOVE ABSOLUTE back to a row that is known to
 * exist; so it is exact, and so is what follows from it.
 *
 * Source: https://www.postgresql.org/docs/current/sql-fetch.html
 *
 * @module
 */

import type { CodecRegistry } from "../../codecs/registry.ts";
import type { ColumnDescription } from "../../protocol/backend.ts";
import { Column } from "../../rows/column.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { quote_identifier } from "../../sql/quote.ts";
import type { RunOptions, Session } from "../session/session.ts";
import { QueryExchange } from "../statement/query.ts";
import type { QueryContext } from "../statement/query_context.ts";
import { count_of, type Result } from "../statement/result.ts";
import { type PreparedStatement, StatementCache } from "../statement/statements.ts";
import type { TypeCatalog } from "../statement/type_catalog.ts";

const MAX_COUNT = 0x7fffffff; // FETCH and MOVE count in a signed 32-bit integer

/** The rows of one DECLARE. Calls must not overlap. */
export class ServerCursor<R> {
  /** Its columns. */
  readonly columns: readonly Column[];
  /** The command tag of the last FETCH or MOVE. */
  statusmessage: string | null = null;
  readonly #session: Session;
  readonly #name: string; // quoted
  readonly #run: RunOptions<R>;
  readonly #statements: DescribedStatements;
  #buffer: R[] = [];
  #at = 0; // in the buffer
  #fetched = 0;
  #at_end = false; // is the server
  #total = -1;
  #ahead: FetchExchange<R> | null = null;
  #failed: Promise<void> = Promise.resolve(); // until it is known where a FETCH that failed left the server

  /** @param columns As the server described the cursor. */
  constructor(
    session: Session,
    name: string,
    columns: readonly ColumnDescription[],
    run: RunOptions<R>,
  ) {
    this.#session = session;
    this.#name = quote_identifier(name);
    this.#run = run;
    this.#statements = new DescribedStatements(columns, session.context.types.registry);
    this.columns = columns.map((column) => new Column(column));
  }

  /** Index of the row that comes next. */
  get position(): number {
    return this.#fetched - this.#buffer.length + this.#at;
  }

  /** How many rows there are; -1 until that is known. */
  get total(): number {
    return this.#total;
  }

  /** Whether the next row is here. */
  get has_row(): boolean {
    return this.#at < this.#buffer.length;
  }

  /** The next row, which must be here. */
  shift(): R {
    return this.#buffer[this.#at++]!;
  }

  /** The next rows, at most `count`. */
  async take(count: number): Promise<R[]> {
    await this.#join_ahead();
    const missing = count - (this.#buffer.length - this.#at);
    if (missing > 0 && !this.#at_end) await this.#receive(this.#fetch(missing));
    const rows = this.#buffer.slice(this.#at, this.#at + count);
    this.#at += rows.length;
    return rows;
  }

  /** Makes sure that the next row is here, and asks for a batch after those here; false at the end. */
  async load(itersize: number): Promise<boolean> {
    if (this.has_row) return true;
    const is_asked = this.#ahead !== null;
    await this.#join_ahead();
    if (!is_asked && !this.#at_end) await this.#receive(this.#fetch(itersize));
    if (!this.#at_end) this.#ahead = this.#fetch(itersize);
    this.#ahead?.promise.catch(() => {}); // whoever joins it is told
    return this.has_row;
  }

  /** Moves to a row, or behind the last. */
  async move_to(row: number): Promise<void> {
    await this.#join_ahead();
    const first = this.#fetched - this.#buffer.length;
    if (row < first) {
      await this.#command(`MOVE ABSOLUTE ${row} FROM ${this.#name}`);
      this.#stand_at(row);
      this.#at_end = false;
    } else if (row <= this.#fetched || this.#at_end) {
      this.#at = Math.min(row - first, this.#buffer.length);
    } else {
      const count = Math.min(row - this.#fetched, MAX_COUNT);
      const moved = await this.#command(`MOVE FORWARD ${count} FROM ${this.#name}`);
      this.#stand_at(this.#fetched + moved);
      if (moved < count) this.#end();
    }
  }

  async #join_ahead(): Promise<void> {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead !== null) await this.#receive(ahead);
    await this.#failed;
  }

  /** Takes what a FETCH brings. Rows that nobody gets, as they cannot be read or come too late, are passed. */
  async #receive(fetch: FetchExchange<R>): Promise<void> {
    try {
      this.#admit(await fetch.promise, fetch.count);
    } catch (error) {
      this.#failed = fetch.over.then(() => this.#pass(fetch));
      throw error;
    }
  }

  #admit({ rows, statusmessage }: Result<R>, count: number): void {
    this.#buffer = this.#at < this.#buffer.length
      ? this.#buffer.slice(this.#at).concat(rows)
      : rows;
    this.#at = 0;
    this.#fetched += rows.length;
    this.statusmessage = statusmessage;
    if (rows.length < count) this.#end();
  }

  #pass({ command_tag, count }: FetchExchange<R>): void {
    if (command_tag === null) return; // it failed on the server
    const passed = count_of(command_tag);
    this.#stand_at(this.#fetched + passed);
    if (passed < count) this.#end();
  }

  #end(): void {
    this.#at_end = true;
    this.#total = this.#fetched;
  }

  #stand_at(row: number): void {
    this.#buffer = [];
    this.#at = 0;
    this.#fetched = row;
  }

  #fetch(count: number): FetchExchange<R> {
    const number = count > MAX_COUNT ? "ALL" : count;
    const sql = `FETCH FORWARD ${number} FROM ${this.#name}`;
    const context = this.#session.context.with_statements(this.#statements);
    const fetch = new FetchExchange(context, sql, this.#run.row_factory, count);
    this.#session.wire.submit(fetch, this.#run.timeout);
    return fetch;
  }

  /** Returns the number in the command tag. */
  async #command(sql: string): Promise<number> {
    const { row_factory, timeout } = this.#run;
    const context = this.#session.context.with_statements(new StatementCache(0, false));
    const exchange = new QueryExchange(context, sql, [], row_factory);
    const { statusmessage } = await this.#session.run(exchange, { timeout });
    this.statusmessage = statusmessage;
    return count_of(statusmessage);
  }
}

/** A FETCH, which may move the cursor although its caller was told that it failed. */
class FetchExchange<R> extends QueryExchange<R> {
  /** Rows that it asks for. */
  readonly count: number;
  /** Resolves when the last answer is in, or will never come. */
  readonly over: Promise<void>;
  #set_over!: () => void;

  constructor(context: QueryContext, sql: string, factory: RowFactory<R>, count: number) {
    super(context, sql, [], factory);
    this.count = count;
    this.over = new Promise((resolve) => this.#set_over = resolve);
  }

  /** The command tag; null where the server refused. */
  get command_tag(): string | null {
    return this.attempt.command_tag;
  }

  override end(): void {
    super.end();
    this.#set_over();
  }
}

/** Statements that all return the same columns, are known from the first, and are kept nowhere. */
class DescribedStatements extends StatementCache {
  readonly #columns: readonly ColumnDescription[];
  readonly #codecs: CodecRegistry;

  constructor(columns: readonly ColumnDescription[], codecs: CodecRegistry) {
    super(0, false);
    this.#columns = columns;
    this.#codecs = codecs;
  }

  override get(sql: string, types: TypeCatalog): PreparedStatement {
    const statement = super.get(sql, types);
    statement.set_parameters([], this.#codecs);
    statement.set_columns(this.#columns, this.#codecs);
    return statement;
  }
}
