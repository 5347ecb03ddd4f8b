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
