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
import type { CodecRegistry } from "../codecs/registry.ts";
import { DatabaseError, type Diagnostic, OperationalError, ProgrammingError } from "../errors.ts";
import type { BackendMessage, ColumnDescription, TransactionState } from "../protocol/backend.ts";
import {
  encode_bind,
  encode_copy_fail,
  encode_describe,
  encode_execute,
  encode_parse,
  encode_sync,
} from "../protocol/frontend.ts";
import { row_decoder, type RowDecoder } from "../rows/decoder.ts";
import type { RowFactory } from "../rows/factories.ts";
import { server_error } from "../server_error.ts";
import { commit_unknown, commits, rolled_back } from "./commit.ts";
import { Exchange, type Step, unexpected } from "./exchange.ts";
import {
  check_parameter_count,
  check_parameters,
  needs_types,
  write_parameter,
} from "./parameters.ts";
import { Result } from "./result.ts";
import type { PreparedStatement, StatementCache } from "./statements.ts";
import type { Wire } from "./wire.ts";

/** Where a statement runs. */
export interface QueryContext {
  readonly wire: Wire;
  readonly statements: StatementCache;
  readonly codecs: CodecRegistry;
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
  #asked_as_text = false;
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
    if (this.#statement.parameter_oids === null && needs_types(values)) {
      this.#describing = this.exclusive = true;
    }
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
      this.#asked_as_text = !is_known;
      const { name, max_rows } = this.#portal;
      encode_bind(writer, name, statement.name, this, is_known ? statement.formats : []);
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
        return this.#statement.set_parameters(message.oids, this.context.codecs);
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
    const changed = this.#statement.set_columns(columns, this.context.codecs);
    if (!changed || columns === null || this.#describing || this.#asked_as_text) return;
    const { columns: now, codecs } = this.#statement;
    const formats = columns.map((column) => column.format);
    this.#decode = row_decoder(now ?? [], codecs, formats, this.#factory);
  }

  override lose(error: OperationalError, sent: boolean): void {
    this.reject(sent && commits(this.#sql) ? commit_unknown(error) : error);
  }

  #make_decoder(): RowDecoder<R> {
    const statement = this.#statement;
    if (!statement.described) throw unexpected("DataRow");
    if (this.#asked_as_text) return statement.text_decoder(this.#factory);
    return statement.decoder(this.#factory);
  }

  /** All answers are in, and one is an error. */
  protected fail(state: TransactionState): Step {
    const stale = this.#is_stale();
    if (stale || !this.#statement.described) this.context.statements.drop(this.#statement);
    if (stale && state === "I" && !this.#retried) this.#run_again();
    else this.reject(this.error);
    return "done";
  }

  /** The server forgot the statement (DISCARD, a pooler), or DDL changed what it returns. */
  #is_stale(): boolean {
    const error = this.error;
    if (!(error instanceof DatabaseError)) return false;
    const { sqlstate, diag } = error;
    if (sqlstate === "26000") return true;
    if (sqlstate === "0A000") return diag?.source_function === "RevalidateCachedQuery";
    // The unnamed statement was parsed anew, and no longer has the columns it was bound for.
    return sqlstate === "08P01" && this.#statement.name === "" && this.#statement.described;
  }

  #run_again(): void {
    this.#retried = true;
    this.error = this.#decode = this.#command_tag = null;
    this.rows = [];
    this.#statement = this.context.statements.get(this.#sql);
    this.#describing = needs_types(this.#values);
    this.exclusive ||= this.#describing;
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

/** Whether `sql` may be a COPY, or hold one. Says yes too often, never too seldom. */
export function may_copy(sql: string): boolean {
  return COPY.test(sql);
}

const COPY = /\bcopy\b/i;

/** An error that says the conversation itself went wrong. */
export function is_protocol_error(error: unknown): boolean {
  return error instanceof OperationalError && error.sqlstate === "08P01";
}

/** For a COPY where no stream was given. */
export function copy_refused(method: string): ProgrammingError {
  return new ProgrammingError("cannot run COPY as a statement: its data needs a stream", {
    hint: `use ${method}()`,
  });
}
