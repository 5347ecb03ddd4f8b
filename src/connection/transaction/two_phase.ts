/**
 * Two-phase commit: DB-API's `tpc_*` methods.
 *
 *     none ── begin ──▶ begun ── prepare ──▶ prepared ── commit, rollback ──▶ none
 *                         └───── commit (in one phase), rollback ──────────────▲
 *
 * Law: the state moves only when the server has confirmed the step. Between
 * prepare and the end nothing else runs on the connection.
 *
 * Source: PEP 249 and https://www.postgresql.org/docs/current/sql-prepare-transaction.html
 *
 * @module
 */

import { ProgrammingError } from "../../errors.ts";
import { tuple_row } from "../../rows/factories.ts";
import { quote_literal } from "../../sql/quote.ts";
import type { CallOptions, QueryOptions } from "../base/call_options.ts";
import type { Scope } from "../session/scope.ts";
import type { ScopeHost, Scopes } from "../session/scopes.ts";
import type { Result } from "../statement/result.ts";
import { Xid } from "./xid.ts";

const RECOVER = "select gid, prepared, owner::pg_catalog.text, database::pg_catalog.text " +
  "from pg_catalog.pg_prepared_xacts";

/** The two-phase transaction of one connection. */
export class TwoPhase {
  readonly #scopes: Scopes;
  readonly #host: ScopeHost;
  #xid: Xid | null = null;
  #scope: Scope | null = null; // while begun
  #exempt = false; // what is submitted now is about the prepared transaction

  /** @param host Runs the statements. */
  constructor(scopes: Scopes, host: ScopeHost) {
    this.#scopes = scopes;
    this.#host = host;
  }

  /** Whether a transaction is prepared and waits for its end. */
  get prepared(): boolean {
    return this.#xid !== null && this.#scope === null;
  }

  /**
   * To be called before any statement.
   *
   * @throws {ProgrammingError} If a prepared transaction waits for its end.
   */
  refuse_prepared(action: string): void {
    if (!this.prepared || this.#exempt) return;
    throw new ProgrammingError(`cannot ${action}: the prepared transaction must be ended before`, {
      hint: "use tpc_commit() or tpc_rollback()",
    });
  }

  /** Begins a transaction that is to be prepared as `xid`. */
  async begin(xid: Xid | string, options: CallOptions): Promise<void> {
    this.refuse_prepared("begin a two-phase transaction");
    const known = to_xid(xid);
    const scope = this.#scopes.begin("BEGIN", options);
    await this.#scopes.opened(scope);
    this.#xid = known;
    this.#scope = scope;
  }

  /** Ends the first phase: from now on the server keeps the transaction, come what may. */
  async prepare(options: CallOptions): Promise<void> {
    const { scope, xid } = this.#begun("prepare");
    const sql = `PREPARE TRANSACTION ${quote_literal(xid.toString())}`;
    try {
      await this.#scopes.commit(scope, options, sql);
      this.#scope = null;
    } catch (error) {
      if (scope.ended) this.clear();
      throw error;
    }
  }

  /** Commits the transaction of this connection, or a recovered one. */
  async commit(xid: Xid | string | undefined, options: CallOptions): Promise<void> {
    if (xid !== undefined) return await this.#resolve("COMMIT", to_xid(xid), options);
    if (this.prepared) return await this.#end_prepared("COMMIT", options);
    const { scope } = this.#begun("commit");
    try {
      await this.#scopes.commit(scope, options);
    } finally {
      if (scope.ended) this.clear();
    }
  }

  /** Rolls back the transaction of this connection, or a recovered one. */
  async rollback(xid: Xid | string | undefined, options: CallOptions): Promise<void> {
    if (xid !== undefined) return await this.#resolve("ROLLBACK", to_xid(xid), options);
    if (this.prepared) return await this.#end_prepared("ROLLBACK", options);
    const { scope } = this.#begun("roll back");
    try {
      await this.#scopes.rollback(scope, options);
    } finally {
      if (scope.ended) this.clear();
    }
  }

  /** All transactions that are prepared on the server, in any database. */
  async recover(options: CallOptions): Promise<Xid[]> {
    const { rows } = await this.#run<[string, unknown, string, string]>(RECOVER, {
      ...options,
      row_factory: tuple_row as never, // a row of these types
    });
    return rows.map(([gid, prepared, owner, database]) =>
      Xid.from_string(gid, { prepared, owner, database })
    );
  }

  /** Forgets the transaction of this connection; the server may still have it. */
  clear(): void {
    this.#xid = this.#scope = null;
  }

  #begun(action: string): { scope: Scope; xid: Xid } {
    this.refuse_prepared(action);
    if (this.#xid !== null && this.#scope !== null) return { scope: this.#scope, xid: this.#xid };
    throw new ProgrammingError(`cannot ${action}: no two-phase transaction has begun`, {
      hint: "use tpc_begin()",
    });
  }

  async #end_prepared(verb: "COMMIT" | "ROLLBACK", options: CallOptions): Promise<void> {
    await this.#run(end_statement(verb, this.#xid!), options);
    this.clear();
  }

  async #resolve(verb: "COMMIT" | "ROLLBACK", xid: Xid, options: CallOptions): Promise<void> {
    this.refuse_prepared("end a recovered transaction");
    this.#scopes.refuse_transaction("end a recovered transaction");
    await this.#run(end_statement(verb, xid), options);
  }

  /** Runs a statement also where a prepared transaction waits. */
  #run<R>(sql: string, options: QueryOptions<R>): Promise<Result<R>> {
    this.#exempt = true;
    try {
      return this.#host.execute(sql, null, options);
    } finally {
      this.#exempt = false;
    }
  }
}

function end_statement(verb: "COMMIT" | "ROLLBACK", xid: Xid): string {
  return `${verb} PREPARED ${quote_literal(xid.toString())}`;
}

function to_xid(xid: Xid | string): Xid {
  if (xid instanceof Xid) return xid;
  if (typeof xid === "string") return Xid.from_string(xid);
  throw new ProgrammingError(
    `cannot use the xid: it must be made by xid(), or be text, but is of type ${typeof xid}`,
  );
}
