/**
 * Several statements in one simple query. Results come as text.
 *
 * Law: all of one query is one transaction to the server, unless it says otherwise
 * itself; after an error nothing more of it runs.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Simple Query)
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { OperationalError } from "../../errors.ts";
import type { BackendMessage, ColumnDescription } from "../../protocol/backend.ts";
import { encode_copy_fail, encode_query } from "../../protocol/frontend.ts";
import { Column } from "../../rows/column.ts";
import { row_decoder } from "../../rows/decoder.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { server_error } from "../../server_error.ts";
import { commits, may_copy } from "../../sql/verbs.ts";
import { Exchange, is_protocol_error, type Step, unexpected } from "../wire/exchange.ts";
import { commit_unknown, rolled_back } from "./commit.ts";
import { copy_refused } from "./plain_copy.ts";
import type { QueryContext } from "./query_context.ts";
import { Result } from "./result.ts";
import { RowReader } from "./row_reader.ts";

/** Runs statements without parameters and reads all their results. */
export class SimpleExchange<R> extends Exchange<Result<R>[]> {
  readonly #context: QueryContext;
  #text_context: QueryContext | null = null; // once there are rows
  readonly #sql: string;
  readonly #factory: RowFactory<R>;
  #results: Result<R>[] = [];
  #columns: readonly Column[] | null = null;
  #reader: RowReader<R> | null = null; // of the result that comes
  #waiting: RowReader<R>[] = []; // for types to be looked up
  #error: unknown = null;

  /** @param sql Any number of statements. */
  constructor(context: QueryContext, sql: string, factory: RowFactory<R>) {
    super();
    this.#context = context;
    this.#sql = sql;
    this.#factory = factory;
    context.text_form.note(sql);
    this.exclusive = may_copy(sql);
  }

  override encode(writer: ByteWriter): void {
    encode_query(writer, this.#sql);
  }

  override message(message: BackendMessage): void {
    switch (message.name) {
      case "RowDescription":
        return this.#begin(message.columns);
      case "CommandComplete":
        return this.#end(message.command_tag);
      case "EmptyQueryResponse":
        return this.#end(null);
      case "ErrorResponse":
        this.#error ??= server_error(message.diag, this.#sql);
        return;
      case "CopyInResponse":
        this.#error ??= copy_refused("copy_from");
        return this.#context.wire.write((writer) =>
          encode_copy_fail(writer, "the statement was run without data")
        );
      case "CopyOutResponse":
        this.#error ??= copy_refused("copy_to");
        return;
      case "CopyDone":
        return;
    }
    throw unexpected(message.name);
  }

  override data_row(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.#error !== null) return;
    if (this.#reader === null) throw unexpected("DataRow");
    try {
      this.#reader.add(bytes, view, start, end);
    } catch (error) {
      if (is_protocol_error(error)) throw error;
      this.#error = error;
    }
  }

  override copy_data(): void {
    // The data of a COPY that was run as a statement: the error is already known.
  }

  override ready(): Step {
    if (this.#results.length === 0 && this.#error === null) throw unexpected("ReadyForQuery");
    this.#look_up();
    return this.settled ? "done" : "detach";
  }

  #look_up(): void {
    this.#waiting = this.#waiting.filter((reader) => reader.waits);
    if (this.#waiting.length === 0 || this.#error !== null) return this.#settle();
    void this.#text_context!.learn(this.#waiting.flatMap((reader) => reader.unknown), false)
      .then(() => this.#waiting.forEach((reader) => reader.retry()))
      .catch((error) => this.#error = error)
      .then(() => this.#look_up());
  }

  #settle(): void {
    if (this.#error !== null) this.reject(this.#error);
    else if (this.#results[0]?.statusmessage === "ROLLBACK" && commits(this.#sql)) {
      this.reject(rolled_back(this.#context.failure()));
    } else this.resolve(this.#results);
  }

  override lose(error: OperationalError, sent: boolean): void {
    this.reject(sent && commits(this.#sql) ? commit_unknown(error) : error);
  }

  #begin(descriptions: readonly ColumnDescription[]): void {
    const { types, text_form } = this.#text_context ??= this.#context.for_text();
    const columns = this.#columns = descriptions.map((column) => new Column(column));
    const type_oids = columns.map((column) => column.type_code);
    this.#reader = new RowReader(types, {
      type_oids,
      known_decoder: () => null,
      make_decoder: () => {
        const codecs = type_oids.map((oid) => types.registry.lookup(oid));
        text_form.check(codecs);
        const formats = descriptions.map(({ format }) => format); // binary from a BINARY cursor
        return row_decoder(columns, codecs, formats, this.#factory);
      },
    });
  }

  #end(command_tag: string | null): void {
    const reader = this.#reader;
    if (reader?.waits) this.#waiting.push(reader);
    this.#results.push(new Result(reader?.rows ?? [], command_tag, this.#columns));
    this.#columns = this.#reader = null;
    if (command_tag !== null) this.#context.completed(command_tag, this.#sql);
  }
}
