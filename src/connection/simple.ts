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

import type { ByteWriter } from "../bytes/writer.ts";
import type { OperationalError } from "../errors.ts";
import type { BackendMessage, ColumnDescription } from "../protocol/backend.ts";
import { encode_copy_fail, encode_query } from "../protocol/frontend.ts";
import { Column } from "../rows/column.ts";
import { row_decoder, type RowDecoder } from "../rows/decoder.ts";
import type { RowFactory } from "../rows/factories.ts";
import { server_error } from "../server_error.ts";
import { commit_unknown, commits, rolled_back } from "./commit.ts";
import { Exchange, is_protocol_error, type Step, unexpected } from "./exchange.ts";
import { copy_refused, may_copy } from "./plain_copy.ts";
import type { QueryContext } from "./query.ts";
import { Result } from "./result.ts";

/** Runs statements without parameters and reads all their results. */
export class SimpleExchange<R> extends Exchange<Result<R>[]> {
  readonly #context: QueryContext;
  readonly #sql: string;
  readonly #factory: RowFactory<R>;
  #results: Result<R>[] = [];
  #columns: readonly Column[] | null = null;
  #decode: RowDecoder<R> | null = null;
  #rows: R[] = [];
  #raw: Uint8Array[] | null = null; // rows that wait for types to be looked up
  readonly #waiting: WaitingRows<R>[] = [];
  #error: unknown = null;

  /** @param sql Any number of statements. */
  constructor(context: QueryContext, sql: string, factory: RowFactory<R>) {
    super();
    this.#context = context;
    this.#sql = sql;
    this.#factory = factory;
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
    if (this.#decode === null) throw unexpected("DataRow");
    if (this.#raw !== null) {
      this.#raw.push(bytes.slice(start, end));
      return;
    }
    try {
      this.#rows.push(this.#decode(bytes, view, start, end));
    } catch (error) {
      if (is_protocol_error(error)) throw error;
      this.#error = error;
    }
  }

  override copy_data(): void {
    // The data of a COPY that was run as a statement: the error is already known.
  }

  override ready(): Step {
    if (this.#waiting.length === 0 || this.#error !== null) this.#settle();
    else {
      const oids = this.#waiting.flatMap(({ columns }) =>
        columns.map((column) => column.type_code)
      );
      void this.#context.learn(oids, false)
        .then(() => this.#decode_waiting())
        .catch((error) => this.#error = error)
        .then(() => this.#settle());
    }
    return "done";
  }

  #settle(): void {
    if (this.#error !== null) this.reject(this.#error);
    else if (this.#results[0]?.statusmessage === "ROLLBACK" && commits(this.#sql)) {
      this.reject(rolled_back());
    } else this.resolve(this.#results);
  }

  override lose(error: OperationalError, sent: boolean): void {
    this.reject(sent && commits(this.#sql) ? commit_unknown(error) : error);
  }

  #begin(columns: readonly ColumnDescription[]): void {
    this.#columns = columns.map((column) => new Column(column));
    this.#decode = this.#decoder(this.#columns);
    const unknown = this.#context.types.missing(columns.map((column) => column.type_oid));
    this.#raw = unknown.length > 0 ? [] : null;
  }

  #end(command_tag: string | null): void {
    if (this.#raw !== null) {
      this.#waiting.push({ columns: this.#columns!, raw: this.#raw, rows: this.#rows });
    }
    this.#results.push(new Result(this.#rows, command_tag, this.#columns));
    this.#rows = [];
    this.#columns = this.#decode = this.#raw = null;
  }

  #decoder(columns: readonly Column[]): RowDecoder<R> {
    const { registry } = this.#context.types;
    const codecs = columns.map((column) => registry.lookup(column.type_code));
    return row_decoder(columns, codecs, [], this.#factory);
  }

  #decode_waiting(): void {
    for (const { columns, raw, rows } of this.#waiting) {
      const decode = this.#decoder(columns);
      for (const row of raw) {
        const view = new DataView(row.buffer, row.byteOffset, row.length);
        rows.push(decode(row, view, 0, row.length));
      }
    }
  }
}

/** Rows of a result that shows types which are not known yet. */
interface WaitingRows<R> {
  readonly columns: readonly Column[];
  readonly raw: readonly Uint8Array[];
  readonly rows: R[];
}

/**
 * Whether `sql` controls transactions or notifications: commands that gain nothing from
 * being prepared, and must work where no prepared statement does.
 */
export function is_command(sql: string): boolean {
  return COMMAND.test(sql);
}

const COMMAND =
  /^\s*(begin|start|commit|end|rollback|abort|savepoint|release|prepare\s+transaction|(un)?listen)\b/i;
