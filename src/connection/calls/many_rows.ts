/**
 * What a statement returned for many sets of parameters.
 *
 * @module
 */

import type { RowFactory } from "../../rows/factories.ts";
import { count_of, Result } from "../statement/result.ts";
import { RowReader, type Shape } from "../statement/row_reader.ts";
import type { PreparedStatement } from "../statement/statements.ts";
import type { TypeCatalog } from "../statement/type_catalog.ts";

/** What becomes of rows: a result for each set, one for all, or none. */
export type Keep = "sets" | "rows" | "nothing";

/** Takes the rows and command tags as they come. */
export class ManyRows<R> {
  /** How many sets are done. */
  done = 0;
  /** Whether rows are kept, and so must come in forms that are read. */
  readonly reads: boolean;
  readonly #types: TypeCatalog;
  readonly #statement: PreparedStatement;
  readonly #keep: Keep;
  readonly #shape: Shape<R>; // the same for all sets
  readonly #results: Result<R>[] = [];
  #reader: RowReader<R>; // of the set that is next; where rows are kept together, of all
  #unread: RowReader<R>[] = []; // for types to be looked up
  #tag: string | null = null;
  #rowcount = 0;

  /** @param statement Described before the first row comes. */
  constructor(
    types: TypeCatalog,
    statement: PreparedStatement,
    factory: RowFactory<R>,
    keep: Keep,
  ) {
    this.#types = types;
    this.#statement = statement;
    this.reads = keep !== "nothing";
    this.#keep = keep;
    this.#shape = {
      get type_oids() {
        return (statement.columns ?? []).map((column) => column.type_code);
      },
      known_decoder: () => statement.known_decoder(factory),
      make_decoder: () => statement.decoder(factory),
    };
    this.#reader = new RowReader(types, this.#shape);
  }

  /** Takes a row of the set that is next. Throws as `RowReader.add()` does. */
  add(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.reads) this.#reader.add(bytes, view, start, end);
  }

  /** A set is done. */
  complete(tag: string | null): void {
    const count = count_of(tag);
    this.done++;
    this.#tag = tag;
    this.#rowcount = count < 0 || this.#rowcount < 0 ? -1 : this.#rowcount + count;
    const reader = this.#reader;
    if (reader.waits && this.#unread.at(-1) !== reader) this.#unread.push(reader);
    if (this.#keep !== "sets") return;
    this.#results.push(new Result(reader.rows, tag, this.#statement.columns));
    this.#reader = new RowReader(this.#types, this.#shape);
  }

  /** Types that some rows showed, and wait for; null if none does. */
  get unknown(): readonly number[] | null {
    return this.#unread.length > 0 ? this.#unread.flatMap((reader) => reader.unknown) : null;
  }

  /** Reads what waited, now that the types were looked up. Throws as `RowReader.add()` does. */
  retry(): void {
    this.#statement.learn(this.#types.registry);
    for (const reader of this.#unread) reader.retry();
    this.#unread = this.#unread.filter((reader) => reader.waits);
  }

  /** All that was returned; at least one result. */
  results(): Result<R>[] {
    if (this.#results.length > 0) return this.#results;
    const description = this.reads ? this.#statement.columns : null;
    return [new Result(this.#reader.rows, this.#tag, description, this.#rowcount)];
  }
}
