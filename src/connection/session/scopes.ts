/**
 * The transaction that is open on a connection, and the savepoints in it.
 *
 * Laws: a scope ends after those inside it. Whether a transaction still is open
 * is known from the server's ReadyForQuery, never assumed. One that cannot be
 * rolled back takes the connection with it.
 *
 * @module
 */

import { OperationalError, PgError, ProgrammingError, TimeoutError } from "../../errors.ts";
import type { CallOptions, QueryOptions } from "../base/call_options.ts";
import { check_place, is_here } from "../base/place.ts";
import { at_call } from "../base/stacks.ts";
import { warn, type WarningEvent } from "../base/warnings.ts";
import { commit_unanswered } from "../statement/commit.ts";
import type { Result } from "../statement/result.ts";
import { Scope, type ScopeState } from "./scope.ts";
import type { Session } from "./session.ts";

/** Whom the scopes belong to. */
export interface ScopeHost {
  /** Whether it can no longer be used. */
  readonly closed: boolean;
  /** Runs a statement. */
  execute<R>(sql: string, params?: null, options?: QueryOptions<R>): Promise<Result<R>>;
}

/** What to do when a handle is garbage; null where the runtime does not tell. */
const forgotten = globalThis.FinalizationRegistry === undefined
  ? null
  : new FinalizationRegistry<() => void>((tell) => tell());

/** The scopes of one connection, each inside the one before. */
export class Scopes {
  readonly #session: Session;
  readonly #host: ScopeHost;
  readonly #on_warning: ((event: WarningEvent) => void) | undefined;
  #innermost: Scope | null = null;

  /** @param host Runs the statements; once it is closed, nothing here touches the session. */
  constructor(
    session: Session,
    host: ScopeHost,
    on_warning: ((event: WarningEvent) => void) | undefined,
  ) {
    this.#session = session;
    this.#host = host;
    this.#on_warning = on_warning;
  }

  /** The innermost that has not ended; null outside a transaction. */
  get innermost(): Scope | null {
    while (this.#innermost !== null && (this.#innermost.ended || this.is_over(this.#innermost))) {
      this.#end(this.#innermost, "rolled_back");
    }
    return this.#innermost;
  }

  /** Whether a transaction is open, no matter who began it. */
  get in_transaction(): boolean {
    return this.innermost !== null || (!this.#host.closed && this.#session.state !== "I");
  }

  /** Whether the server has ended it without being asked to through the scope. */
  is_over(scope: Scope): boolean {
    return scope.state === "open" && !this.#host.closed &&
      scope.idle_count !== this.#session.wire.idle_count;
  }

  /** Sends BEGIN. The result's `pending` tells how that went. */
  begin(sql: string, options: CallOptions): Scope {
    check_place(this.#session.place, "begin a transaction");
    this.refuse_transaction(
      "begin a transaction",
      this.innermost === null ? "it was begun by SQL, and SQL must end it" : "use begin_nested()",
    );
    return this.#open(null, sql, options);
  }

  /** Sends SAVEPOINT, in `outer`. The result's `pending` tells how that went. */
  nest(outer: Scope, options: CallOptions): Scope {
    this.check(outer, "begin a nested transaction");
    this.#check_innermost(outer, "begin a nested transaction");
    const { savepoint } = new Scope(outer);
    return this.#open(outer, `SAVEPOINT ${savepoint}`, options);
  }

  /** Waits for the beginning of a scope, for the caller that asked for it. */
  async opened(scope: Scope): Promise<void> {
    try {
      await scope.pending;
    } catch (error) {
      throw at_call(error);
    }
  }

  /** Commits, or releases the savepoint. `sql`: another statement that ends a transaction. */
  async commit(scope: Scope, options: CallOptions, sql: string = "COMMIT"): Promise<void> {
    this.check(scope, "commit");
    this.#check_innermost(scope, "commit");
    if (scope.outer !== null) sql = `RELEASE SAVEPOINT ${scope.savepoint}`;
    try {
      await this.#finish(scope, sql, options, "committed");
    } catch (error) {
      const is_late = scope.outer === null && error instanceof TimeoutError;
      throw at_call(is_late ? commit_unanswered(error) : error);
    }
  }

  /** Rolls back. What was rolled back already, by the server or with the connection, is no error. */
  async rollback(scope: Scope, options: CallOptions): Promise<void> {
    if (scope.state === "failed") return void (scope.state = "rolled_back"); // by the COMMIT
    if (scope.state === "open" && (this.#host.closed || this.is_over(scope))) {
      return this.#end(scope, "rolled_back");
    }
    this.check(scope, "roll back");
    this.#check_innermost(scope, "roll back");
    const { savepoint } = scope;
    const sql = scope.outer === null
      ? "ROLLBACK"
      : `ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`;
    try {
      await this.#finish(scope, sql, options, "rolled_back");
    } catch (error) {
      if (!scope.ended) throw at_call(error);
    }
  }

  /** Rolls back `scope` and all inside it, unless it has ended. Never rejects. */
  async leave(scope: Scope): Promise<void> {
    await scope.pending.catch(() => {}); // its caller was told
    if (scope.ended) return;
    this.#end_inside(scope);
    try {
      await this.rollback(scope, {});
    } catch (cause) {
      this.#give_up(cause);
    }
  }

  /** For a savepoint that goes with what is around it, unless something is open inside it. */
  forget(scope: Scope): void {
    if (this.innermost === scope) this.#end(scope, "committed");
  }

  /** For a statement that ends all scopes at once. */
  end_all(): void {
    while (this.#innermost !== null) this.#end(this.#innermost, "rolled_back");
  }

  /** Warns when `handle` is garbage while `scope` is open. */
  watch(handle: WeakKey, scope: Scope): void {
    forgotten?.register(handle, () => {
      if (scope.ended || this.#host.closed || this.is_over(scope)) return;
      const fact = `it is open on backend ${this.#session.backend_pid}`;
      warn(`a transaction was never ended: its handle is garbage, but ${fact}`, this.#on_warning);
    });
  }

  /**
   * Lets only an open scope pass. Those of a closed connection do: it has better words.
   *
   * @throws {ProgrammingError} If it is not open.
   * @throws {InterfaceError} If the connection cannot be used here.
   */
  check(scope: Scope, action: string): void {
    check_place(this.#session.place, action);
    if (scope.state === "opening") {
      throw new ProgrammingError(`cannot ${action}: the transaction has not begun`);
    }
    if (scope.state !== "open") {
      throw new ProgrammingError(`cannot ${action}: the transaction has ended`);
    }
    if (!this.is_over(scope)) return;
    this.#end(scope, "rolled_back");
    throw new ProgrammingError(`cannot ${action}: the transaction was ended by a statement`, {
      hint: "end it by commit() or rollback() of its handle",
    });
  }

  /**
   * Lets pass what must not be done in a transaction.
   *
   * @throws {ProgrammingError} If one is open.
   */
  refuse_transaction(action: string, hint?: string): void {
    if (!this.in_transaction) return;
    throw new ProgrammingError(`cannot ${action}: no transaction may be open, but one is`, {
      hint,
    });
  }

  #check_innermost(scope: Scope, action: string): void {
    if (this.innermost === scope || this.#host.closed) return; // a closed one has better words
    throw new ProgrammingError(
      `cannot ${action}: those inside it must be ended before, but one is open`,
    );
  }

  #open(outer: Scope | null, sql: string, options: CallOptions): Scope {
    const scope = new Scope(outer);
    this.#innermost = scope;
    scope.pending = this.#begin(scope, sql, options);
    scope.pending.catch(() => {});
    return scope;
  }

  async #begin(scope: Scope, sql: string, options: CallOptions): Promise<void> {
    try {
      await this.#host.execute(sql, null, options);
    } catch (error) {
      this.#end(scope, "rolled_back");
      const was_sent = !(error instanceof PgError && error.safe_to_retry);
      if (scope.outer === null && was_sent) this.#take_back();
      throw error;
    }
    if (scope.ended) {
      throw new ProgrammingError("cannot begin: the transaction around it has ended");
    }
    scope.state = "open";
    scope.idle_count = this.#session.wire.idle_count;
  }

  /** A BEGIN that its caller gave up may still have run, or will. */
  #take_back(): void {
    if (this.#host.closed || (this.#session.state === "I" && !this.#session.wire.busy)) return;
    this.#host.execute("ROLLBACK").catch((cause) => this.#give_up(cause));
  }

  #finish(scope: Scope, sql: string, options: CallOptions, state: ScopeState): Promise<void> {
    scope.state = "ending";
    scope.pending = this.#run_end(scope, sql, options, state);
    scope.pending.catch(() => {});
    return scope.pending;
  }

  async #run_end(
    scope: Scope,
    sql: string,
    options: CallOptions,
    state: ScopeState,
  ): Promise<void> {
    try {
      await this.#host.execute(sql, null, options);
    } catch (error) {
      if (scope.state === "ending") scope.state = "open"; // until known better
      if (this.#host.closed || this.is_over(scope)) {
        this.#end(scope, state === "committed" ? "failed" : state);
      }
      throw error;
    }
    this.#end(scope, state);
  }

  #end(scope: Scope, state: ScopeState): void {
    if (!scope.ended) scope.state = state;
    if (this.#innermost === scope) this.#innermost = scope.outer;
  }

  #end_inside(scope: Scope): void {
    while (this.#innermost !== null && this.#innermost.depth > scope.depth) {
      this.#end(this.#innermost, "rolled_back");
    }
  }

  /** Nobody is left to end the transaction, and nothing may run in it. */
  #give_up(cause: unknown): void {
    if (this.#host.closed || !is_here(this.#session.place)) return;
    this.#session.wire.destroy(
      new OperationalError(
        "the connection was given up: a transaction on it could not be rolled back",
        { cause },
      ),
    );
  }
}
