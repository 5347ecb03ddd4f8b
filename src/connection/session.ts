/**
 * One backend session: its wire, its settings, its prepared statements.
 *
 * Law: one lease, one session. A `Connection` is a handle on a session, for as
 * long as it is lent; the session outlives it in the pool. When its socket is
 * lost the session is dead, and nothing runs on a replacement.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import type { CodecRegistry } from "../codecs/registry.ts";
import { type Diagnostic, OperationalError } from "../errors.ts";
import type { BackendMessage, TransactionState } from "../protocol/backend.ts";
import type { SessionStart } from "../protocol/handshake.ts";
import { object_row, type RowFactory } from "../rows/factories.ts";
import type { Exchange } from "./exchange.ts";
import { type QueryContext, QueryExchange } from "./query.ts";
import type { Result } from "./result.ts";
import { type SimpleContext, SimpleExchange } from "./simple.ts";
import { StatementCache } from "./statements.ts";
import type { Line } from "./line.ts";
import { TextForm } from "./text_form.ts";
import { LOOKUP, LOOKUP_13, TypeCatalog, type TypeRow } from "./types.ts";
import { Wire, type WireEvents } from "./wire.ts";

/** What LISTEN brings. */
export interface Notification {
  /** The channel. */
  readonly channel: string;
  /** What NOTIFY gave with it; empty if nothing. */
  readonly payload: string;
  /** The server process that sent it. */
  readonly pid: number;
}

/** Who hears what the session is told besides answers: the handle it is lent to, or the pool. */
export interface SessionOwner {
  /** The server remarks. */
  on_notice?(notice: Diagnostic): void;
  /** What LISTEN brings. */
  on_notification?(notification: Notification): void;
  /** The session is dead. */
  on_lost?(error: OperationalError): void;
  /** Everything submitted is done. */
  on_idle?(): void;
}

/** How a session is set up. */
export interface SessionOptions {
  readonly clock: Clock;
  /** Types that are not built in; shared by a pool's sessions. */
  readonly types: TypeCatalog;
  /** Most prepared statements to keep. */
  readonly statement_cache_size: number;
  /** Behind a transaction pooler: unnamed statements, nothing past an unanswered Sync. */
  readonly transaction_pooler: boolean;
  /** Sends a CancelRequest; resolves when the server has closed that socket. */
  send_cancel(start: SessionStart, signal: AbortSignal): Promise<void>;
}

/** How one statement runs. */
export interface RunOptions<R> {
  readonly row_factory: RowFactory<R>;
  /** Seconds from now. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** An authenticated session. */
export class Session implements WireEvents, SimpleContext {
  /** The only owner of the socket. */
  readonly wire: Wire;
  /** What the server says of itself; kept up to date. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Types that are not built in. */
  readonly types: TypeCatalog;
  /** What the text of results means. */
  readonly text_form: TextForm;
  /** Prepared statements. */
  readonly statements: StatementCache;
  /** The server process; 0 where the server did not say. */
  readonly backend_pid: number;
  /** As `0x30002`. */
  readonly protocol_version: number;
  /** Time for all that waits here. */
  readonly clock: Clock;
  /** When it was opened, on `clock`. */
  readonly opened_at: number;
  /** When it was last used, on `clock`. */
  used_at: number;
  /** Who hears of notices, notifications and loss. */
  owner: SessionOwner | null = null;
  /** True once its user closed it. */
  closed: boolean = false;
  /** True once a statement failed because the transaction was read-only. */
  refused_writes: boolean = false;
  #portals = 0;
  #has_altered = false; // a type, in a transaction that may still be open
  #learning: Promise<void> = Promise.resolve(); // never rejects
  readonly #parameters: Map<string, string>;
  readonly #start: SessionStart;
  readonly #options: SessionOptions;

  /** @param line A socket on which `start` was negotiated. */
  constructor(line: Line, start: SessionStart, options: SessionOptions) {
    const { clock, types, statement_cache_size, transaction_pooler } = options;
    this.#start = start;
    this.#options = options;
    this.#parameters = start.parameters;
    this.parameters = start.parameters;
    this.types = types;
    this.text_form = new TextForm(start.parameters);
    this.statements = new StatementCache(statement_cache_size, !transaction_pooler);
    this.backend_pid = start.backend_pid;
    this.protocol_version = start.protocol_version;
    this.clock = clock;
    this.opened_at = this.used_at = clock.now();
    this.wire = new Wire(line, clock, this, transaction_pooler);
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
    return this.run(new QueryExchange(this, sql, values, options.row_factory), options);
  }

  /** Runs any number of statements without parameters; results come as text. */
  simple<R>(sql: string, options: RunOptions<R>): Promise<Result<R>[]> {
    return this.run(new SimpleExchange(this, sql, options.row_factory), options);
  }

  /** Where a statement runs that differs from others in this. */
  context(own: Partial<Pick<QueryContext, "statements" | "types" | "text_form">>): QueryContext {
    const { wire, clock } = this;
    const { statements, types, text_form } = { ...this, ...own };
    return {
      wire,
      clock,
      statements,
      types,
      text_form,
      learn: (oids, first) => this.#learn(types, oids, first),
      completed: (command_tag) => this.completed(command_tag),
    };
  }

  /** SimpleContext. */
  for_text(): QueryContext {
    const types = this.types.for_text();
    return types === this.types ? this : this.context({ types });
  }

  /** QueryContext. */
  learn(oids: readonly number[], first: boolean): Promise<void> {
    return this.#learn(this.types, oids, first);
  }

  /** QueryContext. */
  completed(command_tag: string): void {
    if (!ALTERS_TYPES.test(command_tag)) return;
    this.types.forget();
    this.#has_altered = true;
  }

  /** One after the other, so that nothing is looked up twice; but the head of the wire waits for nobody. */
  #learn(types: TypeCatalog, oids: readonly number[], first: boolean): Promise<void> {
    if (first) return this.#look_up(types, oids, true);
    const looked_up = this.#learning.then(() => this.#look_up(types, oids, false));
    this.#learning = looked_up.catch(() => {}); // told to who asked
    return looked_up;
  }

  async #look_up(types: TypeCatalog, oids: readonly number[], first: boolean): Promise<void> {
    await types.load(oids, async (oids) => {
      const has_multiranges = parseInt(this.parameters.get("server_version") ?? "") >= 14;
      const query = has_multiranges ? LOOKUP : LOOKUP_13;
      const context = this.context({ types: PLAIN_TYPES, text_form: PLAIN_TEXT });
      const lookup = new QueryExchange(context, query, [`{${oids.join()}}`], object_row);
      if (first) this.wire.submit_first(lookup, LOOKUP_TIMEOUT);
      else this.wire.submit(lookup, LOOKUP_TIMEOUT);
      return (await lookup.promise).rows as TypeRow[];
    });
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
    if (this.closed) return;
    this.closed = true;
    if (this.wire.busy && this.wire.lost === null) {
      this.send_cancel(AbortSignal.timeout(TERMINATE_GRACE * 1000)).catch(() => {}); // best effort
    }
    this.wire.destroy();
  }

  /** WireEvents: keep as is. */
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
    if (name === "client_encoding" && value !== "UTF8") this.wire.destroy(other_encoding(value));
  }

  /** WireEvents. */
  failed({ sqlstate }: Diagnostic): void {
    this.refused_writes ||= sqlstate === READ_ONLY_TRANSACTION;
  }

  /** WireEvents. */
  idle(): void {
    this.used_at = this.clock.now();
    this.text_form.settle();
    if (this.#has_altered && this.state === "I") { // others saw the types as they were, until now
      this.#has_altered = false;
      this.types.forget();
    }
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

/** The lookup returns nothing but system types, whatever codecs the user has. */
const PLAIN_TYPES = new TypeCatalog({});
const PLAIN_TEXT = new TextForm(new Map());
const READ_ONLY_TRANSACTION = "25006";
/** Seconds for a look into the catalogue. */
const LOOKUP_TIMEOUT = 30;
/** Command tags of what changes a type's attributes. */
const ALTERS_TYPES = /^(?:ALTER (?:TYPE|TABLE|VIEW|FOREIGN|MATERIALIZED|EXTENSION)|CREATE VIEW)/;
/** Seconds for the CancelRequest of a session that is dropped. */
const TERMINATE_GRACE = 2;

/** Text would be misread from here on, and what is sent be taken for other text. */
function other_encoding(name: string): OperationalError {
  return new OperationalError(
    `cannot go on with the connection: client_encoding must be UTF8, but was set to ${name}`,
    { hint: "convert_to() and convert_from() give and take bytes in other encodings" },
  );
}
