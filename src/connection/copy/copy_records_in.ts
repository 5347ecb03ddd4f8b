/**
 * `copy_records_from()`: records into a table by COPY, in binary while their values have such a form.
 *
 * Law: all or nothing, whatever the records turn out to be. What is here of them before the first
 * byte is sent decides the format. If more are to come, two COPY statements are sent as one: when a
 * value comes that has no binary form, the first ends, and the second takes the rest as text.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { PgError } from "../../errors.ts";
import type { Sql } from "../../sql/template.ts";
import type { CallOptions } from "../base/call_options.ts";
import { type Items, ItemSource } from "../base/item_source.ts";
import { at_call } from "../base/stacks.ts";
import type { Loan } from "../session/loan.ts";
import type { QueryContext } from "../statement/query_context.ts";
import { FLIGHT } from "../wire/outflow.ts";
import { BINARY_END, BINARY_HEADER, CopyEncoder, type CopyRecord } from "./copy_encoder.ts";
import { CopyInExchange } from "./copy_in.ts";
import { columns_sql, select_sql, table_sql } from "./copy_table.ts";

/** How records are copied. */
export interface CopyRecordsOptions extends CallOptions {
  /** The columns that records have values for. Default: all of the table. */
  readonly columns?: readonly string[] | undefined;
}

/** Copies `records` into `table`; resolves to their number. */
export async function copy_records_from(
  loan: Loan,
  table: string | Sql,
  records: Items<CopyRecord>,
  options: CopyRecordsOptions,
): Promise<number> {
  const { session, time_left = options.timeout } = loan;
  const described = select_sql(table, options.columns);
  const { run } = loan.prepare("copy", described, null, { ...options, timeout: time_left });
  const source = new ItemSource(records, "records");
  const exchange = new RecordsInExchange(session.context, described, table_sql(table), source);
  try {
    return await session.run(exchange, run);
  } catch (error) {
    throw source.failure?.error === error ? error : at_call(error);
  } finally {
    source.close();
  }
}

class RecordsInExchange extends CopyInExchange {
  readonly #table: string;
  readonly #source: ItemSource<CopyRecord>;
  #encoder!: CopyEncoder;
  #first: CopyRecord[] | null = []; // while the format is not decided
  #is_binary = true;
  #is_whole = false; // the source has ended
  #is_double = false; // two COPY statements were sent
  #unfit: CopyRecord | null = null; // the first that has no binary form
  #taken = 0;

  constructor(
    context: QueryContext,
    described: string,
    table: string,
    source: ItemSource<CopyRecord>,
  ) {
    super(context, described, null);
    this.#table = table;
    this.#source = source;
    // A source in time may wait for this very connection.
    if (source.is_async) this.occupies = "a COPY with an asynchronous source";
  }

  override give_up(error: unknown): void {
    super.give_up(error);
    this.#source.close();
  }

  protected override begin(writer: ByteWriter): void {
    const columns = this.statement.columns ?? [];
    this.#encoder = new CopyEncoder(columns, this.statement.codecs);
    this.out.raw(BINARY_HEADER);
    if (!this.#source.is_async) this.#is_whole = this.#fill() as boolean;
    this.#first = null;
    this.#is_double = this.#is_binary && !this.#is_whole;
    const names = columns_sql(columns.map(({ name }) => name));
    const copy = `COPY ${this.#table}${names} FROM STDIN`;
    const binary = `${copy} (FORMAT binary)`;
    if (this.#is_double) this.start(writer, `${binary};\n${copy}`, 2);
    else this.start(writer, this.#is_binary ? binary : copy);
    void this.#send();
  }

  async #send(): Promise<void> {
    try {
      for (;;) {
        if (this.#unfit !== null) await this.#go_on_as_text();
        if (this.#is_whole) break;
        await this.flush();
        this.#is_whole = await this.#fill();
      }
      if (this.#is_binary) await this.#end_binary();
      if (this.#is_double || !this.#is_binary) await this.flush();
      this.end_part();
    } catch (error) {
      this.give_up(error);
    }
  }

  async #go_on_as_text(): Promise<void> {
    await this.#end_binary();
    this.#is_binary = false;
    this.#encode(this.#unfit!);
    this.#unfit = null;
  }

  async #end_binary(): Promise<void> {
    this.out.i16(BINARY_END);
    await this.flush();
    if (this.#is_double) this.end_part();
  }

  /** Encodes records up to a flight; true if there are no more. */
  #fill(): boolean | Promise<boolean> {
    return this.#source.feed(
      () => this.out.length < FLIGHT && this.#unfit === null && !this.settled,
      (record) => this.#add(record),
    );
  }

  #add(record: CopyRecord): void {
    this.#first?.push(record);
    if (this.#encode(record)) return;
    if (this.#first === null) this.#unfit = record;
    else this.#begin_as_text(this.#first);
  }

  /** False, with nothing written, if a value has no binary form where it needs one. */
  #encode(record: CopyRecord): boolean {
    try {
      if (!this.#is_binary) this.#encoder.text(this.out, record);
      else if (!this.#encoder.binary(this.out, record)) return false;
    } catch (error) {
      if (error instanceof PgError) {
        error.message += `\nCONTEXT: record ${this.#taken}, counted from 0`;
      }
      throw error;
    }
    this.#taken++;
    return true;
  }

  #begin_as_text(records: readonly CopyRecord[]): void {
    this.#is_binary = false;
    this.#taken = 0;
    this.out.truncate(0);
    for (const record of records) this.#encode(record);
  }
}
