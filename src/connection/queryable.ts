/**
 * What pools, connections and transactions have in common: statements in one call.
 *
 * @module
 */

import { type ObjectRow, type RowFactory, scalar_row } from "../rows/factories.ts";
import type { Sql } from "../sql/template.ts";
import type { Result } from "./result.ts";

/**
 * Values of a statement's parameters: an array for `$1` (and for `%s`), an object
 * for `%(name)s` where the paramstyle is `"pyformat"`.
 */
export type Params = readonly unknown[] | Readonly<Record<string, unknown>> | null | undefined;

/** How long a call may take, and how it is given up. */
export interface CallOptions {
  /** Seconds from the call; then `TimeoutError`. Default: the connection's `timeout`. `Infinity`: none. */
  readonly timeout?: number | undefined;
  /** Gives the call up: it rejects with the signal's reason, and the statement is cancelled. */
  readonly signal?: AbortSignal | undefined;
}

/** How one statement runs. */
export interface QueryOptions<R> extends CallOptions {
  /** The shape of its rows. Default: the connection's `row_factory`. */
  readonly row_factory?: RowFactory<R> | undefined;
}

/** Runs single statements. */
export abstract class Queryable {
  /**
   * Runs a statement and reads its whole result.
   *
   * Without `params`, `query` may hold several statements: the last one's result
   * is returned.
   *
   * @param query SQL text, or a `sql` template, which brings its own parameters.
   * @throws {InterfaceError} If this can no longer be used.
   * @throws {ProgrammingError} If the parameters do not fit the statement.
   * @throws {DataError} If a value does not fit its type; nothing was sent then.
   * @throws {TimeoutError} After `timeout` seconds; the statement is cancelled.
   * @throws {DatabaseError} What the server reports, in the class of its SQLSTATE.
   */
  abstract execute<R = ObjectRow>(
    query: string | Sql,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<Result<R>>;

  /** All rows of a statement. Throws as `execute()` does. */
  async fetchall<R = ObjectRow>(
    query: string | Sql,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<R[]> {
    return (await this.execute(query, params, options)).rows;
  }

  /** The first row of a statement; null if it returns none. Throws as `execute()` does. */
  async fetchone<R = ObjectRow>(
    query: string | Sql,
    params?: Params,
    options?: QueryOptions<R>,
  ): Promise<R | null> {
    return (await this.execute(query, params, options)).rows[0] ?? null;
  }

  /** The first column of the first row; null if there is no row. Throws as `execute()` does. */
  async fetchval<T = unknown>(
    query: string | Sql,
    params?: Params,
    options?: CallOptions,
  ): Promise<T | null> {
    const { rows } = await this.execute<T>(query, params, { ...options, row_factory: scalar_row });
    return rows[0] ?? null;
  }
}
