/**
 * A connection, as its user holds it: a handle on one backend session.
 *
 * Law: a handle is dead once it was closed, released or lost, and nothing issued
 * on it ever runs on another session.
 *
 * Source: aiopg.Connection, https://aiopg.readthedocs.io/en/stable/core.html
 *
 * @module
 */

import { InterfaceError } from "../../errors.ts";
import type { ObjectRow, RowFactory } from "../../rows/factories.ts";
import type { Sql } from "../../sql/template.ts";
import { is_command } from "../../sql/verbs.ts";
import type { Params, QueryOptions } from "../base/call_options.ts";
import { check_codecs, check_row_factory, check_signal, check_timeout } from "../base/checks.ts";
import { check_place } from "../base/place.ts";
import { at_call } from "../base/stacks.ts";
import { type EchoEvent, tell } from "../base/warnings.ts";
import type { Call, Loan } from "../session/loan.ts";
import type { RunOptions, Session } from "../session/session.ts";
import { Tenure } from "../session/tenure.ts";
import { bind_statement } from "../statement/bind_statement.ts";
import type { Result } from "../statement/result.ts";
import { too_late } from "../wire/wire_errors.ts";
import type { ConnectionSettings, Notice } from "./connection_settings.ts";
import { Cursor, type CursorFactory, type CursorOptions } from "./cursor.ts";
import { type Ending, ending } from "./ending.ts";
import { Mailbox } from "./mailbox.ts";
import { NamedCursor } from "./named_cursor.ts";
import type { NotificationQueue } from "./notifies.ts";
import { TransactionStatus, version_number } from "./server_facts.ts";
import { refuse_prepared, SessionControl } from "./session_control.ts";

export type { ConnectionSettings, EchoEvent, Notice };

/** Who lent a connection, and takes it back. */
export interface Lease {
  /** Ends the lease. */
  release(connection: Connection): void;
}

const CLOSED = ending("the connection is closed");

/** For the library: why a handle is dead; null while it lives. */
export let end_of: (connection: Connection) => Ending | null;
/** For the library: who lent a connection; null for one that nobody did. */
export let lease_of: (connection: Connection) => Lease | null;
/** For the library: ends a handle, for this reason, but not its session. */
export let finish: (connection: Connection, reason: Ending) => void;

/** An authenticated session. Statements issued at once are pipelined in the order of the calls. */
export class Connection extends SessionControl implements AsyncDisposable {
  /** Default for each statement's deadline, in seconds. */
  readonly timeout: number;
  /** Whether, or where to, statements are logged. */
  readonly echo: boolean | ((event: EchoEvent) => void);
  /** The shape of rows where a call names none. */
  row_factory: RowFactory<unknown>;
  /** The class of cursors, but for those with a name, which are `NamedCursor`s. */
  cursor_factory: CursorFactory;
  readonly #session: Session;
  readonly #settings: ConnectionSettings;
  readonly #lease: Lease | null;
  readonly #mailbox: Mailbox;
  #end: Ending | null = null;
  #loan: Loan | null = null; // the same for all calls

  /** Connections are made by `connect()` and `Pool.acquire()`. */
  constructor(session: Session, settings: ConnectionSettings, lease: Lease | null = null) {
    super(session, settings.on_warning);
    this.#session = session;
    this.#settings = settings;
    this.#lease = lease;
    this.timeout = settings.timeout;
    this.echo = settings.echo;
    this.row_factory = settings.row_factory;
    this.cursor_factory = settings.cursor_factory ?? Cursor;
    session.owner = this.#mailbox = new Mailbox(session, settings.on_warning);
  }

  /** Whether it was closed, released or lost. */
  get closed(): boolean {
    return this.#end !== null || !this.#session.usable;
  }

  /** The connection string, with its password masked. */
  get dsn(): string {
    return this.#settings.dsn;
  }

  /** The last 50 notices. */
  get notices(): readonly Notice[] {
    return this.#mailbox.notices;
  }

  /** What LISTEN brings. */
  get notifies(): NotificationQueue {
    return this.#mailbox.notifies;
  }

  /** The client encoding: always `UTF8`. */
  get encoding(): string {
    return this.#session.parameters.get("client_encoding") ?? "UTF8";
  }

  /** libpq's number: 180004 for 18.4, 90603 for 9.6.3; 0 where the server did not say. */
  get server_version(): number {
    return version_number(this.#session.parameters.get("server_version") ?? "");
  }

  /** The protocol's major version. */
  get protocol_version(): number {
    return this.#session.protocol_version >> 16;
  }

  /** Always true: transactions begin only by `begin()`, `transaction()` or SQL. */
  get autocommit(): true {
    return true;
  }

  /** When the last statement ended, in seconds on the runtime's clock. */
  get last_usage(): number {
    return this.#session.used_at / 1000;
  }

  /** The server process. Throws `InterfaceError` once closed or released: it may be another's. */
  get_backend_pid(): number {
    this.#check("tell the pid");
    return this.#session.backend_pid;
  }

  /** A setting that the server reports, such as `TimeZone`; null for others. Throws as `get_backend_pid()`. */
  get_parameter_status(name: string): string | null {
    this.#check("tell a setting");
    return this.#session.parameters.get(name) ?? null;
  }

  /** libpq's number for where a transaction stands; see `TransactionStatus`. */
  get_transaction_status(): TransactionStatus {
    if (this.closed) return TransactionStatus.unknown;
    if (this.#session.wire.busy) return TransactionStatus.active;
    if (this.#session.state === "I") return TransactionStatus.idle;
    return this.#session.state === "T" ? TransactionStatus.intrans : TransactionStatus.inerror;
  }

  /**
   * Opens a cursor. Closing the cursor leaves the connection open. With `name` it is a
   * `NamedCursor`, on the server.
   *
   * @throws {InterfaceError} If the connection is closed.
   * @throws {OperationalError} If it was lost.
   */
  // deno-lint-ignore require-await -- rejects rather than throws
  async cursor<R = ObjectRow>(options: CursorOptions<R> = {}): Promise<Cursor<R>> {
    this.check_alive("open a cursor");
    if (options.name !== undefined && options.name !== null) {
      return new NamedCursor<R>(this, options.name, options);
    }
    return new this.cursor_factory(this, options);
  }

  /** @internal */
  override async execute_one<R>(
    query: string | Sql,
    params?: Params,
    options: QueryOptions<R> = {},
  ): Promise<Result<R>> {
    const call = this.#prepare("execute a statement", query, params, options);
    try {
      if (this.#is_simple(call)) return (await this.#session.simple(call.text, call.run)).at(-1)!;
      return await this.#session.query(call.text, call.values, call.run);
    } catch (error) {
      throw at_call(error);
    }
  }

  /** As `execute()`, with the results of all statements that `query` holds. */
  async execute_all<R = ObjectRow>(
    query: string | Sql,
    params?: Params,
    options: QueryOptions<R> = {},
  ): Promise<Result<R>[]> {
    const call = this.#prepare("execute a statement", query, params, options);
    try {
      if (this.#is_simple(call)) return await this.#session.simple(call.text, call.run);
      return [await this.#session.query(call.text, call.values, call.run)];
    } catch (error) {
      throw at_call(error);
    }
  }

  /** @internal */
  override lend(): Loan {
    return this.#loan ??= {
      session: this.#session,
      paramstyle: this.#settings.paramstyle,
      check: (action, is_new) => this.check_alive(action, is_new),
      prepare: (action, query, params, options) => this.#prepare(action, query, params, options),
      tenure: () => new Tenure(this.#session.wire, this.scopes),
      end() {},
    };
  }

  /** @internal */
  override check_alive(action: string, is_new: boolean = true): void {
    this.#check(action);
    const { lost } = this.#session.wire;
    if (lost !== null) throw too_late(lost, action, is_new);
  }

  /**
   * Cancels what runs on the server now, from outside. That statement rejects with
   * `QueryCanceledError`; the connection stays usable. Does nothing when idle.
   */
  async cancel(): Promise<void> {
    this.check_alive("cancel");
    await this.#session.wire.cancel();
  }

  /**
   * Ends the session; what still runs is cancelled and rejects with `InterfaceError`.
   * A pool's connection leaves the pool. Closing again does nothing.
   */
  async close(): Promise<void> {
    if (this.#end !== null) return;
    check_place(this.#session.place, "close the connection");
    this.#finish(CLOSED);
    await this.#session.close();
    this.#lease?.release(this);
  }

  /** Gives a pool's connection back; closes any other. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#lease === null) await this.close();
    else if (this.#end === null) this.#lease.release(this);
  }

  #finish(reason: Ending): void {
    this.#end = reason;
    this.#mailbox.end(reason.error);
  }

  #check(action: string): void {
    if (this.#end !== null) throw new InterfaceError(`cannot ${action}: ${this.#end.fact}`);
    check_place(this.#session.place, action);
  }

  #prepare<R>(
    action: string,
    query: string | Sql,
    params: Params,
    options: QueryOptions<R>,
  ): Call<R> {
    this.#check(action);
    refuse_prepared(this, action);
    const { paramstyle } = this.#settings;
    const { text, values } = bind_statement(query, params, paramstyle, this.#session.text_form);
    const run = this.#run_options(options);
    this.#log(text, values.length);
    return { text, values, run };
  }

  /** Whether it must not, or gains nothing if it is prepared. */
  #is_simple({ text, values }: Call<unknown>): boolean {
    return values.length === 0 && (is_command(text) || this.#session.text_form.has_several(text));
  }

  #run_options<R>(options: QueryOptions<R>): RunOptions<R> {
    return {
      row_factory: check_row_factory(options.row_factory ?? (this.row_factory as RowFactory<R>)),
      timeout: check_timeout(options.timeout ?? this.timeout),
      signal: check_signal(options.signal),
      codecs: check_codecs(options.codecs),
      independent: this.#settings.independent,
    };
  }

  #log(query: string, parameter_count: number): void {
    if (this.echo === false) return;
    if (this.echo === true) console.debug({ query, parameter_count });
    else tell(this.echo, { query, parameter_count });
  }

  static {
    end_of = (connection) => connection.#end;
    lease_of = (connection) => connection.#lease;
    finish = (connection, reason) => connection.#finish(reason);
  }
}
