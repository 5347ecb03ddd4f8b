/**
 * COPY that was run like any other statement, without a stream for its data.
 *
 * Law: it is refused without harm to the session. While the server is in COPY it
 * drops each Sync, so nothing may be sent behind what could be one.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (COPY Operations)
 *
 * @module
 */

import { ProgrammingError } from "../errors.ts";

const COPY = /\bcopy\b/i;
const BEGINS_COPY = /^(\s|--.*\n|\/\*[^]*?\*\/)*copy\b/i;

/** Whether `sql` may be a COPY, or hold one. Says yes too often, never too seldom. */
export function may_copy(sql: string): boolean {
  return COPY.test(sql);
}

/** Whether `sql` is a COPY. May miss one behind strange comments. */
export function is_copy(sql: string): boolean {
  return BEGINS_COPY.test(sql);
}

/** The error for it. */
export function copy_refused(method: string): ProgrammingError {
  return new ProgrammingError("cannot run COPY as a statement: its data needs a stream", {
    hint: `use ${method}()`,
  });
}
