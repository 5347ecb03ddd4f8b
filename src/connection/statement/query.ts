/**
 * One statement in the extended protocol, in one flight where the types are known
 * or not needed.
 *
 * ```text
 * known     Bind Execute Sync
 * cold      Parse Describe Bind Execute Sync       results come as text
 * cold, and some parameter is an object, or text would not do (text_form.ts):
 *           Parse Describe Sync, then as known
 * ```
 *
 * Law: a statement that the server no longer knows, or that DDL made another one,
 * is parsed anew and run once more, but only outside a transaction,
 * where the failed attempt did nothing.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Extended Query)
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { Format } from "../../codecs/codec.ts";
import type { OperationalError } from "../../errors.ts";
import type { BackendMessage, TransactionState } from "../../protocol/backend.ts";
import {
  encode_bind,
  encode_copy_fail,
  encode_describe,
  encode_execute,
  encode_parse,
  encode_sync,
} from "../../protocol/frontend.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { server_error } from "../../server_error.ts";
import { commits, may_copy } from "../../sql/verbs.ts";
import { Exchange, is_protocol_error, type Step, unexpected } from "../wire/exchange.ts";
import { Attempt, type Attempted } from "./attempt.ts";
import { commit_unknown, rolled_back } from "./commit.ts";
import { check_parameter_count, check_parameters, write_parameter } from "./parameters.ts";
import { copy_refused } from "./plain_copy.ts";
import type { QueryContext } from "./query_context.ts";
import { explain, is_altered, is_changed, is_stale, is_value_refused } from "./refusal.ts";
import { Result } from "./result.ts";

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
  /** Whether its caller knows nothing of the others on the wire, so that it may run after them. */
  independent: boolean = false;
  /** The first thing that went wrong; null while all is well. */
  protected error: unknown = null;
  /** The attempt that is made. */
  protected attempt: Attempt<R>;
  readonly #portal: Portal;
  readonly #what: Attempted<R>;
  #describing: boolean; // in the first of two flights
  #retried = false;
  #failed = false; // for a value
  #detached = false; // the server is done with it

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
    this.#what = { sql, values: values.slice(), factory, types: context.types };
    this.#portal = portal;
    this.parameter_count = values.length;
    this.attempt = new Attempt(context, this.#what);
    this.#describing = this.attempt.must_describe;
    // In COPY the server drops every Sync until the data ends, so nothing may follow.
    this.exclusive = may_copy(sql);
    this.quick = this.attempt.statement.quick;
  }

  override encode(writer: ByteWriter): void {
    const mark = writer.length;
    try {
      this.#encode(writer);
    } catch (error) {
      if (!this.attempt.was_known || !this.attempt.doubt(this.#retried)) throw error;
      writer.truncate(mark);
      this.#begin_anew();
      this.#describing = true;
      this.#encode(writer);
    }
  }

  #encode(writer: ByteWriter): void {
    if (this.attempt.use_statement()) this.#describing = this.attempt.must_describe;
    if (this.#describing) this.exclusive = true;
    const { statement } = this.attempt;
    const { statements } = this.context;
    const is_known = statement.described && statement.parameter_oids !== null;
    this.attempt.was_known = is_known;
    if (is_known) check_parameter_count(statement.parameters.length, this.parameter_count);
    statements.write_closes(writer);
    const parse = !statement.parsed || statement.name === "";
    // The types that were inferred at first are asked for, so that the values still fit them.
    if (parse) encode_parse(writer, statement.name, statement.sql, statement.parameter_oids ?? []);
    if (!is_known && parse) encode_describe(writer, "statement", statement.name);
    if (!this.#describing) {
      const { name, max_rows } = this.#portal;
      const formats = this.attempt.formats = is_known ? statement.formats : [];
      encode_bind(writer, name, statement.name, this, formats);
      if (is_known && parse) encode_describe(writer, "portal", name);
      encode_execute(writer, name, max_rows);
    }
    encode_sync(writer);
    statements.closes_written();
    statement.parsed = true;
  }

  /** For Bind. */
  write_parameter(writer: ByteWriter, index: number): Format {
    const { statement, values } = this.attempt;
    return write_parameter(writer, index, values[index], statement.parameters[index], "server");
  }

  override message(message: BackendMessage): void {
    switch (message.name) {
      case "ParameterDescription":
        return this.attempt.set_parameters(message.oids);
      case "RowDescription":
        return this.attempt.set_columns(message.columns);
      case "NoData":
        return this.attempt.set_columns(null);
      case "BindComplete":
        if (this.error === null) this.attempt.set_bound(); // else of what ends the transaction
        return;
      case "CommandComplete":
        this.attempt.ended = true;
        this.attempt.command_tag = message.command_tag;
        return this.context.completed(message.command_tag, this.#what.sql);
      case "ErrorResponse":
        this.error ??= server_error(message.diag, this.#what.sql);
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
      case "EmptyQueryResponse":
        this.attempt.ended = true;
        return;
      case "ParseComplete":
      case "CloseComplete":
      case "CopyDone":
        return;
    }
    throw unexpected(message.name);
  }

  override data_row(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.error !== null) return;
    try {
      this.attempt.reader.add(bytes, view, start, end);
    } catch (error) {
      if (is_protocol_error(error)) throw error;
      this.error = error; // a value that cannot be read, or the user's own factory
    }
  }

  override copy_data(): void {
    // The data of a COPY that was run as a statement: the error is already known.
  }

  override ready(state: TransactionState): Step {
    if (this.error !== null) {
      return this.#should_name_type(state) ? this.#learn(state) : this.fail(state);
    }
    if (this.#describing) this.attempt.look_at_types(); // another exchange may have described it
    else if (!this.attempt.ended || !this.attempt.bound) throw unexpected("ReadyForQuery");
    if (this.attempt.unknown !== null) return this.#learn(state);
    if (!this.#describing) return this.complete();
    if (this.attempt.statement.described) this.#describing = false;
    else if (this.#retried) throw unexpected("ReadyForQuery");
    else this.#begin_anew(); // that other exchange failed
    return "again";
  }

  /** All answers are in, and none is an error. */
  protected complete(): Step {
    const { command_tag, reader, statement } = this.attempt;
    statement.took(this.context.wire.pace.head_took);
    if (command_tag === "ROLLBACK" && commits(statement.sql)) {
      this.reject(rolled_back(this.context.failure()));
    } else this.resolve(new Result(reader.rows, command_tag, statement.columns));
    return "done";
  }

  /** All answers are in, and one is an error. */
  protected fail(state: TransactionState): Step {
    const { attempt } = this;
    if (this.#was_hit_by_chance(state)) {
      this.#attempt_again();
      return "anew";
    }
    const is_outdated = is_altered(this.error, attempt) && attempt.doubt(this.#retried);
    const again = is_outdated || is_stale(this.error, attempt);
    const has_changed = is_changed(this.error, attempt);
    if (has_changed) this.context.statements.drop_name(attempt.statement);
    else if (again) this.context.statements.drop(attempt.statement);
    else attempt.drop_if_unsure();
    // Without a name it is another attempt, and the last.
    const is_first = !this.#retried || (has_changed && attempt.statement.name !== "");
    const would_repeat = again && state === "I" && is_first && !this.settled;
    if (would_repeat && this.#may_repeat) {
      this.#begin_anew();
      this.#describing = this.attempt.must_describe;
      return "anew";
    }
    this.reject(explain(this.error, attempt, would_repeat));
    return "done";
  }

  /** Whether it would not run after what its caller wanted to be run later. */
  get #may_repeat(): boolean {
    return !this.#detached && (this.independent || this.context.wire.may_repeat);
  }

  /** By a cancel for another caller's statement; it did nothing. */
  #was_hit_by_chance(state: TransactionState): boolean {
    return this.independent && this.was_bystander && this.attempt.statement.is_plain &&
      state === "I" && !this.settled;
  }

  override lose(error: OperationalError, sent: boolean): void {
    this.reject(sent && commits(this.#what.sql) ? commit_unknown(error) : error);
  }

  /** The error of a value names its type, if that can still be found out. Asks once. */
  #should_name_type(state: TransactionState): boolean {
    const { unknown, bound } = this.attempt;
    if (this.#failed || state !== "I" || bound || unknown === null) return false;
    this.#failed = is_value_refused(this.error);
    return this.#failed;
  }

  /** Looks up what the description or the rows showed, and goes on from there. */
  #learn(state: TransactionState): Step {
    if (this.settled) { // nobody waits
      this.attempt.drop_if_unsure();
      return "done";
    }
    const first = this.exclusive;
    this.#detached = !first;
    void this.context.learn(this.attempt.unknown ?? [], first)
      .then(() => this.attempt.learn(), (cause) => this.#not_learned(cause))
      .catch((error) => this.error ??= error)
      .then(() => first ? this.context.wire.proceed(this) : this.ready(state));
    return first ? "wait" : "detach";
  }

  /** What it says is of the look into the catalogue, not of this statement. */
  #not_learned(cause: unknown): void {
    this.attempt.drop_if_unsure();
    this.reject(this.error === null ? cause : explain(this.error, this.attempt));
  }

  /** Forgets the statement and all that came. */
  #begin_anew(): void {
    this.context.statements.drop(this.attempt.statement);
    const { binds_before } = this.attempt;
    this.#attempt_again();
    this.attempt.binds_before = binds_before; // of the same flight
    this.#retried = true;
  }

  #attempt_again(): void {
    this.attempt = new Attempt(this.context, this.#what);
    this.error = null;
    this.was_bystander = false;
  }
}
