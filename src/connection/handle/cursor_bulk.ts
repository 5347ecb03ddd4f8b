/**
 * What a cursor does with rows in bulk.
 *
 * Source: psycopg2's cursor, https://www.psycopg.org/docs/cursor.html
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";
import type { RowFactory } from "../../rows/factories.ts";
import type { Sql } from "../../sql/template.ts";
import type { CallOptions, Params } from "../base/call_options.ts";
import { check_timeout } from "../base/checks.ts";
import type { Items } from "../base/item_source.ts";
import type { RowIterator } from "../base/row_iterator.ts";
import { executemany, type ManyOptions } from "../calls/executemany.ts";
import type { StreamOptions } from "../calls/stream.ts";
import { pour_in, pour_out } from "../copy/copy_pour.ts";
import { columns_sql, type CopyTextOptions, table_sql, text_options } from "../copy/copy_table.ts";
import { Result } from "../statement/result.ts";
import { CursorControl } from "./cursor_control.ts";

/** The part of `Cursor` that moves much. */
export abstract class CursorBulk<R> extends CursorControl {
  /** The shape of rows. */
  abstract row_factory: RowFactory<R>;
  /** Rows to read at a time. */
  abstract itersize: number;

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
    const { timeout = this.timeout } = options;
    const keep = options.returning ? "sets" : "nothing";
    const all = { ...options, timeout, row_factory: this.row_factory };
    await this.run(query, () => {
      return executemany(this.connection.lend(), query, param_sets, all, keep);
    });
  }

  /**
   * Copies data into a table, as psycopg2 does.
   *
   * @param readable Text in the format of COPY, as bytes. It is read to its end.
   * @param table The table's name, which is quoted whole.
   * @param options `sep` is between values, `null` stands for NULL.
   */
  async copy_from(
    readable: Items<Uint8Array>,
    table: string | Sql,
    options: CopyTextOptions = {},
  ): Promise<void> {
    const sql = `COPY ${table_sql(table)}${columns_sql(options.columns)} FROM STDIN`;
    await this.copy_expert(sql + text_options(options), readable, options);
  }

  /**
   * Copies a table's data out, as psycopg2 does.
   *
   * @param writable Takes text in the format of COPY, as bytes. It stays open.
   * @param table The table's name, which is quoted whole.
   * @param options `sep` is between values, `null` stands for NULL.
   */
  async copy_to(
    writable: WritableStream<Uint8Array<ArrayBuffer>>,
    table: string | Sql,
    options: CopyTextOptions = {},
  ): Promise<void> {
    if (!is_writable(writable)) {
      throw new ProgrammingError(
        `cannot copy: data must go to a WritableStream, but this is ${kind_of(writable)}`,
      );
    }
    const sql = `COPY ${table_sql(table)}${columns_sql(options.columns)} TO STDOUT`;
    await this.copy_expert(sql + text_options(options), writable, options);
  }

  /**
   * Runs a COPY with its data from or to a stream. `rowcount` is the number of rows then.
   *
   * @param statement The whole statement.
   * @param stream Where the data comes from, or goes to. A writable one stays open.
   */
  async copy_expert(
    statement: string | Sql,
    stream: Items<Uint8Array> | WritableStream<Uint8Array<ArrayBuffer>>,
    options: CallOptions = {},
  ): Promise<void> {
    const { timeout = this.timeout, signal } = options;
    const all = { ...options, timeout };
    await this.run(statement, async () => {
      const { clock } = this.connection.lend().session;
      const limits = { clock, timeout: check_timeout(timeout), signal };
      const rowcount = is_writable(stream)
        ? await pour_out(this.connection.copy_to(statement, all), stream, limits)
        : await pour_in(stream, this.connection.copy_from(statement, all), limits);
      return [new Result<R>([], `COPY ${rowcount}`, null)];
    });
  }

  /** The rows of a statement one by one; see `Queryable.stream()`. The cursor's result stays as it is. */
  stream(
    query: string | Sql,
    params?: Params,
    options: Omit<StreamOptions<R>, "row_factory"> = {},
  ): RowIterator<R> {
    this.check("stream");
    const { itersize = this.itersize, timeout = this.timeout } = options;
    const all = { ...options, itersize, timeout, row_factory: this.row_factory };
    return this.connection.stream(query, params, all);
  }
}

function is_writable(stream: unknown): stream is WritableStream<Uint8Array<ArrayBuffer>> {
  return typeof stream === "object" && stream !== null && "getWriter" in stream;
}
