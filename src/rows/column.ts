/**
 * A result's column: PEP 249's seven fields, also by index, and what PostgreSQL adds.
 *
 * Source: curs_description_get / _make_column, psycopg2/psycopg/pqpath.c
 *
 * @module
 */

import type { ColumnDescription } from "../protocol/backend.ts";

const NUMERIC = 1700;
const VARHDRSZ = 4; // bytes that type modifiers count although they are no payload

/** One item of `description`. Reads as an array of seven, too: `column[0]` is the name. */
export class Column implements Iterable<string | number | boolean | null> {
  /** The column's name; not unique. */
  readonly name: string;
  /** OID of its type. */
  readonly type_code: number;
  /** Always null: PostgreSQL does not tell. */
  readonly display_size: number | null;
  /** Bytes; for types of variable size the limit given to them (digits for numeric), -1: none. */
  readonly internal_size: number;
  /** Digits of a `numeric(p, s)`; null for all else. */
  readonly precision: number | null;
  /** Digits after the point of a `numeric(p, s)`; null for all else. */
  readonly scale: number | null;
  /** Always null: PostgreSQL does not tell. */
  readonly null_ok: boolean | null;
  /** OID of the table; 0 where it is no plain column of one. */
  readonly table_oid: number;
  /** Number of the column in its table, from 1; 0 where it is no plain column of one. */
  readonly column_number: number;

  /**
   * Columns are made with each result.
   *
   * @param description As the server sent it.
   */
  constructor(description: ColumnDescription) {
    const { type_oid, type_size, type_modifier } = description;
    const modifier = type_modifier > 0 ? type_modifier - VARHDRSZ : type_modifier;
    const is_limited_numeric = type_oid === NUMERIC && modifier >= 0;
    this.name = description.name;
    this.type_code = type_oid;
    this.display_size = null;
    this.precision = is_limited_numeric ? modifier >> 16 : null;
    // Eleven bits with a sign: numeric(2, -3) is allowed since PostgreSQL 15.
    this.scale = is_limited_numeric ? ((modifier & 0x7ff) ^ 0x400) - 0x400 : null;
    this.internal_size = type_size === -1 ? this.precision ?? modifier : type_size;
    this.null_ok = null;
    this.table_oid = description.table_oid;
    this.column_number = description.column_number;
    Object.freeze(this);
  }

  /** `name`. */
  get 0(): string {
    return this.name;
  }
  /** `type_code`. */
  get 1(): number {
    return this.type_code;
  }
  /** `display_size`. */
  get 2(): number | null {
    return this.display_size;
  }
  /** `internal_size`. */
  get 3(): number {
    return this.internal_size;
  }
  /** `precision`. */
  get 4(): number | null {
    return this.precision;
  }
  /** `scale`. */
  get 5(): number | null {
    return this.scale;
  }
  /** `null_ok`. */
  get 6(): boolean | null {
    return this.null_ok;
  }
  /** PEP 249's seven. */
  get length(): 7 {
    return 7;
  }

  /** The seven fields in order. */
  *[Symbol.iterator](): IterableIterator<string | number | boolean | null> {
    yield this.name;
    yield this.type_code;
    yield this.display_size;
    yield this.internal_size;
    yield this.precision;
    yield this.scale;
    yield this.null_ok;
  }
}
