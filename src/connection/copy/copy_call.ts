/**
 * Calls whose statement must be a COPY.
 *
 * @module
 */

import { ProgrammingError } from "../../errors.ts";
import type { Sql } from "../../sql/template.ts";
import { is_copy } from "../../sql/verbs.ts";
import type { CallOptions } from "../base/call_options.ts";
import type { Call, Loan } from "../session/loan.ts";

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
  if (call.values.length === 0) return call;
  throw new ProgrammingError(
    `cannot copy: COPY takes no parameters, but the sql template has ${call.values.length}`,
    { hint: "sql.identifier() and sql.raw() are no parameters" },
  );
}
