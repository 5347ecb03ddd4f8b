/**
 * A transaction, or a savepoint inside one, as its user holds it.
 *
 * ```ts ignore
 * await using tx = await conn.begin({ isolation_level: IsolationLevel.serializable });
 * await tx.execute("insert into city (name) values ($1)", ["Xalapa"]);
 * await tx.commit(); // else it is rolled back here
 * ```
 *
 * Law: it runs on the session it began on, or not at all; and nothing that is
 * issued on a handle runs outside its transaction.
 *
 * Source: aiopg.Transaction, https://aiopg.readthedocs.io/en/stable/core.html
 *
 * @module
 */

import { InterfaceError, ProgrammingError } from "../../errors.ts";
import type { Sql } from "../../sql/template.ts";
import type { CallOptions, Params, QueryOptions } from "../base/call_options.ts";
import { check_signal, check_timeout } from "../base/checks.ts";
import { Queryable } from "../calls/queryable.ts";
import type { SessionControl } from "../handle/session_control.ts";
import type { Loan } from "../session/loan.ts";
import type { Scope } from "../session/scope.ts";
import type { Scopes } from "../session/scopes.ts";
import type { Result } from "../statement/result.ts";
import { begin_statement, IsolationLevel, type TransactionMode } from "./isolation.ts";
import type { LargeObject } from "./large_object.ts";
import { run_within } from "./run_within.ts";

/** How a transaction is begun. */
export interface TransactionOptions extends TransactionMode {
  /** Default for the deadline of each of its statements, in seconds. Default: the connection's. */
  readonly timeout?: number | undefined;
  /** Gives the transaction up: each of its statements rejects with the reason, but for rollback. */
  readonly signal?: AbortSignal | undefined;
}

/** What a transaction is begun on: a connection, or a cursor, which stands for its connection. */
export type TransactionHost =
  | SessionControl
  | { readonly connection: SessionControl; readonly timeout: number; readonly closed?: boolean };

/** For cursors: a transaction inside the innermost one that is open on the connection; null if none is. */
export let begin_inside: (host: TransactionHost) => Promise<Transaction | null>;

/** A transaction. Left open when its scope ends, it is rolled back. */
export class Transaction extends Queryable implements AsyncDisposable {
  readonly #connection: SessionControl;
  readonly #scopes: Scopes;
  readonly #statement: string;
  readonly #timeout: number;
  readonly #signal: AbortSignal | undefined;
  #scope: Scope | null = null;
  #savepoint: Scope | null = null;

  /**
   * A transaction to be begun by `begin()`. The other ways are `begin()` and
   * `transaction()` of a connection.
   *
   * @param cursor Its connection is used, and its timeout.
   * @param isolation_level Or all options at once.
   * @param readonly Whether writing is refused.
   * @param deferrable Whether a serializable read-only one waits until it can run without failing.
   * @throws {ProgrammingError} If the isolation level is none.
   * @throws {InterfaceError} If the cursor is closed.
   */
  constructor(
    cursor: TransactionHost,
    isolation_level: IsolationLevel | TransactionOptions = IsolationLevel.default,
    readonly: boolean = false,
    deferrable: boolean = false,
  ) {
    super();
    const options: TransactionOptions = typeof isolation_level === "object" ? isolation_level : {
      isolation_level,
      readonly: readonly || undefined,
      deferrable: deferrable || undefined,
    };
    if ("connection" in cursor && cursor.closed && !cursor.connection.closed) {
      throw new InterfaceError("cannot begin a transaction: the cursor is closed");
    }
    this.#connection = "connection" in cursor ? cursor.connection : cursor;
    this.#scopes = this.#connection.scopes;
    this.#statement = begin_statement(options);
    this.#timeout = check_timeout(options.timeout ?? cursor.timeout);
    this.#signal = check_signal(options.signal);
  }

  /** Whether it has begun and not ended. */
  get is_begin(): boolean {
    return !this.ended && !this.#connection.closed && !this.#scopes.is_over(this.#scope!);
  }

  /** @internal */
  get ended(): boolean {
    return this.#scope === null || this.#scope.ended;
  }

  /**
   * Begins it. Once it has ended it may be begun again.
   *
   * @returns Itself.
   * @throws {ProgrammingError} If a transaction is open on the connection; use `begin_nested()`.
   */
  async begin(): Promise<this> {
    if (this.#scope !== null && this.#scope.outer !== null) {
      throw new ProgrammingError("cannot begin: a nested transaction is begun only once", {
        hint: "use begin_nested()",
      });
    }
    await this.#open(this.#scopes.begin(this.#statement, this.#call({})));
    return this;
  }

  /**
   * Commits; in a nested one: keeps what was done in it, for the transaction around it to decide.
   *
   * @throws {ProgrammingError} If it is not open, or one inside it still is.
   * @throws {TransactionRollbackError} If it had failed, so that the server rolled it back.
   * @throws {OperationalError} With `sqlstate` 08007, if it is unknown whether it was committed.
   */
  async commit(options: CallOptions = {}): Promise<void> {
    const scope = this.#check("commit");
    this.#forget_savepoint();
    await this.#scopes.commit(scope, this.#call(options));
  }

  /**
   * Rolls back. Does nothing where the connection is closed or lost, as the server has done it then.
   *
   * @throws {ProgrammingError} If it is not open, or one inside it still is.
   */
  async rollback(options: CallOptions = {}): Promise<void> {
    const scope = this.#begun("roll back");
    this.#forget_savepoint();
    const { timeout = this.#timeout, signal } = options; // also when the transaction's own aborted
    await this.#scopes.rollback(scope, { timeout, signal });
  }

  /**
   * Sets a savepoint, of which a transaction has one at a time; for more see `begin_nested()`.
   *
   * @returns Itself.
   * @throws {ProgrammingError} If it is not open, or a savepoint is set.
   */
  async savepoint(): Promise<this> {
    const scope = this.#check("set a savepoint");
    if (this.#savepoint !== null && !this.#savepoint.ended) {
      throw new ProgrammingError("cannot set a savepoint: there must be none, but one is set", {
        hint: "use begin_nested()",
      });
    }
    this.#savepoint = this.#scopes.nest(scope, this.#call({}));
    await this.#scopes.opened(this.#savepoint);
    return this;
  }

  /**
   * Keeps what was done since the savepoint, and forgets it.
   *
   * @throws {ProgrammingError} If none is set.
   */
  async release_savepoint(): Promise<void> {
    await this.#scopes.commit(this.#set_savepoint("release the savepoint"), this.#call({}));
  }

  /**
   * Undoes what was done since the savepoint, and forgets it.
   *
   * @throws {ProgrammingError} If none is set.
   */
  async rollback_savepoint(): Promise<void> {
    const savepoint = this.#set_savepoint("roll back to the savepoint");
    await this.#scopes.rollback(savepoint, { timeout: this.#timeout });
  }

  /** `begin_nested()`, by the name that aiopg has for it. */
  point(): Promise<Transaction>;
  /** `begin_nested()`, by the name that aiopg has for it. */
  point<T>(fn: (tx: Transaction) => T | Promise<T>): Promise<T>;
  async point<T>(fn?: (tx: Transaction) => T | Promise<T>): Promise<T | Transaction> {
    return await this.#nest(fn);
  }

  /**
   * Begins a transaction inside this one, by a savepoint. Statements on this
   * handle run in it too, until it ends.
   *
   * @throws {ProgrammingError} If this is not open, or one is open inside it already.
   */
  begin_nested(): Promise<Transaction>;
  /** As above, and ends it: keeps what `fn` did, or undoes it where `fn` throws. */
  begin_nested<T>(fn: (tx: Transaction) => T | Promise<T>): Promise<T>;
  async begin_nested<T>(fn?: (tx: Transaction) => T | Promise<T>): Promise<T | Transaction> {
    return await this.#nest(fn);
  }

  /** @internal */
  override async execute_one<R>(
    query: string | Sql,
    params?: Params,
    options: QueryOptions<R> = {},
  ): Promise<Result<R>> {
    this.#check("execute a statement");
    const call = { ...options, ...this.#call(options) };
    return await this.#connection.execute_one(query, params, call);
  }

  /** @internal */
  override lend(): Loan {
    const loan = this.#connection.lend();
    const check = (action: string, is_new?: boolean) => {
      this.#check(action);
      loan.check(action, is_new);
    };
    return {
      ...loan,
      check,
      prepare: (action, query, params, options) => {
        this.#check(action);
        return loan.prepare(action, query, params, { ...options, ...this.#call(options) });
      },
    };
  }

  /** Opens a large object, as `Connection.lobject()` does. */
  async lobject(
    oid?: number | null,
    mode?: string,
    options: CallOptions = {},
  ): Promise<LargeObject> {
    this.#check("open a large object");
    return await this.#connection.lobject(oid, mode, this.#call(options));
  }

  /** Rolls back, with all that is open inside it, unless it has ended. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#scope !== null) await this.#scopes.leave(this.#scope);
  }

  async #nest<T>(fn?: (tx: Transaction) => T | Promise<T>): Promise<T | Transaction> {
    const scope = this.#check("begin a nested transaction");
    const inner = await this.#inside(scope);
    return fn === undefined ? inner : await run_within(inner, fn, this.#signal);
  }

  async #inside(scope: Scope): Promise<Transaction> {
    const inner = new Transaction(this.#connection, this.#call({}));
    await inner.#open(this.#scopes.nest(scope, this.#call({})));
    return inner;
  }

  async #open(scope: Scope): Promise<void> {
    this.#scope = scope;
    await this.#scopes.opened(scope);
    this.#scopes.watch(this, scope);
  }

  #begun(action: string): Scope {
    if (this.#scope !== null) return this.#scope;
    throw new ProgrammingError(`cannot ${action}: the transaction has not begun`);
  }

  #check(action: string): Scope {
    const scope = this.#begun(action);
    this.#scopes.check(scope, action);
    return scope;
  }

  #set_savepoint(action: string): Scope {
    this.#check(action);
    if (this.#savepoint !== null && !this.#savepoint.ended) return this.#savepoint;
    throw new ProgrammingError(`cannot ${action}: none is set`);
  }

  /** One that is still set ends with the transaction. */
  #forget_savepoint(): void {
    const savepoint = this.#savepoint;
    if (savepoint?.state === "open") this.#scopes.forget(savepoint);
  }

  #call(options: CallOptions): CallOptions {
    const { timeout = this.#timeout, signal } = options;
    return { timeout, signal: either(signal, this.#signal) };
  }

  static {
    begin_inside = async (host) => {
      const { scopes } = "connection" in host ? host.connection : host;
      const outer = scopes.innermost;
      return outer === null ? null : await new Transaction(host).#inside(outer);
    };
  }
}

function either(one?: AbortSignal, other?: AbortSignal): AbortSignal | undefined {
  return !one || !other ? one ?? other : AbortSignal.any([one, other]);
}
