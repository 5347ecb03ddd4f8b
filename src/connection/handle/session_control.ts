/**
 * What a connection does with its session besides running statements:
 * transactions, defaults, notifications, two-phase commit, large objects.
 *
 * Source: aiopg.Connection and psycopg2's connection,
 * https://www.psycopg.org/docs/connection.html
 *
 * @module
 */

import type { Codec } from "../../codecs/codec.ts";
import { kind_of } from "../../codecs/kinds.ts";
import { InterfaceError } from "../../errors.ts";
import type { CallOptions } from "../base/call_options.ts";
import { check_place } from "../base/place.ts";
import type { WarningEvent } from "../base/warnings.ts";
import { Queryable } from "../calls/queryable.ts";
import type { Loan } from "../session/loan.ts";
import { reset_sql } from "../session/reset.ts";
import { Scopes } from "../session/scopes.ts";
import type { Session } from "../session/session.ts";
import {
  check_isolation_level,
  IsolationLevel,
  type TransactionMode,
} from "../transaction/isolation.ts";
import { type LargeObject, open_large_object } from "../transaction/large_object.ts";
import { run_transaction, type RunTransactionOptions } from "../transaction/run_transaction.ts";
import { check_encoding, set_session_statement } from "../transaction/session_mode.ts";
import { Transaction, type TransactionOptions } from "../transaction/transaction.ts";
import { TwoPhase } from "../transaction/two_phase.ts";
import { Xid } from "../transaction/xid.ts";
import { listen_statement, notify_statement, unlisten_statement } from "./channels.ts";
import { ConnectionStatus } from "./server_facts.ts";

/** For the library: throws where a prepared transaction must be ended first. */
export let refuse_prepared: (connection: SessionControl, action: string) => void;

/** The part of `Connection` that commands its session. */
export abstract class SessionControl extends Queryable {
  /** Whether it was closed, released or lost. */
  abstract get closed(): boolean;
  /** Default for each statement's deadline, in seconds. */
  abstract readonly timeout: number;
  readonly #session: Session;
  readonly #on_warning: ((event: WarningEvent) => void) | undefined;
  #scopes: Scopes | null = null; // most handles of a pool begin nothing
  #two_phase: TwoPhase | null = null;
  #isolation_level: IsolationLevel = IsolationLevel.default;

  /** Made with its connection. */
  constructor(session: Session, on_warning: ((event: WarningEvent) => void) | undefined) {
    super();
    this.#session = session;
    this.#on_warning = on_warning;
  }

  /**
   * For the library: the transaction that is open on it.
   *
   * @internal
   */
  get scopes(): Scopes {
    return this.#scopes ??= new Scopes(this.#session, this, this.#on_warning);
  }

  /** What `set_session()` or `set_isolation_level()` set last. */
  get isolation_level(): IsolationLevel {
    return this.#isolation_level;
  }

  /** psycopg2's number for where the connection stands; see `ConnectionStatus`. */
  get status(): ConnectionStatus {
    if (this.#two_phase?.prepared) return ConnectionStatus.prepared;
    return this.scopes.in_transaction ? ConnectionStatus.begin : ConnectionStatus.ready;
  }

  /** The server process. */
  abstract get_backend_pid(): number;

  /**
   * Converts a type by one's own rules: on this connection only, and for statements that are called
   * from now on. What a pool's connection was given ends when it is released; what was
   * registered in `on_connect` stays. For all connections there is the option `codecs`.
   *
   * @throws {InterfaceError} If the connection is closed, or this is no codec.
   */
  register_codec(codec: Codec): void {
    this.check_alive("register a codec");
    const { context } = this.#session;
    this.#session.context = context.with_types(context.types.with([codec]));
  }

  /** @internal */
  abstract override lend(): Loan;

  /**
   * Throws where it was closed or lost, or cannot be used here: for what does not ask the wire, which
   * would tell.
   *
   * @param is_new False where it goes on with a statement that was sent. Default: true.
   * @internal
   */
  abstract check_alive(action: string, is_new?: boolean): void;

  /**
   * Begins a transaction. Whoever gets it ends it; left in an `await using`, it is rolled back.
   *
   * @throws {ProgrammingError} If one is open; use `Transaction.begin_nested()`.
   */
  async begin(options: TransactionOptions = {}): Promise<Transaction> {
    return await new Transaction(this, options).begin();
  }

  /**
   * Runs `fn` in a transaction, and commits; rolls back where `fn` throws. `fn`
   * may end it earlier by itself.
   *
   * @throws What `fn` throws, and what `Transaction.commit()` does.
   */
  async transaction<T>(
    fn: (tx: Transaction) => T | Promise<T>,
    options: RunTransactionOptions = {},
  ): Promise<T> {
    const { clock } = this.#session;
    return await run_transaction(this, fn, options, { clock, random: Math.random });
  }

  /**
   * Sets what the session's transactions are like where they say nothing
   * themselves. What is left out stays; `IsolationLevel.default` is the server's own.
   *
   * @throws {ProgrammingError} If a transaction is open.
   */
  async set_session(mode: TransactionMode & CallOptions): Promise<void> {
    this.check_alive("set the session's characteristics");
    if (typeof mode !== "object" || mode === null) {
      throw new InterfaceError(
        `cannot set the session's characteristics: they must be an object, but are ${
          kind_of(mode)
        }`,
        { hint: 'such as { isolation_level: "serializable", readonly: true }' },
      );
    }
    this.scopes.refuse_transaction("set the session's characteristics");
    const statement = set_session_statement(mode);
    if (statement === "") return;
    await this.execute(statement, null, { timeout: mode.timeout, signal: mode.signal });
    this.#isolation_level = mode.isolation_level ?? this.#isolation_level;
  }

  /** `set_session()` for the isolation level alone. */
  async set_isolation_level(level: IsolationLevel, options: CallOptions = {}): Promise<void> {
    await this.set_session({ ...options, isolation_level: check_isolation_level(level) });
  }

  /**
   * Accepts UTF-8 alone, which is what every session speaks.
   *
   * @throws {NotSupportedError} If it is another encoding.
   */
  async set_client_encoding(name: string, options: CallOptions = {}): Promise<void> {
    check_encoding(name);
    await this.execute("SET client_encoding TO 'UTF8'", null, options);
  }

  /**
   * Rolls back what is open and makes the session as good as new: roles, settings, temporary tables,
   * advisory locks, LISTEN and cursors are gone. Prepared statements stay.
   */
  async reset(options: CallOptions = {}): Promise<void> {
    check_place(this.#session.place, "reset the session");
    const is_open = this.scopes.in_transaction || this.#session.wire.busy;
    this.scopes.end_all();
    this.#two_phase?.clear();
    this.#isolation_level = IsolationLevel.default;
    const rolled_back = is_open ? this.execute("ROLLBACK", null, options) : null;
    await Promise.all([rolled_back, this.execute(reset_sql(this.#session), null, options)]);
  }

  /**
   * Asks for what is sent to `channel`; it arrives in `notifies`. In a transaction: when that commits.
   *
   * @throws {ProgrammingError | DataError} If that is no name, or has more than 63 bytes.
   */
  async listen(channel: string, options: CallOptions = {}): Promise<void> {
    await this.execute(listen_statement(channel), null, options);
  }

  /** Asks no more for what is sent to `channel`; without one, to any. */
  async unlisten(channel?: string, options: CallOptions = {}): Promise<void> {
    await this.execute(unlisten_statement(channel), null, options);
  }

  /**
   * Sends to all that listen to `channel`. In a transaction: when that commits.
   *
   * @param payload At most 7999 bytes of UTF-8. Default: empty.
   * @throws {ProgrammingError | DataError} If channel or payload are out of bounds.
   */
  async notify(channel: string, payload: string = "", options: CallOptions = {}): Promise<void> {
    await this.execute(notify_statement(channel, payload), null, options);
  }

  /**
   * The name of a two-phase transaction.
   *
   * @param format_id From 0 to 2147483647.
   * @param gtrid The global transaction's id: at most 64 characters of printable ASCII.
   * @param bqual This branch's id: likewise.
   * @throws {ProgrammingError} If one is out of these bounds.
   */
  xid(format_id: number, gtrid: string, bqual: string): Xid {
    return new Xid(format_id, gtrid, bqual);
  }

  /**
   * Begins a two-phase transaction.
   *
   * @param xid Made by `xid()`, or the text of someone else's.
   * @throws {ProgrammingError} If a transaction is open or prepared.
   */
  async tpc_begin(xid: Xid | string, options: CallOptions = {}): Promise<void> {
    await this.#phases.begin(xid, options);
  }

  /**
   * Ends the first phase: the server keeps the transaction, whatever happens. Until
   * `tpc_commit()` or `tpc_rollback()` nothing else runs on this connection.
   *
   * @throws {ProgrammingError} If no two-phase transaction has begun, or it is prepared.
   * @throws {TransactionRollbackError} If it had failed, so that the server rolled it back.
   */
  async tpc_prepare(options: CallOptions = {}): Promise<void> {
    this.check_alive("prepare");
    await this.#phases.prepare(options);
  }

  /**
   * Commits: the transaction of this connection, prepared or not, or a recovered one.
   *
   * @throws {ProgrammingError} If there is none; with `xid`: if a transaction is open.
   */
  async tpc_commit(xid?: Xid | string, options: CallOptions = {}): Promise<void> {
    this.check_alive("commit");
    await this.#phases.commit(xid, options);
  }

  /** Rolls back: otherwise as `tpc_commit()`. */
  async tpc_rollback(xid?: Xid | string, options: CallOptions = {}): Promise<void> {
    this.check_alive("roll back");
    await this.#phases.rollback(xid, options);
  }

  /** The transactions that are prepared on the server, in any database. */
  async tpc_recover(options: CallOptions = {}): Promise<Xid[]> {
    return await this.#phases.recover(options);
  }

  /**
   * Opens a large object, or makes one; only in a transaction, with which it ends.
   *
   * @param oid 0: makes one.
   * @param mode `r`, `w` (which may read too), `rw`; `n`: not to be opened. A `b` or `t`
   * behind is accepted. Default: `r`, or `w` for a new one.
   * @throws {ProgrammingError} If no transaction is open.
   */
  async lobject(
    oid?: number | null,
    mode?: string,
    options: CallOptions = {},
  ): Promise<LargeObject> {
    const host = { connection: this, session: this.#session, scopes: this.scopes };
    const known = oid ?? 0;
    return await open_large_object(host, known, mode || (known === 0 ? "w" : "r"), options);
  }

  get #phases(): TwoPhase {
    return this.#two_phase ??= new TwoPhase(this.scopes, this);
  }

  static {
    refuse_prepared = (connection, action) => connection.#two_phase?.refuse_prepared(action);
  }
}
