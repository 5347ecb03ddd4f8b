/**
 * One statement with many sets of parameters.
 *
 *     Parse (Bind Execute)* Sync, in flights of 64 KiB
 *
 * Law: all or nothing. Outside a transaction one Sync makes one transaction of it; in one, it is the
 * transaction that fails. So where the source of the sets fails, or a set cannot be encoded after
 * others were sent, an error is made on the server too. What the server refuses stops the
 * reading of the source at once.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Pipelining)
 *
 * @module
 */

import { ByteWriter } from "../../bytes/writer.ts";
import type { Format } from "../../codecs/codec.ts";
import { type Diagnostic, QueryCanceledError } from "../../errors.ts";
import type { BackendMessage } from "../../protocol/backend.ts";
import { encode_bind, encode_execute, encode_parse, encode_sync } from "../../protocol/frontend.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { server_error } from "../../server_error.ts";
import type { Sql } from "../../sql/template.ts";
import { is_copy } from "../../sql/verbs.ts";
import type { Params, QueryOptions } from "../base/call_options.ts";
import { Fifo } from "../base/fifo.ts";
import { type Items, ItemSource } from "../base/item_source.ts";
import { at_call } from "../base/stacks.ts";
import type { Loan } from "../session/loan.ts";
import { bind_many } from "../statement/bind_statement.ts";
import { DescribingExchange } from "../statement/describing_exchange.ts";
import {
  check_parameter_count,
  check_parameters,
  write_parameter,
} from "../statement/parameters.ts";
import { copy_refused } from "../statement/plain_copy.ts";
import type { QueryContext } from "../statement/query_context.ts";
import { explain } from "../statement/refusal.ts";
import type { Result } from "../statement/result.ts";
import { is_protocol_error, type Step, unexpected } from "../wire/exchange.ts";
import { FLIGHT, Outflow } from "../wire/outflow.ts";
import { type Keep, ManyRows } from "./many_rows.ts";

/** How a statement is run with many sets of parameters. */
export interface ManyOptions<R> extends QueryOptions<R> {
  /** Whether to keep the rows that the statement returns. */
  readonly returning?: boolean | undefined;
}

/** No portal has this name. The server's log has it then. */
const GIVEN_UP = "executemany was given up";

/** Runs `query` with each of `param_sets`. */
export async function executemany<R>(
  loan: Loan,
  query: string | Sql,
  param_sets: Items<Params>,
  options: QueryOptions<R>,
  keep: Keep,
): Promise<Result<R>[]> {
  const { session, time_left = options.timeout } = loan;
  const call = loan.prepare("execute a statement", query, null, { ...options, timeout: time_left });
  const { text, values_of } = bind_many(query, loan.paramstyle, session.text_form);
  if (is_copy(text)) throw copy_refused("copy_from");
  const source = new ItemSource(param_sets, "sets of parameters");
  const { row_factory } = call.run;
  const context = session.context.with_codecs(call.run.codecs);
  const exchange = new ManyExchange(context, text, values_of, source, row_factory, keep);
  try {
    return await session.run(exchange, call.run);
  } catch (error) {
    source.close();
    throw source.failure?.error === error ? error : at_call(error);
  }
}

class ManyExchange<R> extends DescribingExchange<Result<R>[]> {
  /** Of the set that is being encoded. */
  parameter_count = 0;
  readonly #values_of: (params: Params) => readonly unknown[];
  readonly #source: ItemSource<Params>;
  readonly #outflow: Outflow;
  readonly #rows: ManyRows<R>;
  readonly #out = new ByteWriter();
  readonly #sent: Fifo<readonly unknown[]> = new Fifo(); // sets that are not done, the next first
  #bound = false; // is the first of them
  #values: readonly unknown[] = [];
  #formats: readonly Format[] = [];
  #encoded = 0; // sets
  #synced = false; // nothing more will be sent

  constructor(
    context: QueryContext,
    sql: string,
    values_of: (params: Params) => readonly unknown[],
    source: ItemSource<Params>,
    factory: RowFactory<R>,
    keep: Keep,
  ) {
    super(context, sql);
    this.#outflow = new Outflow(context);
    this.#values_of = values_of;
    this.#source = source;
    this.#rows = new ManyRows(context.types, this.statement, factory, keep);
    // A source in time may wait for this very connection.
    if (source.is_async) this.occupies = "an executemany() with an asynchronous source";
  }

  /** For Bind. */
  write_parameter(writer: ByteWriter, index: number): Format {
    return write_parameter(writer, index, this.#values[index], this.statement.parameters[index]);
  }

  override data_row(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.error !== null) return;
    try {
      this.#rows.add(bytes, view, start, end);
    } catch (error) {
      if (is_protocol_error(error)) throw error;
      this.#give_up(error);
    }
  }

  override stop(): boolean {
    if (!this.begun || this.#synced) return false;
    this.#give_up(
      new QueryCanceledError("cannot go on: executemany was cancelled", { sqlstate: "57014" }),
    );
    return true;
  }

  protected override begin(writer: ByteWriter): void {
    const { sql, parameter_oids, formats } = this.statement;
    if (this.#rows.reads) this.#formats = formats;
    encode_parse(writer, "", sql, parameter_oids ?? []);
    if (!this.#source.is_async) {
      const is_whole = this.#fill() as boolean;
      this.#write(writer, is_whole);
      if (is_whole) return;
    }
    void Promise.resolve().then(() => this.#send_rest());
  }

  protected override answer(message: BackendMessage): void {
    switch (message.name) {
      case "CommandComplete":
        return this.#complete(message.command_tag);
      case "EmptyQueryResponse":
        return this.#complete(null);
      case "ErrorResponse":
        this.error ??= this.#in_set(this.#explained(message.diag), this.#rows.done);
        return this.#sync();
      case "BindComplete":
        this.#bound = true;
        return;
      case "ParseComplete":
        return;
    }
    throw unexpected(message.name);
  }

  protected override finish(): Step {
    const { unknown } = this.#rows;
    if (this.error !== null) this.reject(this.error);
    else if (this.#rows.done !== this.#encoded) throw unexpected("ReadyForQuery");
    else if (unknown !== null && !this.settled) return this.#look_up(unknown);
    else this.resolve(this.#rows.results());
    return "done";
  }

  #complete(tag: string | null): void {
    this.#rows.complete(tag);
    this.#sent.shift();
    this.#bound = false;
  }

  /** Some rows showed types that are not known. */
  #look_up(oids: readonly number[]): Step {
    const { context } = this;
    void context.learn(oids, true)
      .then(() => this.#rows.retry())
      .catch((error) => this.error ??= error)
      .then(() => context.wire.proceed(this));
    return "wait";
  }

  async #send_rest(): Promise<void> {
    const { wire } = this.context;
    try {
      for (let is_whole = false; !is_whole;) {
        await this.#outflow.drained();
        if (this.#is_over) return;
        is_whole = await this.#fill();
        if (this.#is_over) return;
        wire.write((writer) => this.#write(writer, is_whole));
      }
    } catch (error) {
      this.#give_up(error);
    }
  }

  get #is_over(): boolean {
    return this.#synced || this.settled;
  }

  /** Encodes sets up to a flight; true if there are no more. */
  #fill(): boolean | Promise<boolean> {
    return this.#source.feed(
      () => this.#out.length < FLIGHT && !this.#is_over,
      (params) => this.#add(params),
    );
  }

  #add(params: Params): void {
    const out = this.#out;
    const mark = out.length;
    try {
      this.#values = this.#values_of(params);
      this.parameter_count = this.#values.length;
      check_parameters(this.#values);
      check_parameter_count(this.statement.parameters.length, this.parameter_count);
      encode_bind(out, "", "", this, this.#formats);
      encode_execute(out, "", 0);
    } catch (error) {
      out.truncate(mark);
      throw this.#in_set(error, this.#encoded);
    }
    this.#encoded++;
    this.#sent.push(this.#values);
  }

  #write(writer: ByteWriter, is_whole: boolean): void {
    writer.raw(this.#out.peek());
    this.#out.truncate(0);
    if (!is_whole) return;
    this.#synced = true;
    encode_sync(writer);
  }

  /** Fails on the server too, so that nothing is kept. */
  #give_up(error: unknown): void {
    this.error ??= error;
    this.#sync(GIVEN_UP);
  }

  /** Ends the group, after running a portal that does not exist if there is to be an error. */
  #sync(portal?: string): void {
    this.#source.close();
    if (this.#synced) return;
    this.#synced = true;
    this.context.wire.write((writer) => {
      if (portal !== undefined) encode_execute(writer, portal, 0);
      encode_sync(writer);
    });
  }

  /** A value that does not fit is told in the words of any other call. */
  #explained(diag: Diagnostic): unknown {
    const { statement } = this;
    const error = server_error(diag, statement.sql);
    const values = this.#sent.peek();
    if (values === undefined) return error; // at the end of the transaction
    return explain(error, { statement, values, was_known: false, bound: this.#bound });
  }

  /** Says which set an error is about; those at the end of the transaction are about none. */
  #in_set(error: unknown, index: number): unknown {
    if (error instanceof Error && (index < this.#encoded || !this.#synced)) {
      error.message += `\nCONTEXT: parameter set ${index}, counted from 0`;
    }
    return error;
  }
}
