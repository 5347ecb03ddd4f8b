/**
 * What a cursor does with rows in bulk.
 *
 * Source: psycopg2's cursor, https://www.psycopg.org/docs/cursor.html
 *
 * @module
 */

import type { RowFactory } from "../rows/factories.ts";
import type { Sql } from "../sql/template.ts";
import { CursorControl } from "./cursor_control.ts";
import { executemany, type ManyOptions } from "./executemany.ts";
import type { Items } from "./item_source.ts";
import type { Params } from "./queryable.ts";
import type { Result } from "./result.ts";
import type { RowIterator } from "./row_iterator.ts";
import type { StreamOptions } from "./stream.ts";

/** The part of `Cursor` that moves much. */
export abstract class CursorBulk<R> extends CursorControl {
  /** The shape of rows. */
  abstract row_factory: RowFactory<R>;
  /** Rows to read at a time. */
  abstract itersize: number;

  /** Throws where the cursor or its connection was closed. */
  protected abstract check(action: string): void;

  /** Runs anything whose results are to be the cursor's. */
  protected abstract run(query: string | Sql, work: () => Promise<Result<R>[]>): Promise<void>;

  /**
   * Runs a statement with many sets of parameters: all of them, or where one fails, none.
   * `rowcount` is the sum then. See `Queryable.executemany()`.
   *
   * @param options `returning`: the rows are kept too, those of each set as a result of its own,
   * which `nextset()` walks. Default: they are not.
   */
  async executemany(
    query: string | Sql,
    param_sets: Items<Params>,
    options: Omit<ManyOptions<R>, "row_factory"> = {},
  ): Promise<void> {
    const { row_factory, timeout } = this;
    const keep = options.returning ? "sets" : "nothing";
    const all = { timeout, ...options, row_factory };
    await this.run(query, () => {
      return executemany(this.connection.lend(), query, param_sets, all, keep);
    });
  }

  /** The rows of a statement one by one; see `Queryable.stream()`. The cursor's result stays as it is. */
  stream(
    query: string | Sql,
    params?: Params,
    options: Omit<StreamOptions<R>, "row_factory"> = {},
  ): RowIterator<R> {
    this.check("stream");
    const { row_factory, itersize, timeout } = this;
    return this.connection.stream(query, params, { itersize, timeout, ...options, row_factory });
  }
}
