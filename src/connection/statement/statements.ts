/**
 * Prepared statements of one session, the least recently used given up first.
 *
 * Laws: the server holds at most as many as the cache. A statement given up is
 * closed in the next flight, in front of what is sent there, so closing costs no
 * round trip. Closing one that does not exist is no error. Statements are kept, and others given
 * up, as flights are written and in their order: not as they are called, for what is called may wait.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { Format, TypeCodec } from "../../codecs/codec.ts";
import type { CodecRegistry } from "../../codecs/registry.ts";
import type { ColumnDescription } from "../../protocol/backend.ts";
import { encode_close } from "../../protocol/frontend.ts";
import { Column } from "../../rows/column.ts";
import { row_decoder, type RowDecoder } from "../../rows/decoder.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { has_literal, is_fleeting, is_plain, only_reads } from "../../sql/verbs.ts";
import { Chain, Member } from "../base/chain.ts";
import { QUICK_MS } from "../wire/pace.ts";
import type { TypeCatalog } from "./type_catalog.ts";

/** How often one that was not must be quick before it counts as quick again. */
const PROBATION = 20;

/** A statement as the server described it. */
export class PreparedStatement extends Member<PreparedStatement> {
  /** Its name on the server; empty: the unnamed one, which the next Parse replaces. */
  readonly name: string;
  /** Its text. */
  readonly sql: string;
  /** Whether a Parse under `name` was sent, and not known to have failed. */
  parsed: boolean = false;
  /** Whether the cache has forgotten it, and its name is closed or will be. */
  given_up: boolean = false;
  /** OIDs of the parameters; null until described. */
  parameter_oids: readonly number[] | null = null;
  /** Codecs of the parameters. */
  parameters: readonly TypeCodec[] = [];
  /** Columns of its result; null: it returns none. */
  columns: readonly Column[] | null = null;
  /** Codecs of the columns. */
  codecs: readonly TypeCodec[] = [];
  /** The formats to ask for, one a column. */
  formats: readonly Format[] = [];
  /** Whether it can only read and change rows: it opens no transaction, and where it fails it did nothing. */
  readonly is_plain: boolean;
  /** Whether what it means is true only once, so that it is not kept. */
  readonly is_fleeting: boolean;
  /** Whether it reads only, and was done within `QUICK_MS` when it last ran, and for long before. */
  quick = false;
  #slow = 0; // quick runs that are to come before it counts as quick
  readonly #only_reads: boolean;
  /** Whether `columns` is known. */
  described: boolean = false;
  /** Of the catalog that its codecs are of, when it was made. */
  readonly epoch: number;
  /** What a cache knows it by. */
  readonly key: string;
  #decoders: Map<RowFactory<unknown>, RowDecoder<unknown>> = new Map();

  /** @param name Empty for the unnamed one, which one that is not kept is in any case. */
  constructor(name: string, sql: string, epoch: number = 0, key: string = sql) {
    super();
    this.is_plain = is_plain(sql);
    this.#only_reads = only_reads(sql);
    this.is_fleeting = is_fleeting(sql);
    this.name = this.is_fleeting ? "" : name;
    this.sql = sql;
    this.epoch = epoch;
    this.key = key;
  }

  /** Takes how long it ran, in milliseconds. */
  took(time: number): void {
    if (time >= QUICK_MS) this.#slow = PROBATION;
    else if (this.#slow > 0) this.#slow--;
    this.quick = this.#only_reads && this.#slow === 0;
  }

  /** Takes ParameterDescription. */
  set_parameters(oids: readonly number[], registry: CodecRegistry): void {
    this.parameter_oids = oids;
    this.parameters = oids.map((oid) => registry.lookup(oid));
  }

  /** Takes RowDescription, or null for NoData. False if that is what was known. */
  set_columns(columns: readonly ColumnDescription[] | null, registry: CodecRegistry): boolean {
    if (this.described && is_same(this.columns, columns)) return false;
    this.described = true;
    this.#decoders.clear();
    this.columns = columns && columns.map((column) => new Column(column));
    this.codecs = (columns ?? []).map((column) => registry.lookup(column.type_oid));
    this.formats = this.codecs.map((codec) => codec.format);
    return true;
  }

  /** Takes the codecs of types that were looked up since. */
  learn(registry: CodecRegistry): void {
    this.parameters = (this.parameter_oids ?? []).map((oid) => registry.lookup(oid));
    this.codecs = (this.columns ?? []).map((column) => registry.lookup(column.type_code));
    this.formats = this.codecs.map((codec) => codec.format);
    this.#decoders.clear();
  }

  /** The types that it takes and returns. */
  type_oids(): number[] {
    return [
      ...this.parameter_oids ?? [],
      ...(this.columns ?? []).map((column) => column.type_code),
    ];
  }

  /** What decodes a row in `formats`, if it was made before. */
  known_decoder<R>(factory: RowFactory<R>): RowDecoder<R> | null {
    return (this.#decoders.get(factory) as RowDecoder<R> | undefined) ?? null;
  }

  /** What decodes a row in `formats`, made once for each factory. */
  decoder<R>(factory: RowFactory<R>): RowDecoder<R> {
    const known = this.known_decoder(factory);
    if (known !== null) return known;
    const decoder = row_decoder(this.columns ?? [], this.codecs, this.formats, factory);
    if (this.#decoders.size >= MAX_DECODERS) this.#decoders.clear(); // factories made for each call
    this.#decoders.set(factory, decoder);
    return decoder;
  }

  /** What decodes a row in other formats, such as all text for one asked for before the columns were known. */
  decoder_for<R>(formats: readonly Format[], factory: RowFactory<R>): RowDecoder<R> {
    return row_decoder(this.columns ?? [], this.codecs, formats, factory);
  }
}

const MAX_DECODERS = 8;
const READS_LITERALS: ReadonlySet<string> = new Set([
  "DateStyle",
  "IntervalStyle",
  "TimeZone",
  "standard_conforming_strings",
]);

function is_same(
  known: readonly Column[] | null,
  columns: readonly ColumnDescription[] | null,
): boolean {
  if (known === null || columns === null) return known === columns;
  return known.length === columns.length &&
    known.every((column, i) =>
      column.name === columns[i]!.name && column.type_code === columns[i]!.type_oid
    );
}

/** The statements that a session keeps. */
export class StatementCache {
  readonly #size: number;
  readonly #named: boolean;
  readonly #statements: Map<string, PreparedStatement> = new Map(); // by key
  readonly #order: Chain<PreparedStatement> = new Chain(); // of the same, least recently used first
  #usual: TypeCatalog | null = null; // the first, whose keys are the statements' texts
  readonly #others: WeakMap<TypeCatalog, string> = new WeakMap(); // what their keys begin with
  #closing: string[] = [];
  readonly #nameless: Set<string> = new Set(); // texts
  #count = 0;

  /**
   * @param size Most statements to keep.
   * @param named Whether they keep a name on the server, or their description alone is kept.
   */
  constructor(size: number, named: boolean) {
    this.#size = size;
    this.#named = named && size > 0;
  }

  /** The statement of a text with the codecs of `types`, known or new. A new one is kept when it is used. */
  get(sql: string, types: TypeCatalog): PreparedStatement {
    const known = this.#statements.get(this.#key(sql, types));
    return known?.epoch === types.epoch ? known : this.#make(sql, types);
  }

  /**
   * For a flight that is being written: keeps the statement as the one used last. What was given up
   * while it waited for its turn, or that another came before, has a substitute.
   */
  use(statement: PreparedStatement, types: TypeCatalog): PreparedStatement {
    if (this.#size === 0 || statement.is_fleeting) return statement;
    if (this.#order.has(statement)) return this.#keep(statement);
    const known = this.#statements.get(statement.key);
    if (known?.epoch === types.epoch) return this.#keep(known);
    if (known !== undefined) this.drop(known);
    const is_good = !statement.given_up && statement.epoch === types.epoch;
    return this.#keep(is_good ? statement : this.#make(statement.sql, types));
  }

  /** Forgets a statement that no longer works; the next use of its text parses it anew. */
  drop(statement: PreparedStatement): void {
    if (!this.#order.remove(statement)) return;
    this.#statements.delete(statement.key);
    if (statement.name !== "" && statement.parsed) this.#closing.push(statement.name);
    statement.given_up = true;
  }

  /**
   * Forgets a statement that is no longer what was prepared, and names none of its text again: a pooler
   * that shares what its clients named under one text does not parse that text anew.
   */
  drop_name(statement: PreparedStatement): void {
    this.drop(statement);
    if (this.#nameless.size >= this.#size) this.#nameless.clear();
    if (statement.name !== "") this.#nameless.add(statement.sql);
  }

  /** Forgets what may mean something else now, as the setting says how literals are read. */
  setting_changed(name: string): void {
    if (!READS_LITERALS.has(name)) return;
    for (const statement of this.#order) {
      if (has_literal(statement.sql)) this.drop(statement);
    }
  }

  /** The server has forgotten all. */
  clear(): void {
    for (const statement of this.#order) {
      statement.given_up = true;
      this.#order.remove(statement);
    }
    this.#statements.clear();
    this.#closing = [];
  }

  /** Writes Close for what was given up. To be confirmed by `closes_written()`. */
  write_closes(writer: ByteWriter): void {
    for (const name of this.#closing) encode_close(writer, "statement", name);
  }

  /** The flight with `write_closes()` in it is whole. */
  closes_written(): void {
    if (this.#closing.length > 0) this.#closing = [];
  }

  #make(sql: string, types: TypeCatalog): PreparedStatement {
    const name = this.#named && !this.#nameless.has(sql) ? `edgepg_${++this.#count}` : "";
    return new PreparedStatement(name, sql, types.epoch, this.#key(sql, types));
  }

  #keep(statement: PreparedStatement): PreparedStatement {
    if (!this.#order.remove(statement)) this.#statements.set(statement.key, statement);
    this.#order.append(statement);
    if (this.#order.size > this.#size) this.drop(this.#order.first!);
    return statement;
  }

  #key(sql: string, types: TypeCatalog): string {
    this.#usual ??= types;
    if (types === this.#usual) return sql;
    const known = this.#others.get(types);
    const prefix = known ?? `${++this.#count}\0`; // no statement's text has a NUL
    if (known === undefined) this.#others.set(types, prefix);
    return prefix + sql;
  }
}
