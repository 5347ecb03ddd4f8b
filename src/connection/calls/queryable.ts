/**
 * What pools, connections and transactions have in common: statements in one call.
 *
 * @module
 */

import { type ObjectRow, scalar_row } from "../../rows/factories.ts";
import type { Sql } from "../../sql/template.ts";
import type {
  CallOptions,
  Params,
  QueryOptions,
  ShapedOptions,
  StatementOptions,
} from "../base/call_options.ts";
import type { Items } from "../base/item_source.ts";
import type { RowIterator } from "../base/row_iterator.ts";
import type { CopyRecord } from "../copy/copy_encoder.ts";
import { copy_from, type CopyWritable } from "../copy/copy_from.ts";
import { copy_records_from, type CopyRecordsOptions } from "../copy/copy_records_in.ts";
import { copy_records_to, type CopyRowsOptions } from "../copy/copy_records_out.ts";
import { copy_to, type CopyReadable } from "../copy/copy_to.ts";
import { type Lending, with_loan } from "../session/loan.ts";
import type { Result } from "../statement/result.ts";
import { executemany, type ManyOptions } from "./executemany.ts";
import { stream, type StreamOptions } from "./stream.ts";

/** Runs single statements. */
export abstract class Queryable {
  /**
   * For the library: a connection for the time of one call. Whoever takes it ends the loan.
   *
   * @param options The call's; its time may be spent waiting for the connection.
   * @internal
   */
  abstract lend(options: CallOptions): Lending;

  /**
   * For the library: runs a statement. See `execute()`.
   *
   * @internal
   */
  abstract execute_one<R>(
    query: string | Sql,
    params: Params,
    options: QueryOptions<R> | undefined,
  ): Promise<Result<R>>;

  /**
   * Runs a statement and reads its whole result.
   *
   * Without `params`, `query` may hold several statements: the last one's result
   * is returned.
   *
   * @param query SQL text, or a `sql` template, which brings its own parameters.
   * @throws {InterfaceError} If this can no longer be used.
   * @throws {ProgrammingError} If the parameters do not fit the statement.
   * @throws {DataError} If a value does not fit its type.
   * @throws {TimeoutError} After `timeout` seconds; the statement is cancelled.
   * @throws {DatabaseError} What the server reports, in the class of its SQLSTATE.
   */
  execute<R>(query: string | Sql, params: Params, options: ShapedOptions<R>): Promise<Result<R>>;
  /** With rows of the type that the `sql` template says, or the caller. */
  execute<R = ObjectRow>(
    query: string | Sql<R>,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<Result<R>>;
  execute<R>(query: string | Sql, params?: Params, options?: QueryOptions<R>): Promise<Result<R>> {
    return this.execute_one(query, params, options);
  }

  /** All rows of a statement. Throws as `execute()` does. */
  fetchall<R>(query: string | Sql, params: Params, options: ShapedOptions<R>): Promise<R[]>;
  /** With rows of the type that the `sql` template says, or the caller. */
  fetchall<R = ObjectRow>(
    query: string | Sql<R>,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<R[]>;
  async fetchall<R>(
    query: string | Sql,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<R[]> {
    return (await this.execute_one(query, params, options)).rows;
  }

  /** The first row of a statement; null if it returns none. Throws as `execute()` does. */
  fetchone<R>(query: string | Sql, params: Params, options: ShapedOptions<R>): Promise<R | null>;
  /** With a row of the type that the `sql` template says, or the caller. */
  fetchone<R = ObjectRow>(
    query: string | Sql<R>,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<R | null>;
  async fetchone<R>(
    query: string | Sql,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<R | null> {
    return (await this.execute_one(query, params, options)).rows[0] ?? null;
  }

  /** The first column of the first row; null if there is no row. Throws as `execute()` does. */
  async fetchval<T = unknown>(
    query: string | Sql,
    params?: Params,
    options?: StatementOptions,
  ): Promise<T | null> {
    const shaped: QueryOptions<T> = { ...options, row_factory: scalar_row };
    return (await this.execute_one(query, params, shaped)).rows[0] ?? null;
  }

  /**
   * Runs a statement with many sets of parameters: all of them, or where one fails, none.
   *
   * They are sent as they come, a few at a time, so that their number does not matter. Where the
   * source is asynchronous the connection is taken until it ends: another statement on it is an
   * `InterfaceError`, as the source might wait for it forever.
   *
   * In a transaction a failure fails the transaction, as that of any statement does. A returned row
   * that cannot be read here fails the call, but what few sets did may stand: they were sent whole.
   *
   * @param param_sets What `execute()` takes as `params`, any number of times.
   * @param options `returning: false` forgets the rows that the statement returns. `timeout` is that of the whole.
   * @returns The rows of all sets in their order, and the sum of their counts.
   * @throws What `param_sets` throws, and what `execute()` throws; the message says for which set.
   */
  async executemany<R = ObjectRow>(
    query: string | Sql,
    param_sets: Items<Params>,
    options: ManyOptions<R> = {},
  ): Promise<Result<R>> {
    const keep = options.returning === false ? "nothing" : "rows";
    const [result] = await with_loan(
      this.lend(options),
      (loan) => executemany(loan, query, param_sets, options, keep),
    );
    return result!;
  }

  /**
   * The rows of a statement one by one, in the memory of two batches whatever its size.
   *
   * ```ts ignore
   * for await (const { id } of conn.stream("select id from city")) console.log(id);
   * ```
   *
   * In a transaction other statements, and other streams, may run between the
   * rows. Outside of one the connection is the stream's until it ends: another statement on it is
   * an `InterfaceError`. On a pool the stream has a connection from the first row to the end.
   *
   * `break`, `return()`, `throw()` and disposal end it; an iterator that is dropped without any of
   * them does not end before its connection or transaction. Changes that a statement with
   * RETURNING makes are made with the first batch, and stay after a `break`.
   *
   * After an error of the server the rows before it were given, and the error ends the stream.
   * `signal` ends it at once.
   *
   * @throws {InterfaceError} If `itersize` is not a positive number of rows; by the iterator, all
   * else that `execute()` throws.
   */
  stream<R>(
    query: string | Sql,
    params: Params,
    options: StreamOptions<R> & ShapedOptions<R>,
  ): RowIterator<R>;
  /** With rows of the type that the `sql` template says, or the caller. */
  stream<R = ObjectRow>(
    query: string | Sql<R>,
    params?: Params,
    options?: StreamOptions<R>,
  ): RowIterator<R>;
  stream<R>(
    query: string | Sql,
    params?: Params,
    options: StreamOptions<R> = {},
  ): RowIterator<R> {
    return stream<R>(() => this.lend(options), query, params, options);
  }

  /**
   * The data of a `COPY ... TO STDOUT`, as the server sends it.
   *
   * Nothing is sent before the first read, and the server sends no faster than is read. Until the
   * end the connection is the stream's: another statement on it is an `InterfaceError`. Cancelling
   * the stream cancels the COPY; in a transaction, that does not fail.
   *
   * @param query The whole statement, which takes no parameters.
   * @param options `timeout` is that of each wait for the server.
   * @returns The data; after the last of it, `rowcount` is the number of rows.
   */
  copy_to(query: string | Sql, options: CallOptions = {}): CopyReadable {
    return copy_to(() => this.lend(options), query, options);
  }

  /**
   * A stream into a `COPY ... FROM STDIN`.
   *
   * Nothing is sent before the first chunk, and writing waits for the server. Until the end the
   * connection is the stream's: another statement on it is an `InterfaceError`. `close()` resolves
   * when the server has taken everything. `abort()` ends the COPY in an error, and nothing is kept;
   * so does what the server finds wrong, which all later writes reject with.
   *
   * @param query The whole statement, which takes no parameters.
   * @param options `timeout` is that of each wait for the server.
   * @returns The way in; after `close()`, `rowcount` is the number of rows.
   */
  copy_from(query: string | Sql, options: CallOptions = {}): CopyWritable {
    return copy_from(() => this.lend(options), query, options);
  }

  /**
   * The rows of a table or a query by COPY, the fastest way out.
   *
   * Otherwise as `stream()`, but in a transaction too no other statement runs before the end.
   *
   * @param source A table's name, which is quoted whole; `sql.identifier("schema", "table")`; or a
   * query without parameters, which is known by the spaces in it.
   */
  copy_records_to<R = ObjectRow>(
    source: string | Sql,
    options: CopyRowsOptions<R> = {},
  ): RowIterator<R> {
    return copy_records_to<R>(() => this.lend(options), source, options);
  }

  /**
   * Copies records into a table by COPY, the fastest way in: all, or where one fails, none.
   *
   * Values are encoded as those of parameters are, in binary as far as they have such a form.
   * Where the source is asynchronous, another statement on the connection is an `InterfaceError`.
   *
   * @param table Its name, which is quoted whole, or `sql.identifier("schema", "table")`.
   * @param records Arrays in the order of `columns`, or objects by their names.
   * @param options `columns`: default all, which a table with generated columns has too many of.
   * `timeout` is that of the whole.
   * @returns How many there were.
   * @throws What `records` throws, and what `execute()` throws; the message says for which record.
   */
  async copy_records_from(
    table: string | Sql,
    records: Items<CopyRecord>,
    options: CopyRecordsOptions = {},
  ): Promise<number> {
    return await with_loan(
      this.lend(options),
      (loan) => copy_records_from(loan, table, records, options),
    );
  }
}
