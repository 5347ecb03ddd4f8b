/**
 * Every error this module throws: one tree, after Python's DB-API (PEP 249).
 *
 * ```text
 * PgError                          catches all; DB-API calls it `Error`
 * ├─ InterfaceError                this module was misused, or its user closed what ran
 * │  └─ PoolClosedError            the pool is closing or closed
 * └─ DatabaseError                 the server said no, or could not be reached
 *    ├─ DataError                  a value does not fit its type
 *    ├─ IntegrityError             a constraint said no
 *    ├─ InternalError              the server is confused
 *    ├─ NotSupportedError          this server, or this runtime, cannot do it
 *    ├─ OperationalError           not the caller's fault: network, limits, shutdown
 *    │  ├─ PoolFullError           more than `max_waiting` callers wait
 *    │  ├─ QueryCanceledError      the server cancelled the statement
 *    │  ├─ TimeoutError            a deadline passed
 *    │  │  └─ PoolTimeout          `Pool.acquire()` gave up waiting
 *    │  └─ TransactionRollbackError  the transaction was rolled back; run it again
 *    └─ ProgrammingError           the SQL, or the way it was called, is wrong
 * ```
 *
 * Law: no error carries a password or a parameter's value.
 *
 * @module
 */

import { type Condition, conditions } from "./sqlstate.ts";

/** The fields of an error or notice, as the server sent them; null where it sent none. */
export interface Diagnostic {
  /** `ERROR`, `FATAL`, `PANIC`, or for notices `WARNING`, `NOTICE`, `DEBUG`, `INFO`, `LOG`; never translated. */
  readonly severity: string | null;
  /** The five-character SQLSTATE. */
  readonly sqlstate: string | null;
  /** The message, in one line. */
  readonly message_primary: string | null;
  /** More facts; may span lines. */
  readonly message_detail: string | null;
  /** A suggestion. */
  readonly message_hint: string | null;
  /** Where in the statement, in characters from 1. */
  readonly statement_position: number | null;
  /** Where in `internal_query`, in characters from 1. */
  readonly internal_position: number | null;
  /** The internally generated statement that failed, such as one inside a function. */
  readonly internal_query: string | null;
  /** The call stack of server-side functions, most recent first. */
  readonly context: string | null;
  /** The schema concerned. */
  readonly schema_name: string | null;
  /** The table concerned. */
  readonly table_name: string | null;
  /** The column concerned. */
  readonly column_name: string | null;
  /** The data type concerned. */
  readonly datatype_name: string | null;
  /** The constraint concerned. */
  readonly constraint_name: string | null;
  /** The server's source file that reported it. */
  readonly source_file: string | null;
  /** The line in `source_file`. */
  readonly source_line: string | null;
  /** The function in `source_file`. */
  readonly source_function: string | null;
}

/** What an error carries beside its message. */
export interface PgErrorInfo {
  /** The facts behind the failure. */
  readonly detail?: string | null | undefined;
  /** What to do about it. */
  readonly hint?: string | null | undefined;
  /** True only if no byte of the statement left this process. Default: false. */
  readonly safe_to_retry?: boolean;
  /** The SQLSTATE, where there is one without a diagnostic. */
  readonly sqlstate?: string | null;
  /** All that the server said. */
  readonly diag?: Diagnostic | null;
  /** The statement's text; never its parameters. */
  readonly query?: string | null;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** Root of every error thrown here. */
export class PgError extends Error {
  /** The five-character SQLSTATE, or null where no server is concerned. */
  readonly sqlstate: string | null;
  /** All that the server said; null for errors made here. */
  readonly diag: Diagnostic | null;
  /** The statement's text, never its parameters; null where no statement is concerned. */
  readonly query: string | null;
  /** True only if no byte of the statement left this process. */
  readonly safe_to_retry: boolean;

  /**
   * Puts detail and hint on lines of their own under the message, as psql does.
   *
   * @param message What could not be done, and why. Lower case, no final period.
   * @param info Detail, hint, SQLSTATE, retry safety and cause.
   */
  constructor(message: string, info: PgErrorInfo = {}) {
    const lines = [message];
    if (info.detail) lines.push(`DETAIL: ${info.detail}`);
    if (info.hint) lines.push(`HINT: ${info.hint}`);
    super(lines.join("\n"), info.cause === undefined ? undefined : { cause: info.cause });
    this.diag = info.diag ?? null;
    this.sqlstate = info.sqlstate ?? this.diag?.sqlstate ?? null;
    this.query = info.query ?? null;
    this.safe_to_retry = info.safe_to_retry ?? false;
  }

  /** psycopg2's name for `sqlstate`. */
  get pgcode(): string | null {
    return this.sqlstate;
  }

  /** psycopg2's name for all that the server said, as psql shows it; null for errors made here. */
  get pgerror(): string | null {
    if (this.diag === null) return null;
    const { severity, message_primary } = this.diag;
    const is_servers = message_primary !== null && this.message.startsWith(message_primary);
    return `${severity}:  ${is_servers ? this.message : message_primary}`;
  }

  /** The SQLSTATE's condition name, such as `"unique_violation"`; null for unknown codes. */
  get condition(): Condition | null {
    return (this.sqlstate !== null && conditions.get(this.sqlstate)) || null;
  }
}

/** This module was misused, or what a call runs on was closed or released by its user. */
export class InterfaceError extends PgError {}

/** The pool is closing or closed. */
export class PoolClosedError extends InterfaceError {}

/** The server said no, or could not be reached. */
export class DatabaseError extends PgError {}

/** A value does not fit its type: SQLSTATE class 22, or no wire form at all. */
export class DataError extends DatabaseError {}

/** A constraint said no: SQLSTATE class 23. */
export class IntegrityError extends DatabaseError {}

/** The server is in a state that the statement does not allow: classes 24, 25, P0, XX and others. */
export class InternalError extends DatabaseError {}

/** This server, or this runtime, cannot do it: SQLSTATE class 0A. */
export class NotSupportedError extends DatabaseError {}

/** Not the caller's fault: SQLSTATE classes 08, 28, 40, 53 to 58, and lost sockets. */
export class OperationalError extends DatabaseError {}

/** More callers wait for a connection than the pool's `max_waiting` allows. */
export class PoolFullError extends OperationalError {}

/** The server cancelled the statement: SQLSTATE 57014. */
export class QueryCanceledError extends OperationalError {}

/** A deadline passed. */
export class TimeoutError extends OperationalError {}

/** `Pool.acquire()` gave up waiting. */
export class PoolTimeout extends TimeoutError {}

/** The transaction was rolled back, and running it again may succeed: SQLSTATE class 40. */
export class TransactionRollbackError extends OperationalError {}

/** The SQL is wrong, or the way it was called: SQLSTATE classes 20, 21, 3D, 3F, 42, 44. */
export class ProgrammingError extends DatabaseError {}

// On the prototype and not enumerable, as the language does for its own errors;
// from string keys, so that minifiers cannot change it.
for (
  const [name, type] of Object.entries({
    PgError,
    InterfaceError,
    PoolClosedError,
    DatabaseError,
    DataError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PoolFullError,
    QueryCanceledError,
    TimeoutError,
    PoolTimeout,
    TransactionRollbackError,
    ProgrammingError,
  })
) {
  Object.defineProperty(type.prototype, "name", {
    value: name,
    configurable: true,
    writable: true,
  });
}
