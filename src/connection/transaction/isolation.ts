/**
 * How isolated a transaction is, and what it may do.
 *
 * Source: https://www.postgresql.org/docs/current/sql-set-transaction.html
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";

/** How much of other transactions a transaction sees. */
export const IsolationLevel = {
  /** As the session's `default_transaction_isolation` says. */
  default: "default",
  /** Treated as `read_committed` by the server. */
  read_uncommitted: "read_uncommitted",
  /** Each statement sees what was committed before it began. */
  read_committed: "read_committed",
  /** All statements see what was committed before the first. */
  repeatable_read: "repeatable_read",
  /** As if transactions had run one after the other; some fail with 40001 and are to be run again. */
  serializable: "serializable",
} as const;

/** One of the levels. */
export type IsolationLevel = typeof IsolationLevel[keyof typeof IsolationLevel];

/** What kind of transaction; what is left out is as the session's defaults say. */
export interface TransactionMode {
  /** Default: `IsolationLevel.default`. */
  readonly isolation_level?: IsolationLevel | undefined;
  /** Whether writing is refused. */
  readonly readonly?: boolean | undefined;
  /** Whether a serializable read-only transaction waits until it can run without failing. */
  readonly deferrable?: boolean | undefined;
}

/**
 * The level, if it is one.
 *
 * @throws {ProgrammingError} If it is not.
 */
export function check_isolation_level(level: IsolationLevel): IsolationLevel {
  if (Object.hasOwn(IsolationLevel, level)) return level;
  throw new ProgrammingError(
    `cannot set the isolation level: it must be one of ${
      Object.keys(IsolationLevel).join(", ")
    }, ` +
      `but is ${typeof level === "string" ? JSON.stringify(level) : `of type ${typeof level}`}`,
  );
}

/**
 * The words for a mode, such as `ISOLATION LEVEL SERIALIZABLE READ ONLY`; empty if nothing is said.
 *
 * @throws {ProgrammingError} If the isolation level is none, or a flag no boolean.
 */
export function mode_words({ isolation_level, readonly, deferrable }: TransactionMode): string {
  const words: string[] = [];
  if (is_given(isolation_level) && check_isolation_level(isolation_level) !== "default") {
    words.push(`ISOLATION LEVEL ${isolation_level.toUpperCase().replace("_", " ")}`);
  }
  if (is_flag("readonly", readonly)) words.push(readonly ? "READ ONLY" : "READ WRITE");
  if (is_flag("deferrable", deferrable)) words.push(deferrable ? "DEFERRABLE" : "NOT DEFERRABLE");
  return words.join(" ");
}

/** Null says nothing, too, to those whose language does not refuse it. */
function is_given<T>(word: T | undefined): word is T {
  return word !== undefined && word !== null;
}

function is_flag(name: string, value: boolean | undefined): value is boolean {
  if (!is_given(value) || typeof value === "boolean") return is_given(value);
  throw new ProgrammingError(
    `cannot set the transaction's mode: ${name} must be true or false, but is ${kind_of(value)}`,
  );
}

/**
 * The statement that begins a transaction.
 *
 * @throws {ProgrammingError} As `mode_words()` does.
 */
export function begin_statement(mode: TransactionMode): string {
  return `BEGIN ${mode_words(mode)}`.trimEnd();
}
