/**
 * `stream()`: the rows of a statement one by one, in the memory of two batches.
 *
 * @module
 */

import { InterfaceError } from "../../errors.ts";
import type { Sql } from "../../sql/template.ts";
import type { Lending, Loan } from "../session/loan.ts";
import { is_here } from "../base/place.ts";
import type { Params, QueryOptions } from "./queryable.ts";
import { type BatchSource, RowIterator } from "./row_iterator.ts";
import { StreamExchange } from "./stream_exchange.ts";

/** How a statement is streamed. `timeout` is the deadline of each batch. */
export interface StreamOptions<R> extends QueryOptions<R> {
  /** Rows in a batch. Default: 2000. */
  readonly itersize?: number | undefined;
}

/** Rows in a batch where nothing else is said; psycopg2's. */
export const DEFAULT_ITERSIZE = 2000;

/** What runs on a loan and gives rows. */
export interface LentSource<R> extends BatchSource<R> {
  /** Resolves when it is done with the session. */
  readonly over: Promise<void>;
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
    return new StreamExchange(loan, text, values ?? [], run, itersize);
  });
}

/** Rows of what `open` makes of a loan; the loan is taken at the first row, and ends with them. */
export function lent_rows<R>(
  lend: () => Lending,
  action: string,
  signal: AbortSignal | undefined,
  open: (loan: Loan) => LentSource<R>,
): RowIterator<R> {
  return new RowIterator(new LentRows(lend, action, open), signal);
}

/** Rows in a batch must be a positive number. */
export function check_itersize(itersize: number): number {
  if (Number.isInteger(itersize) && itersize > 0 && itersize <= MAX_ITERSIZE) return itersize;
  throw new InterfaceError(
    `cannot use itersize: it must be a whole number of rows from 1 to ${MAX_ITERSIZE}, ` +
      `but is ${itersize}`,
  );
}

const MAX_ITERSIZE = 0x7fffffff; // Execute counts in a signed 32-bit integer

/** Borrows when it is first asked, gives back when its source is over. */
class LentRows<R> implements BatchSource<R> {
  readonly #lend: () => Lending;
  readonly #action: string;
  readonly #open: (loan: Loan) => LentSource<R>;
  #loan: Loan | null = null;
  #source: LentSource<R> | null = null;
  #closed = false;

  constructor(lend: () => Lending, action: string, open: (loan: Loan) => LentSource<R>) {
    this.#lend = lend;
    this.#action = action;
    this.#open = open;
  }

  async next_batch(): Promise<readonly R[] | null> {
    if (this.#loan === null) await this.#begin();
    if (this.#source === null) return null;
    this.#loan!.check(this.#action);
    return await this.#source.next_batch();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (!is_here(this.#loan?.session.place)) return; // it ends where it was begun
    await this.#source?.close();
  }

  async #begin(): Promise<void> {
    const lending = this.#lend();
    const loan = lending instanceof Promise ? await lending : lending;
    this.#loan = loan;
    try {
      if (!this.#closed) this.#source = this.#open(loan);
    } finally {
      void this.#end(loan);
    }
  }

  async #end(loan: Loan): Promise<void> {
    await this.#source?.over;
    await loan.end();
  }
}
