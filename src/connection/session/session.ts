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
import type { CodecRegistry } from "../../codecs/registry.ts";
import type { Diagnostic, OperationalError } from "../../errors.ts";
import type { BackendMessage, TransactionState } from "../../protocol/backend.ts";
import type { SessionStart } from "../../protocol/handshake.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { ends_transaction } from "../statement/commit.ts";
import { QueryExchange } from "../statement/query.ts";
import type { QueryContext } from "../statement/query_context.ts";
import type { Result } from "../statement/result.ts";
import { type SimpleContext, SimpleExchange } from "../statement/simple.ts";
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
export class Session implements WireEvents, SimpleContext {
  /** The only owner of the socket. */
  readonly wire: Wire;
  /** What the server says of itself; kept up to date. */
  readonly parameters: ReadonlyMap<string, string>;
  /** What the types are read as: the pool's, or of who registered a codec. */
  types: TypeCatalog;
  /** What the text of results means. */
  readonly text_form: TextForm;
  /** Prepared statements. */
  readonly statements: StatementCache;
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
  #own_types: WeakMap<readonly Codec[], [base: TypeCatalog, own: TypeCatalog]> = new WeakMap();
  readonly #lookup: TypeLookup;
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
    this.types = types;
    this.text_form = new TextForm(start.parameters);
    this.statements = new StatementCache(statement_cache_size, !transaction_pooler);
    this.backend_pid = start.backend_pid;
    this.protocol_version = start.protocol_version;
    this.initial_settings = options.initial_settings ?? "";
    this.clock = clock;
    this.place = line.socket.place;
    this.opened_at = this.used_at = clock.now();
    this.wire = new Wire(line, clock, this, transaction_pooler);
    this.#lookup = new TypeLookup(this);
  }

  /** What the last ReadyForQuery said. */
  get state(): TransactionState {
    return this.wire.state;
  }

  /** Conversions by type. */
  get codecs(): CodecRegistry {
    return this.types.registry;
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
    const { row_factory, independent = false } = options;
    const exchange = new QueryExchange(this.context_of(options), sql, values, row_factory);
    exchange.independent = independent;
    return this.run(exchange, options);
  }

  /** Runs any number of statements without parameters; results come as text. */
  simple<R>(sql: string, options: RunOptions<R>): Promise<Result<R>[]> {
    const exchange = new SimpleExchange(this.context_of(options), sql, options.row_factory);
    return this.run(exchange, options);
  }

  /** Where a statement runs that differs from others in this. */
  context(own: { statements?: StatementCache; types?: TypeCatalog }): SimpleContext {
    const { wire, clock, text_form } = this;
    const { statements = this.statements, types = this.types } = own;
    const context: SimpleContext = {
      wire,
      clock,
      statements,
      types,
      text_form,
      learn: (oids, first) => this.#lookup.learn(types, oids, first),
      failure: () => this.failure(),
      completed: (command_tag, sql) => this.#completed(types, command_tag, sql),
      for_text: () => {
        const for_text = types.for_text();
        return for_text === types ? context : this.context({ statements, types: for_text });
      },
    };
    return context;
  }

  /** Where a statement with codecs of its own runs. */
  context_of(options: { readonly codecs?: readonly Codec[] | undefined }): SimpleContext {
    const { codecs } = options;
    if (codecs === undefined || codecs.length === 0) return this;
    const known = this.#own_types.get(codecs);
    if (known?.[0] === this.types) return this.context({ types: known[1] });
    const types = this.types.with(codecs);
    this.#own_types.set(codecs, [this.types, types]);
    return this.context({ types });
  }

  /** SimpleContext. */
  for_text(): QueryContext {
    const types = this.types.for_text();
    return types === this.types ? this : this.context({ types });
  }

  /** QueryContext. */
  learn(oids: readonly number[], first: boolean): Promise<void> {
    return this.#lookup.learn(this.types, oids, first);
  }

  /** QueryContext. */
  failure(): Diagnostic | null {
    const [diag, idle_count] = this.#failure ?? [null, 0];
    return idle_count === this.wire.idle_count - 1 ? diag : null; // counted a moment ago
  }

  /** QueryContext. */
  completed(command_tag: string, sql: string): void {
    this.#completed(this.types, command_tag, sql);
  }

  #completed(types: TypeCatalog, command_tag: string, sql: string): void {
    this.#lookup.completed(types, command_tag);
    if (FORGETS_STATEMENTS.has(command_tag)) this.statements.clear();
    if (ends_transaction(command_tag, sql)) this.wire.idle_count++;
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
    if (this.#failure?.[1] !== idle_count) this.#failure = [diag, idle_count];
  }

  /** WireEvents. */
  idle(): void {
    this.used_at = this.wire.pace.now;
    this.text_form.settle();
    if (this.state === "I") this.#lookup.settle();
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
const FORGETS_STATEMENTS: ReadonlySet<string> = new Set(["DEALLOCATE ALL", "DISCARD ALL"]);
/** Seconds for the CancelRequest of a session that is dropped. */
const TERMINATE_GRACE = 2;
