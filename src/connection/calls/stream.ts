/**
 * `stream()`: the rows of a statement one by one, in the memory of two batches.
 *
 * @module
 */

import type { Sql } from "../../sql/template.ts";
import type { Params, QueryOptions } from "../base/call_options.ts";
import { check_itersize, DEFAULT_ITERSIZE } from "../base/checks.ts";
import type { RowIterator } from "../base/row_iterator.ts";
import { lent_rows } from "../session/lent_rows.ts";
import type { Lending } from "../session/loan.ts";
import { StreamExchange } from "./stream_exchange.ts";

/** How a statement is streamed. `timeout` is the deadline of each batch. */
export interface StreamOptions<R> extends QueryOptions<R> {
  /** Rows in a batch. Default: 2000. */
  readonly itersize?: number | undefined;
}

/** Streams a statement, on what `lend` gives at the first row. */
export function stream<R>(
  lend: () => Lending,
  query: string | Sql,
  params: Params,
  options: StreamOptions<R>,
): RowIterator<R> {
  const itersize = check_itersize(options.itersize ?? DEFAULT_ITERSIZE);
  return lent_rows(lend, "stream", options.signal, (loan) => {
    const { text, values, run } = loan.prepare("stream", query, params, options);
    return new StreamExchange(loan, text, values, run, itersize);
  });
}
