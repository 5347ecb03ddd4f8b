/**
 * An exchange that may need to know what a statement takes and returns before it begins.
 *
 *     Parse Describe Sync, a look into the catalogue for types that are not known, then begin()
 *
 * Law: the description is the server's of now, and not one that was true once.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { Diagnostic } from "../../errors.ts";
import type { BackendMessage, ColumnDescription } from "../../protocol/backend.ts";
import { encode_describe, encode_parse, encode_sync } from "../../protocol/frontend.ts";
import { server_error } from "../../server_error.ts";
import { Exchange, type Step, unexpected } from "../wire/exchange.ts";
import type { QueryContext } from "./query_context.ts";
import { PreparedStatement } from "./statements.ts";

/** Has a statement described, and goes on from there. */
export abstract class DescribingExchange<T> extends Exchange<T> {
  /** Resolves when it is done with the session. */
  readonly over: Promise<void>;
  /** Where it runs. */
  protected readonly context: QueryContext;
  /** The statement; described when it begins. */
  protected readonly statement: PreparedStatement;
  /** The first thing that went wrong; null while all is well. */
  protected error: unknown = null;
  #set_over!: () => void;
  #described: boolean;
  #unknown: number[] = [];

  /** @param sql The statement to describe; null: none, so that it begins at once. */
  constructor(context: QueryContext, sql: string | null) {
    super();
    this.context = context;
    this.statement = new PreparedStatement("", sql ?? "");
    this.exclusive = true;
    this.#described = sql === null;
    this.over = new Promise((resolve) => this.#set_over = resolve);
  }

  /** Whether the description is complete. */
  protected get begun(): boolean {
    return this.#described;
  }

  /** Writes the first flight after the description. */
  protected abstract begin(writer: ByteWriter): void;

  /** Takes a message, once it has begun. */
  protected abstract answer(message: BackendMessage): void;

  /** The answers are complete. */
  protected abstract finish(): Step;

  override encode(writer: ByteWriter): void {
    if (this.#described) return this.begin(writer);
    encode_parse(writer, "", this.statement.sql, []);
    encode_describe(writer, "statement", "");
    encode_sync(writer);
  }

  override message(message: BackendMessage): void {
    if (this.#described) return this.answer(message);
    switch (message.name) {
      case "ParameterDescription":
        this.statement.set_parameters(message.oids, this.context.types.registry);
        return this.#look_at(message.oids);
      case "RowDescription":
        return this.#describe(message.columns);
      case "NoData":
        return this.#describe(null);
      case "ErrorResponse":
        this.error ??= server_error(message.diag, this.statement.sql);
    }
  }

  override ready(): Step {
    if (this.#described) return this.finish();
    if (this.error !== null) {
      this.reject(this.error);
      return "done";
    }
    if (!this.statement.described) throw unexpected("ReadyForQuery");
    if (this.#unknown.length > 0 && !this.settled) return this.#learn();
    this.#described = true;
    return "again";
  }

  override end(): void {
    super.end();
    this.#set_over();
  }

  #describe(columns: readonly ColumnDescription[] | null): void {
    this.statement.set_columns(columns, this.context.types.registry);
    this.#look_at((columns ?? []).map((column) => column.type_oid));
  }

  #look_at(oids: readonly number[]): void {
    this.#unknown.push(...this.context.types.missing(oids));
  }

  #learn(): Step {
    const { context, statement } = this;
    void context.learn(this.#unknown, true)
      .then(() => statement.learn(context.types.registry))
      .catch((error) => this.error ??= error)
      .then(() => {
        this.#unknown = [];
        context.wire.proceed(this);
      });
    return "wait";
  }
}

/** What the server says of a text that was sent behind `prefix`, with positions as in the text. */
export function behind(prefix: string, diag: Diagnostic): Diagnostic {
  const { statement_position } = diag;
  if (statement_position === null) return diag;
  return { ...diag, statement_position: statement_position - prefix.length };
}
