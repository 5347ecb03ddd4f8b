/**
 * One backend session: its wire, its settings, its prepared statements.
 *
 * Law: one lease, one session. A `Connection` is a handle on a session, for as
 * long as it is lent; the session outlives it in the pool. When its socket is
 * lost the session is dead, and nothing runs on a replacement.
 *
 * @module
 */

import type { Clock, Place } from "../../adapters/socket.ts";
import type { Codec } from "../../codecs/codec.ts";
import type { Diagnostic, OperationalError } from "../../errors.ts";
import type { BackendMessage, TransactionState } from "../../protocol/backend.ts";
import type { SessionStart } from "../../protocol/handshake.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { QueryExchange } from "../statement/query.ts";
import { QueryContext, type StatementSession } from "../statement/query_context.ts";
import type { Result } from "../statement/result.ts";
import { SimpleExchange } from "../statement/simple.ts";
import { SPARE } from "../statement/spare.ts";
import { StatementCache } from "../statement/statements.ts";
import { TextForm } from "../statement/text_form.ts";
import type { TypeCatalog } from "../statement/type_catalog.ts";
import { TypeLookup } from "../statement/type_lookup.ts";
import type { Exchange } from "../wire/exchange.ts";
import type { Line } from "../wire/line.ts";
import { Wire, type WireEvents } from "../wire/wire.ts";
import * as errors from "../wire/wire_errors.ts";
import type { SessionOwner } from "./session_owner.ts";

/** How a session is set up. */
export interface SessionOptions {
  readonly clock: Clock;
  /** Types that are not built in; shared by a pool's sessions. */
  readonly types: TypeCatalog;
  /** Most prepared statements to keep. */
  readonly statement_cache_size: number;
  /** Behind a transaction pooler: unnamed statements, nothing past an unanswered Sync. */
  readonly transaction_pooler: boolean;
  /** Statements to begin with where the startup message sets nothing. Default: none. */
  readonly initial_settings?: string;
  /** Sends a CancelRequest; resolves when the server has closed that socket. */
  send_cancel(start: SessionStart, signal: AbortSignal): Promise<void>;
}

/** How one statement runs. */
export interface RunOptions<R> {
  readonly row_factory: RowFactory<R>;
  /** Seconds from now. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The statement's own. */
  readonly codecs?: readonly Codec[] | undefined;
  /** Whether it may run after those that are submitted later. Default: false. */
  readonly independent?: boolean | undefined;
}

/** An authenticated session. */
export class Session implements WireEvents, StatementSession {
  /** Held here. */
  static readonly spare: typeof SPARE = SPARE;
  /** The only owner of the socket. */
  readonly wire: Wire;
  /** What the server says of itself; kept up to date. */
  readonly parameters: ReadonlyMap<string, string>;
  /** What the text of results means. */
  readonly text_form: TextForm;
  /** Prepared statements. */
  readonly statements: StatementCache;
  /** How types are looked up. */
  readonly lookup: TypeLookup;
  /** Where statements run from now on: with the pool's types, or those of who registered a codec. */
  context: QueryContext;
  /** The server process; 0 where the server did not say. */
  readonly backend_pid: number;
  /** As `0x30002`. */
  readonly protocol_version: number;
  /** What a reset must set again; mostly empty, as the server does it by itself. */
  readonly initial_settings: string;
  /** Time for all that waits here. */
  readonly clock: Clock;
  /** Where it can be used; undefined: anywhere. */
  readonly place: Place | undefined;
  /** When it was opened, on `clock`. */
  readonly opened_at: number;
  /** When it was last used, on `clock`. */
  used_at: number;
  /** Who hears of notices, notifications and loss. */
  owner: SessionOwner | null = null;
  /** What came during the login, which the first handle takes over. */
  readonly unheard: Pick<SessionStart, "notices" | "notifications">;
  /** True once its user closed it. */
  closed: boolean = false;
  /** True once a statement failed because the transaction was read-only. */
  refused_writes: boolean = false;
  #portals = 0;
  #failure: readonly [first: Diagnostic, idle_count: number] | null = null; // of one transaction
  readonly #parameters: Map<string, string>;
  readonly #start: SessionStart;
  readonly #options: SessionOptions;

  /** @param line A socket on which `start` was negotiated. */
  constructor(line: Line, start: SessionStart, options: SessionOptions) {
    const { clock, types, statement_cache_size, transaction_pooler } = options;
    this.#start = start;
    this.unheard = { notices: start.notices, notifications: start.notifications };
    this.#options = options;
    this.parameters = this.#parameters = start.parameters;
    this.text_form = new TextForm(start.parameters);
    this.statements = new StatementCache(statement_cache_size, !transaction_pooler);
    this.backend_pid = start.backend_pid;
    this.protocol_version = start.protocol_version;
    this.initial_settings = options.initial_settings ?? "";
    this.clock = clock;
    this.place = line.socket.place;
    this.opened_at = this.used_at = clock.now();
    this.wire = new Wire(line, clock, this, transaction_pooler);
    this.lookup = new TypeLookup(this);
    this.context = new QueryContext(this, types);
  }

  /** What the last ReadyForQuery said. */
  get state(): TransactionState {
    return this.wire.state;
  }

  /** Whether it can still be used. */
  get usable(): boolean {
    return !this.closed && this.wire.lost === null;
  }

  /** A name that no other portal of the session has, or had. */
  new_portal_name(): string {
    return `edgepg_portal_${++this.#portals}`;
  }

  /** Runs one statement and reads its whole result. */
  query<R>(sql: string, values: readonly unknown[], options: RunOptions<R>): Promise<Result<R>> {
    const { row_factory, codecs, independent = false } = options;
    const context = this.context.with_codecs(codecs);
    const exchange = new QueryExchange(context, sql, values, row_factory);
    exchange.independent = independent;
    return this.run(exchange, options);
  }

  /** Runs any number of statements without parameters; results come as text. */
  simple<R>(sql: string, options: RunOptions<R>): Promise<Result<R>[]> {
    const context = this.context.with_codecs(options.codecs);
    return this.run(new SimpleExchange(context, sql, options.row_factory), options);
  }

  /** StatementSession. */
  failure(): Diagnostic | null {
    const [diag, idle_count] = this.#failure ?? [null, 0];
    return idle_count === this.wire.idle_count - 1 ? diag : null; // counted a moment ago
  }

  /** Runs any exchange. */
  run<T>(
    exchange: Exchange<T>,
    options: { readonly timeout: number; readonly signal?: AbortSignal | undefined },
  ): Promise<T> {
    this.wire.submit(exchange, options.timeout, options.signal);
    return exchange.promise;
  }

  /** Ends the session in good order. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.wire.close();
  }

  /** Drops the socket; what still runs on the server is asked to stop. */
  terminate(): void {
    this.closed = true;
    if (this.wire.busy && this.wire.lost === null) {
      this.send_cancel(AbortSignal.timeout(TERMINATE_GRACE * 1000)).catch(() => {}); // best effort
    }
    this.wire.destroy();
  }

  /** WireEvents. */
  notice(diag: Diagnostic): void {
    this.owner?.on_notice?.(diag);
  }

  /** WireEvents. */
  notification(message: BackendMessage & { name: "NotificationResponse" }): void {
    const { channel, payload, pid } = message;
    this.owner?.on_notification?.({ channel, payload, pid });
  }

  /** WireEvents. */
  parameter(name: string, value: string): void {
    this.#parameters.set(name, value);
    const refusal = errors.refused_parameters(this.#parameters.size, value);
    if (refusal !== null) this.wire.destroy(refusal);
    this.statements.setting_changed(name);
    if (name === "client_encoding" && value !== "UTF8") {
      this.wire.destroy(errors.other_encoding(value));
    }
  }

  /** WireEvents. */
  failed(diag: Diagnostic): void {
    this.refused_writes ||= diag.sqlstate === READ_ONLY_TRANSACTION;
    const { idle_count } = this.wire;
    if (this.state !== "E" || this.#failure?.[1] !== idle_count) this.#failure = [diag, idle_count];
  }

  /** WireEvents. */
  idle(): void {
    this.used_at = this.wire.pace.now;
    this.text_form.settle();
    if (this.state === "I") this.lookup.settle();
    this.owner?.on_idle?.();
  }

  /** WireEvents. */
  lost(error: OperationalError): void {
    if (!this.closed) this.owner?.on_lost?.(error);
  }

  /** WireEvents. */
  send_cancel(signal: AbortSignal): Promise<void> {
    return this.#options.send_cancel(this.#start, signal);
  }
}

const READ_ONLY_TRANSACTION = "25006";
/** Seconds for the CancelRequest of a session that is dropped. */
const TERMINATE_GRACE = 2;
