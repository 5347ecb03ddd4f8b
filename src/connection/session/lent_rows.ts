/**
 * Rows that come while a connection is on loan for them.
 *
 * @module
 */

import { is_here } from "../base/place.ts";
import { type BatchSource, RowIterator } from "../base/row_iterator.ts";
import type { Lending, Loan } from "./loan.ts";

/** What runs on a loan and gives rows. */
export interface LentSource<R> extends BatchSource<R> {
  /** Resolves when it is done with the session. */
  readonly over: Promise<void>;
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
    this.#loan!.check(this.#action, false);
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
