/**
 * One attempt to run a statement: how it was sent, and what came of it.
 *
 * Law: what the server says now of parameters and columns goes into the statement as it is
 * kept; what was true when the attempt was sent stays with the attempt.
 *
 * @module
 */

import type { Format } from "../../codecs/codec.ts";
import type { ColumnDescription } from "../../protocol/backend.ts";
import type { RowDecoder } from "../../rows/decoder.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { unexpected } from "../wire/exchange.ts";
import { needs_types } from "./parameters.ts";
import type { QueryContext } from "./query_context.ts";
import type { Refused } from "./refusal.ts";
import { RowReader, type Shape } from "./row_reader.ts";
import type { PreparedStatement } from "./statements.ts";
import type { TypeCatalog } from "./type_catalog.ts";

/** What an attempt runs. */
export interface Attempted<R> {
  readonly sql: string;
  readonly values: readonly unknown[];
  readonly factory: RowFactory<R>;
  /** Of the context when it was called. */
  readonly types: TypeCatalog;
}

/** An attempt. */
export class Attempt<R> implements Shape<R>, Refused {
  /** The statement; made known by its description. */
  statement: PreparedStatement;
  /** Its parameters. */
  readonly values: readonly unknown[];
  /** Its rows. */
  readonly reader: RowReader<R>;
  /** Whether the statement was known when it was sent. */
  was_known: boolean = false;
  /** BindComplete messages to come before that of the statement. */
  binds_before: number = 0;
  /** Whether the values were taken. */
  bound: boolean = false;
  /** Whether the server said that these are all rows, at least for now. */
  ended: boolean = false;
  /** That the rows come in; none: text. */
  formats: readonly Format[] = [];
  /** The command tag. */
  command_tag: string | null = null;
  readonly #context: QueryContext;
  readonly #types: TypeCatalog;
  readonly #factory: RowFactory<R>;
  #unknown: number[] = []; // types that the description showed

  /** @param what The same for all attempts. */
  constructor(context: QueryContext, { sql, values, factory, types }: Attempted<R>) {
    this.#context = context;
    this.#types = types;
    this.#factory = factory;
    this.values = values;
    this.statement = context.statements.get(sql, types);
    this.reader = new RowReader(types, this);
  }

  /** A flight is being written: true if the statement is another than it was when this was called. */
  use_statement(): boolean {
    const before = this.statement;
    this.statement = this.#context.statements.use(before, this.#types);
    return this.statement !== before;
  }

  /** Some values can be written, or read, only when their types are known. */
  get must_describe(): boolean {
    const { parameter_oids, sql } = this.statement;
    const is_lossy = parameter_oids === null &&
      (this.#context.text_form.is_lossy(sql) || this.#types.needs_description);
    return is_lossy || (needs_types(this.values) &&
      (parameter_oids === null || this.#types.missing(parameter_oids).length > 0));
  }

  /** Whether the server refused to parse or bind what was known. */
  get is_refused(): boolean {
    return this.was_known && !this.bound;
  }

  /** Types to be looked up before it can go on; null if there are none. */
  get unknown(): readonly number[] | null {
    const { unknown, waits } = this.reader;
    return waits || this.#unknown.length > 0 ? [...this.#unknown, ...unknown] : null;
  }

  /** Shape. */
  get type_oids(): readonly number[] {
    return (this.statement.columns ?? []).map((column) => column.type_code);
  }

  /** Shape. */
  known_decoder(): RowDecoder<R> | null {
    const { statement, formats } = this;
    if (formats !== statement.formats || statement.epoch !== this.#types.epoch) return null;
    return statement.known_decoder(this.#factory);
  }

  /** Shape. */
  make_decoder(): RowDecoder<R> {
    const { statement, formats } = this;
    if (!statement.described) throw unexpected("DataRow");
    if (formats.length === 0) this.#context.text_form.check(statement.codecs);
    return formats === statement.formats
      ? statement.decoder(this.#factory)
      : statement.decoder_for(formats, this.#factory);
  }

  /** Takes ParameterDescription. */
  set_parameters(oids: readonly number[]): void {
    this.statement.set_parameters(oids, this.#types.registry);
    this.look_at_types();
  }

  /**
   * Takes RowDescription, or NoData. Also answers for an unnamed statement that was known: its
   * table may have changed since.
   */
  set_columns(columns: readonly ColumnDescription[] | null): void {
    const changed = this.statement.set_columns(columns, this.#types.registry);
    if (changed && this.formats.length > 0) this.formats = columns?.map((one) => one.format) ?? [];
    this.look_at_types();
  }

  /** Takes BindComplete. */
  set_bound(): void {
    if (this.binds_before > 0) this.binds_before--;
    else this.bound = true;
  }

  /** Notes which types are not known. */
  look_at_types(): void {
    this.#unknown = this.#types.missing(this.statement.type_oids());
  }

  /** Types were looked up: reads the rows that waited. */
  learn(): void {
    this.#unknown = [];
    this.statement.learn(this.#types.registry);
    this.reader.retry();
  }

  /**
   * A value does not fit its type as it is known here: whether to look again. The statement is
   * described anew in any case when it is used next, as its tables may have changed.
   */
  doubt(is_second: boolean): boolean {
    const { statements, clock } = this.#context;
    const { parameter_oids } = this.statement;
    statements.drop(this.statement);
    if (parameter_oids?.every((oid) => this.#types.is_builtin(oid))) return false;
    return this.#types.doubt(clock.now(), is_second);
  }

  /** Forgets the statement where it may not be what it was. */
  drop_if_unsure(): void {
    this.look_at_types();
    if (this.is_refused || !this.statement.described || this.#unknown.length > 0) {
      this.#context.statements.drop(this.statement);
    }
  }
}
