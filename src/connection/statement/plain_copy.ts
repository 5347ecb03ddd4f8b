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

const COPY = /\bcopy\b/i;

/** Whether `sql` may be a COPY, or hold one. Says yes too often, never too seldom. */
export function may_copy(sql: string): boolean {
  return COPY.test(sql);
}

/** Whether `sql` is a COPY. */
export function is_copy(sql: string): boolean {
  return /^copy\b/i.test(from_first_word(sql));
}

/** The error for a COPY without a stream. */
export function copy_refused(method: string): ProgrammingError {
  return new ProgrammingError("cannot run COPY as a statement: its data needs a stream", {
    hint: `use ${method}()`,
  });
}
