/**
 * Makes a session as it was when it was opened, but for its prepared statements.
 *
 * Law: the next borrower gets the session only when the server has confirmed all of it.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { reset_sql } from "../connection/session/reset.ts";
import type { Session } from "../connection/session/session.ts";
import { Exchange, type Step, unexpected } from "../connection/wire/exchange.ts";
import type { BackendMessage } from "../protocol/backend.ts";
import { encode_query } from "../protocol/frontend.ts";
import { server_error } from "../server_error.ts";

/** Seconds in which the server must confirm. */
const LIMIT = 5;

/**
 * Rolls back what is open, and resets the session if that is wanted, in one flight
 * which is on its way when this returns. Null: there was nothing to do.
 *
 * The promise rejects if the session is not to be used any more.
 */
export function restore(session: Session, reset: boolean): Promise<void> | null {
  const statements = session.state === "I" ? [] : ["ROLLBACK"];
  if (reset) statements.push(reset_sql(session));
  if (statements.length === 0) return null;
  return session.run(new ResetExchange(statements.join("; ")), { timeout: LIMIT });
}

/** The flight of `restore()`. */
export class ResetExchange extends Exchange<void> {
  readonly #sql: string;
  #error: unknown = null;
  #done = false;

  /** @param sql Statements that undo what is there to be undone. */
  constructor(sql: string) {
    super();
    this.#sql = sql;
  }

  override encode(writer: ByteWriter): void {
    encode_query(writer, this.#sql);
  }

  override message(message: BackendMessage): void {
    if (message.name === "ErrorResponse") this.#error ??= server_error(message.diag, this.#sql);
    if (message.name === "CommandComplete") this.#done = true;
  }

  override data_row(): void {
    // What pg_advisory_unlock_all() returns.
  }

  override ready(): Step {
    if (this.#error !== null) this.reject(this.#error);
    else if (!this.#done) throw unexpected("ReadyForQuery");
    else this.resolve();
    return "done";
  }
}
