/**
 * What a session's transactions are like where they say nothing themselves.
 *
 * Source: https://www.postgresql.org/docs/current/sql-set-transaction.html
 *
 * @module
 */

import { InterfaceError, NotSupportedError } from "../../errors.ts";
import { mode_words, type TransactionMode } from "./isolation.ts";

/** The last two are of the call. */
const KNOWN: ReadonlySet<string> = new Set([
  "isolation_level",
  "readonly",
  "deferrable",
  "timeout",
  "signal",
]);

/** The statements that make `mode` the session's default; empty if it says nothing. */
export function set_session_statement(mode: TransactionMode): string {
  const unknown = Object.keys(mode).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) {
    throw new InterfaceError(
      `cannot set the session's characteristics: ${JSON.stringify(unknown)} is none of ` +
        "isolation_level, readonly and deferrable",
    );
  }
  const statements: string[] = [];
  const words = mode_words(mode);
  if (words !== "") statements.push(`SET SESSION CHARACTERISTICS AS TRANSACTION ${words}`);
  if (mode.isolation_level === "default") {
    statements.push("SET default_transaction_isolation TO DEFAULT");
  }
  return statements.join("; ");
}

/**
 * Lets UTF-8 pass, by any of the server's names.
 *
 * @throws {NotSupportedError} If it is another encoding.
 */
export function check_encoding(name: string): void {
  if (typeof name !== "string") {
    throw new InterfaceError(
      `cannot set the client encoding: it must be a name, but is of type ${typeof name}`,
    );
  }
  if (/^(utf[-_ ]?8|unicode)$/i.test(name)) return;
  throw new NotSupportedError(
    `cannot set the client encoding: it must be UTF8, but is ${JSON.stringify(name)}`,
  );
}
