/**
 * The rows of one result, decoded as they come.
 *
 * Law: a row whose types are not known, or are no longer as they were looked up, is kept as it
 * came until they have been looked up; nothing is misread, and no statement is run again for it.
 *
 * @module
 */

import { AlteredTypeError, UnknownTypeError } from "../../codecs/composite.ts";
import type { RowDecoder } from "../../rows/decoder.ts";
import type { TypeCatalog } from "./type_catalog.ts";

/** What a result's rows are like. */
export interface Shape<R> {
  /** The types of its columns, as the server told. */
  readonly type_oids: readonly number[];
  /** What was made before to decode them, if their types are as they were then. */
  known_decoder(): RowDecoder<R> | null;
  /** Makes what decodes them, with the types as they are known now. */
  make_decoder(): RowDecoder<R>;
}

/** Reads rows. */
export class RowReader<R> {
  /** Those that were read. */
  rows: R[] = [];
  readonly #types: TypeCatalog;
  readonly #shape: Shape<R>;
  #decode: RowDecoder<R> | null = null;
  #raw: Uint8Array[] = []; // rows that wait for types, after all that were read
  #unknown: number[] = [];
  #is_second_look = false;

  /** @param shape Asked when the first row comes. */
  constructor(types: TypeCatalog, shape: Shape<R>) {
    this.#types = types;
    this.#shape = shape;
  }

  /** Whether rows wait for their types to be looked up. */
  get waits(): boolean {
    return this.#raw.length > 0;
  }

  /** The types that they wait for. May be empty: then they are to be read again at once. */
  get unknown(): readonly number[] {
    return this.#unknown;
  }

  /**
   * Takes the row whose DataRow body is `bytes[start, end)`. What cannot be read throws.
   *
   * @throws {DataError} If a value is malformed, or has no JavaScript form.
   * @throws What the row factory throws.
   */
  add(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.#raw.length > 0) {
      this.#raw.push(bytes.slice(start, end));
      return;
    }
    try {
      this.#decode ??= this.#shape.known_decoder();
      if (this.#decode === null && this.#lacks_types()) return this.#keep(bytes, start, end);
      this.#decode ??= this.#shape.make_decoder();
      this.rows.push(this.#decode(bytes, view, start, end));
    } catch (error) {
      if (!this.#can_look_up(error)) throw error;
      this.#keep(bytes, start, end);
    }
  }

  /** Reads what waited, now that the types were looked up. Throws as `add()` does. */
  retry(): void {
    const raw = this.#raw;
    this.#raw = [];
    this.#unknown = [];
    this.#decode = null;
    for (const row of raw) {
      this.add(row, new DataView(row.buffer, row.byteOffset, row.length), 0, row.length);
    }
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.#raw.push(bytes.slice(start, end));
  }

  #lacks_types(): boolean {
    this.#unknown = this.#types.missing(this.#shape.type_oids);
    return this.#unknown.length > 0;
  }

  #can_look_up(error: unknown): boolean {
    if (error instanceof UnknownTypeError) {
      this.#unknown = this.#types.missing([error.oid]);
      return this.#unknown.length > 0;
    }
    if (!(error instanceof AlteredTypeError) || this.#is_second_look) return false;
    this.#is_second_look = true;
    this.#types.forget();
    this.#unknown = this.#types.missing(this.#shape.type_oids);
    return true;
  }
}
