/**
 * `copy_records_to()`: rows out of COPY, in binary where the types of all columns have such a form.
 *
 * @module
 */

import type { Sql } from "../../sql/template.ts";
import type { QueryOptions } from "../base/call_options.ts";
import type { RowIterator } from "../base/row_iterator.ts";
import { lent_rows, type LentSource } from "../session/lent_rows.ts";
import type { Lending } from "../session/loan.ts";
import type { RunOptions } from "../session/session.ts";
import type { QueryContext } from "../statement/query_context.ts";
import type { Step } from "../wire/exchange.ts";
import { copy_decoder, type CopyDecoder, is_binary } from "./copy_decoder.ts";
import { CopyOutExchange } from "./copy_out.ts";
import { query_sql } from "./copy_table.ts";

/** How rows are copied. `timeout` is that of each wait for the server. */
export interface CopyRowsOptions<R> extends QueryOptions<R> {
  /** Of a table, the columns to copy. Default: all. */
  readonly columns?: readonly string[] | undefined;
}

/** The rows of a table or a query, on what `lend` gives at the first row. */
export function copy_records_to<R>(
  lend: () => Lending,
  source: string | Sql,
  options: CopyRowsOptions<R>,
): RowIterator<R> {
  return lent_rows(lend, "copy", options.signal, ({ session, prepare }) => {
    const query = query_sql(source, options.columns);
    const { text, run } = prepare("copy", query, null, options);
    const exchange = new RecordsOutExchange<R>(session.context.with_codecs(run.codecs), text, run);
    session.wire.submit(exchange, run.timeout, run.signal);
    return exchange;
  });
}

class RecordsOutExchange<R> extends CopyOutExchange implements LentSource<R> {
  readonly #query: string;
  readonly #run: RunOptions<R>;
  #decoder: CopyDecoder<R> | null = null;
  #rows: R[] = [];
  #wake: (() => void) | null = null;
  readonly #give = (row: R): void => {
    this.#rows.push(row);
  };

  constructor(context: QueryContext, query: string, run: RunOptions<R>) {
    super(context, query, run.timeout);
    this.#query = query;
    this.#run = run;
  }

  async next_batch(): Promise<readonly R[] | null> {
    if (this.#rows.length === 0 && !this.settled) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const rows = this.#rows;
    this.#rows = [];
    if (rows.length > 0) this.more();
    else await this.promise;
    return rows.length > 0 ? rows : null;
  }

  override resolve(count: number): void {
    super.resolve(count);
    this.#wake?.();
  }

  override reject(error: unknown): void {
    super.reject(error);
    this.#wake?.();
  }

  protected override statement_text(): string {
    const { codecs } = this.statement;
    const format = is_binary(codecs) ? " (FORMAT binary)" : "";
    if (format === "") this.context.text_form.check(codecs);
    return `COPY (${this.#query}\n) TO STDOUT${format}`;
  }

  protected override take(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const { columns, codecs } = this.statement;
    this.#decoder ??= copy_decoder(columns ?? [], codecs, this.#run.row_factory);
    this.#decoder.push(bytes, view, start, end, this.#give);
  }

  protected override deliver(): void {
    if (this.#rows.length > 0) this.#wake?.();
    else this.more(); // a piece of a row came
  }

  protected override finish(): Step {
    if (this.error === null && !this.settled) this.#decoder?.end();
    return super.finish();
  }
}
