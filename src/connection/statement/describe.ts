/**
 * Asks what a statement takes and returns, without running it.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Extended Query)
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { BackendMessage } from "../../protocol/backend.ts";
import { encode_describe, encode_parse, encode_sync } from "../../protocol/frontend.ts";
import { server_error } from "../../server_error.ts";
import { Exchange, type Step, unexpected } from "../wire/exchange.ts";
import type { QueryContext } from "./query_context.ts";
import { is_changed } from "./refusal.ts";
import type { PreparedStatement } from "./statements.ts";

/** Prepares a statement, if it is not, and has it described. */
export class DescribeExchange extends Exchange<PreparedStatement> {
  readonly #context: QueryContext;
  #statement: PreparedStatement;
  #error: unknown = null;

  /** @param sql One statement. */
  constructor(context: QueryContext, sql: string) {
    super();
    this.#context = context;
    this.#statement = context.statements.get(sql, context.types);
  }

  override encode(writer: ByteWriter): void {
    const { statements, types } = this.#context;
    const statement = this.#statement = statements.use(this.#statement, types);
    if (!statement.parsed || statement.name === "") {
      encode_parse(writer, statement.name, statement.sql, []);
    }
    encode_describe(writer, "statement", statement.name);
    encode_sync(writer);
    statement.parsed = true;
  }

  override message(message: BackendMessage): void {
    switch (message.name) {
      case "ParameterDescription":
        return this.#statement.set_parameters(message.oids, this.#context.types.registry);
      case "RowDescription":
        this.#statement.set_columns(message.columns, this.#context.types.registry);
        return;
      case "NoData":
        this.#statement.set_columns(null, this.#context.types.registry);
        return;
      case "ErrorResponse":
        this.#error ??= server_error(message.diag, this.#statement.sql);
        return;
      case "ParseComplete":
        return;
    }
    throw unexpected(message.name);
  }

  override ready(): Step {
    if (this.#error === null && !this.#statement.described) throw unexpected("ReadyForQuery");
    const unknown = this.#context.types.missing(this.#statement.type_oids());
    if (this.#error === null && unknown.length > 0) {
      void this.#learn(unknown);
      return "detach";
    }
    if (this.#error === null) this.resolve(this.#statement);
    else this.#fail();
    return "done";
  }

  #fail(): void {
    const { statements } = this.#context;
    const refused = { statement: this.#statement, values: [], was_known: false, bound: false };
    if (is_changed(this.#error, refused)) statements.drop_name(this.#statement);
    else statements.drop(this.#statement);
    this.reject(this.#error);
  }

  async #learn(oids: readonly number[]): Promise<void> {
    try {
      await this.#context.learn(oids, false);
      this.#statement.learn(this.#context.types.registry);
      this.resolve(this.#statement);
    } catch (error) {
      this.reject(error);
    }
  }
}
