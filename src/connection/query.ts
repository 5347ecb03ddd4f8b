/**
 * One statement in the extended protocol, in one flight where the types are known
 * or not needed.
 *
 * ```text
 * known     Bind Execute Sync
 * cold      Parse Describe Bind Execute Sync       results come as text
 * cold, and some parameter is an object:
 *           Parse Describe Sync, then as known
 * ```
 *
 * Law: a statement that the server no longer knows, or whose result changed its
 * shape, is parsed anew and run once more, but only outside a transaction,
 * where the failed attempt did nothing.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Extended Query)
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import type { Format } from "../codecs/codec.ts";
import { AlteredTypeError } from "../codecs/composite.ts";
import type { Diagnostic, OperationalError } from "../errors.ts";
import type { BackendMessage, ColumnDescription, TransactionState } from "../protocol/backend.ts";
import {
  encode_bind,
  encode_copy_fail,
  encode_describe,
  encode_execute,
  encode_parse,
  encode_sync,
} from "../protocol/frontend.ts";
import type { RowDecoder } from "../rows/decoder.ts";
import type { RowFactory } from "../rows/factories.ts";
import { server_error } from "../server_error.ts";
import { commit_unknown, commits, rolled_back } from "./commit.ts";
import { Exchange, is_protocol_error, type Step, unexpected } from "./exchange.ts";
import {
  check_parameter_count,
  check_parameters,
  needs_types,
  write_parameter,
} from "./parameters.ts";
import { Result } from "./result.ts";
import { copy_refused, may_copy } from "./plain_copy.ts";
import { is_stale, type PreparedStatement, type StatementCache } from "./statements.ts";
import type { TypeCatalog } from "./types.ts";
import type { Wire } from "./wire.ts";

/** Where a statement runs. */
export interface QueryContext {
  readonly wire: Wire;
  readonly statements: StatementCache;
  /** Types that are not built in. */
  readonly types: TypeCatalog;
  /** Whether a statement must be described before it first runs, since some of it cannot be read from text. */
  needs_description(sql: string): boolean;
  /** Looks types up. `first`: before the head of the wire, which waits for them. */
  learn(oids: readonly number[], first: boolean): Promise<void>;
}

/** The portal that a statement runs in. */
export interface Portal {
  /** Its name on the server; empty: the unnamed one. */
  readonly name: string;
  /** Rows to ask for at once; 0: all. */
  readonly max_rows: number;
}

const WHOLE_RESULT: Portal = { name: "", max_rows: 0 };

/** Runs one statement and reads its whole result, or as much of it as `portal` says. */
export class QueryExchange<R> extends Exchange<Result<R>> {
  /** Of the values to bind. */
  readonly parameter_count: number;
  /** Where it runs. */
  protected readonly context: QueryContext;
  /** The first thing that went wrong; null while all is well. */
  protected error: unknown = null;
  /** What came so far. */
  protected rows: R[] = [];
  readonly #portal: Portal;
  readonly #sql: string;
  readonly #values: readonly unknown[];
  readonly #factory: RowFactory<R>;
  #statement: PreparedStatement;
  #describing = false; // in the first of two flights
  #formats: readonly Format[] = []; // that the rows come in; none: text
  #unknown: number[] = []; // types to look up before a row can be decoded
  #raw: Uint8Array[] = []; // rows that wait for them
  #decode: RowDecoder<R> | null = null;
  #command_tag: string | null = null;
  #retried = false;

  /** @throws {ProgrammingError} If the parameters cannot be bound to any statement. */
  constructor(
    context: QueryContext,
    sql: string,
    values: readonly unknown[],
    factory: RowFactory<R>,
    portal: Portal = WHOLE_RESULT,
  ) {
    super();
    check_parameters(values);
    this.context = context;
    this.#portal = portal;
    this.#sql = sql;
    this.#values = values;
    this.#factory = factory;
    this.parameter_count = values.length;
    this.#statement = context.statements.get(sql);
    // In COPY the server drops every Sync until the data ends, so nothing may follow.
    this.exclusive = may_copy(sql);
    this.#describe_first();
  }

  override encode(writer: ByteWriter): void {
    const statement = this.#statement;
    const { statements } = this.context;
    const is_known = statement.described && statement.parameter_oids !== null;
    if (is_known) check_parameter_count(statement.parameters.length, this.parameter_count);
    statements.write_closes(writer);
    const parse = !statement.parsed || statement.name === "";
    // The types that were inferred at first are asked for, so that the values still fit them.
    if (parse) encode_parse(writer, statement.name, this.#sql, statement.parameter_oids ?? []);
    if (!is_known && parse) encode_describe(writer, "statement", statement.name);
    if (!this.#describing) {
      const { name, max_rows } = this.#portal;
      this.#formats = is_known ? statement.formats : [];
      encode_bind(writer, name, statement.name, this, this.#formats);
      if (is_known && parse) encode_describe(writer, "portal", name);
      encode_execute(writer, name, max_rows);
    }
    encode_sync(writer);
    statements.closes_written();
    statement.parsed = true;
  }

  /** For Bind. */
  write_parameter(writer: ByteWriter, index: number): Format {
    return write_parameter(writer, index, this.#values[index], this.#statement.parameters[index]);
  }

  override message(message: BackendMessage): void {
    switch (message.name) {
      case "ParameterDescription":
        this.#statement.set_parameters(message.oids, this.context.types.registry);
        this.#unknown = this.context.types.missing(message.oids);
        return;
      case "RowDescription":
        return this.#describe(message.columns);
      case "NoData":
        return this.#describe(null);
      case "CommandComplete":
        this.#command_tag = message.command_tag;
        return;
      case "ErrorResponse":
        this.error ??= this.#explain(message.diag);
        return;
      case "CopyInResponse":
        this.error ??= copy_refused("copy_from");
        return this.context.wire.write((writer) => {
          encode_copy_fail(writer, "the statement was run without data");
          encode_sync(writer); // the one sent before was dropped
        });
      case "CopyOutResponse":
        this.error ??= copy_refused("copy_to");
        return;
      case "ParseComplete":
      case "BindComplete":
      case "CloseComplete":
      case "CopyDone":
      case "EmptyQueryResponse":
        return;
    }
    throw unexpected(message.name);
  }

  override data_row(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.error !== null) return;
    if (this.#unknown.length > 0) {
      this.#raw.push(bytes.slice(start, end));
      return;
    }
    try {
      this.#decode ??= this.#make_decoder();
      this.rows.push(this.#decode(bytes, view, start, end));
    } catch (error) {
      if (is_protocol_error(error)) throw error;
      this.error = error; // a value that cannot be read, or the user's own factory
    }
  }

  override copy_data(): void {
    // The data of a COPY that was run as a statement: the error is already known.
  }

  override ready(state: TransactionState): Step {
    if (this.error !== null) return this.fail(state);
    if (this.#unknown.length > 0 && !this.settled) return this.#learn(state);
    if (this.#describing) {
      this.#describing = false;
      return "again";
    }
    return this.complete();
  }

  /** All answers are in, and none is an error. */
  protected complete(): Step {
    if (this.#command_tag === "ROLLBACK" && commits(this.#sql)) this.reject(rolled_back());
    else this.resolve(new Result(this.rows, this.#command_tag, this.#statement.columns));
    return "done";
  }

  /** Also answers for an unnamed statement that was known: its table may have changed since. */
  #describe(columns: readonly ColumnDescription[] | null): void {
    const { types } = this.context;
    const changed = this.#statement.set_columns(columns, types.registry);
    this.#unknown.push(...types.missing((columns ?? []).map((column) => column.type_oid)));
    if (changed && this.#formats.length > 0) this.#formats = columns!.map(({ format }) => format);
  }

  /** Some values can be written, or read, only when their types are known. */
  #describe_first(): void {
    if (this.#statement.parameter_oids !== null) return;
    if (needs_types(this.#values) || this.context.needs_description(this.#sql)) {
      this.#describing = this.exclusive = true;
    }
  }

  /** Looks up what the description showed, and goes on from there. */
  #learn(state: TransactionState): Step {
    const first = this.exclusive;
    void this.context.learn(this.#unknown, first)
      .then(() => this.#decode_raw())
      .catch((error) => this.error ??= error)
      .then(() => first ? this.context.wire.proceed(this) : this.ready(state));
    return first ? "wait" : "done";
  }

  #decode_raw(): void {
    this.#unknown = [];
    this.#statement.learn(this.context.types.registry);
    for (const row of this.#raw) {
      this.data_row(row, new DataView(row.buffer, row.byteOffset, row.length), 0, row.length);
    }
    this.#raw = [];
  }

  override lose(error: OperationalError, sent: boolean): void {
    this.reject(sent && commits(this.#sql) ? commit_unknown(error) : error);
  }

  #make_decoder(): RowDecoder<R> {
    const statement = this.#statement;
    if (!statement.described) throw unexpected("DataRow");
    return this.#formats === statement.formats
      ? statement.decoder(this.#factory)
      : statement.decoder_for(this.#formats, this.#factory);
  }

  /** All answers are in, and one is an error. */
  protected fail(state: TransactionState): Step {
    const stale = is_stale(this.error, this.#statement);
    const altered = this.error instanceof AlteredTypeError;
    if (altered) this.context.types.forget();
    if (stale || altered || !this.#statement.described) {
      this.context.statements.drop(this.#statement);
    }
    if (stale && state === "I" && !this.#retried) this.#run_again();
    else this.reject(this.error);
    return "done";
  }

  #run_again(): void {
    this.#retried = true;
    this.error = this.#decode = this.#command_tag = null;
    this.rows = [];
    this.#statement = this.context.statements.get(this.#sql);
    this.#describe_first();
    this.context.wire.submit(this);
  }

  /** Says in our words what the server could only notice at Bind. */
  #explain(diag: Diagnostic): unknown {
    const expected = this.#statement.parameter_oids?.length;
    const error = server_error(diag, this.#sql);
    if (diag.sqlstate !== "08P01" || expected === undefined) return error;
    try {
      check_parameter_count(expected, this.parameter_count);
    } catch (mismatch) {
      return mismatch;
    }
    return error;
  }
}
