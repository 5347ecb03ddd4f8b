/**
 * COPY statements where they are called: with a stream for their data, or without.
 *
 * Law: without, they are refused and do no harm to the session. While the server is in COPY it
 * drops each Sync, so nothing may be sent behind what could be one.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (COPY Operations)
 *
 * @module
 */

import { ProgrammingError } from "../../errors.ts";
import { from_first_word } from "../../sql/scan.ts";
import type { Sql } from "../../sql/template.ts";
import type { Call, Loan } from "../session/loan.ts";
import type { CallOptions } from "../calls/queryable.ts";

const COPY = /\bcopy\b/i;

/** Whether `sql` may be a COPY, or hold one. Says yes too often, never too seldom. */
export function may_copy(sql: string): boolean {
  return COPY.test(sql);
}

/** Whether `sql` is a COPY. */
export function is_copy(sql: string): boolean {
  return /^copy\b/i.test(from_first_word(sql));
}

/**
 * Checks a call whose statement is a COPY with a stream. What is another is not run at all.
 *
 * @param no_copy The error for a statement that is none, or not alone.
 * @throws {ProgrammingError} If it has parameters, which COPY cannot; or `no_copy()`.
 */
export function copy_call(
  loan: Loan,
  query: string | Sql,
  options: CallOptions,
  no_copy: () => ProgrammingError,
): Call<unknown> {
  const call = loan.prepare("copy", query, null, options);
  const { text_form } = loan.session;
  if (!is_copy(call.text) || text_form.has_several(call.text)) throw no_copy();
  if (call.values === null || call.values.length === 0) return call;
  throw new ProgrammingError(
    `cannot copy: COPY takes no parameters, but the sql template has ${call.values.length}`,
    { hint: "sql.identifier() and sql.raw() are no parameters" },
  );
}

/** The error for it. */
export function copy_refused(method: string): ProgrammingError {
  return new ProgrammingError("cannot run COPY as a statement: its data needs a stream", {
    hint: `use ${method}()`,
  });
}
