/**
 * COPY where it is called as a statement is.
 *
 * Law: it is refused and does no harm to the session. While the server is in COPY it drops each Sync,
 * so nothing may be sent behind what could be one.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (COPY Operations)
 *
 * @module
 */

import { ProgrammingError } from "../../errors.ts";

/**
 * The error for it.
 *
 * @param method What takes the data, or gives it.
 */
export function copy_refused(method: string): ProgrammingError {
  return new ProgrammingError("cannot run COPY as a statement: its data needs a stream", {
    hint: `use ${method}()`,
  });
}
