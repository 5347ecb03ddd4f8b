/**
 * Makes a session as it was when it was opened, but for its prepared statements.
 *
 * Law: the next borrower gets the session only when the server has confirmed all of it.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { Exchange, type Step } from "../connection/exchange.ts";
import { RESET_SESSION } from "../connection/reset.ts";
import type { Session } from "../connection/session.ts";
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
  const rollback = session.state !== "I";
  if (!rollback && !reset) return null;
  return session.run(new ResetExchange(rollback, reset), { timeout: LIMIT });
}

/** The flight of `restore()`. */
export class ResetExchange extends Exchange<void> {
  readonly #sql: string;
  #error: unknown = null;

  /**
   * @param rollback Whether a transaction is open.
   * @param reset Whether anything beside it is to be undone.
   */
  constructor(rollback: boolean, reset: boolean) {
    super();
    this.#sql = [rollback ? "ROLLBACK" : "", reset ? RESET_SESSION : ""].filter(Boolean).join("; ");
  }

  override encode(writer: ByteWriter): void {
    encode_query(writer, this.#sql);
  }

  override message(message: BackendMessage): void {
    if (message.name === "ErrorResponse") this.#error ??= server_error(message.diag, this.#sql);
  }

  override data_row(): void {
    // What pg_advisory_unlock_all() returns.
  }

  override ready(): Step {
    if (this.#error !== null) this.reject(this.#error);
    else this.resolve();
    return "done";
  }
}
