/**
 * A connection for the time of one call, whoever lends it: the connection itself,
 * a transaction on it, or a pool.
 *
 * Law: whoever takes a loan ends it, also on failure, and only when nothing of
 * the call is left on the server.
 *
 * @module
 */

import type { Sql } from "../../sql/template.ts";
import type { Params, QueryOptions } from "../base/call_options.ts";
import type { RunOptions, Session } from "./session.ts";
import type { Tenure } from "./tenure.ts";

/** A call, checked and in native form. */
export interface Call<R> {
  /** The statement, with `$n` for its parameters. */
  readonly text: string;
  /** The values of `$1` on. */
  readonly values: readonly unknown[];
  /** How it is run, with all defaults. */
  readonly run: RunOptions<R>;
}

/** A connection for the time of one call. */
export interface Loan {
  /** Where to run. */
  readonly session: Session;
  /** The kind of placeholders that the lender takes. */
  readonly paramstyle: "native" | "pyformat";
  /** Seconds of the call's timeout that waiting for the connection has left; undefined: all. */
  readonly time_left?: number;
  /**
   * Throws if the lender has ended since: was closed, released, committed, lost.
   *
   * @param action For the message, such as `stream`.
   * @param is_new False where it goes on with a statement that was sent. Default: true.
   */
  check(action: string, is_new?: boolean): void;
  /** Checks, brings the statement to native form, fills in defaults and logs. */
  prepare<R>(
    action: string,
    query: string | Sql,
    params: Params,
    options: QueryOptions<R>,
  ): Call<R>;
  /** Begins what is to end with the transaction that is open. */
  tenure(): Tenure;
  /** Gives the connection back. */
  end(): void | Promise<void>;
}

/** What a lender gives: at once, or when it has a connection. */
export type Lending = Loan | Promise<Loan>;

/** Lends for the time that `use` runs. A loan that is there at once is used at once. */
export async function with_loan<T>(lending: Lending, use: (loan: Loan) => Promise<T>): Promise<T> {
  const loan = lending instanceof Promise ? await lending : lending;
  try {
    return await use(loan);
  } finally {
    await loan.end();
  }
}
