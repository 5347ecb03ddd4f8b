/**
 * Records as COPY's data, binary or text.
 *
 * ```text
 * binary   "PGCOPY\n\xff\r\n\0", flags, length of the header's extension; for each record the number of
 *          its values, and each with a length in front, -1 for NULL; -1 at the end
 * text     values with tabs between, `\N` for NULL, a newline behind each record
 * ```
 *
 * Law: a record is encoded whole or not at all.
 *
 * Source: https://www.postgresql.org/docs/current/sql-copy.html (File Formats)
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { TypeCodec } from "../../codecs/codec.ts";
import { kind_of } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";
import type { Column } from "../../rows/column.ts";
import { misfit } from "../statement/misfit.ts";

/** A record: values in the order of the columns, or by their names. */
export type CopyRecord = readonly unknown[] | object;

/** What every binary COPY begins with. */
export const BINARY_HEADER: Uint8Array = Uint8Array.of(
  ...[0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00],
  ...[0, 0, 0, 0], // flags
  ...[0, 0, 0, 0], // length of the extension
);

/** In place of a record's number of values: there are no more. */
export const BINARY_END = -1;

const ESCAPED = /[\\\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** Encodes records for columns of known types. */
export class CopyEncoder {
  readonly #columns: readonly Column[];
  readonly #codecs: readonly TypeCodec[];

  /** @param codecs Of each column. */
  constructor(columns: readonly Column[], codecs: readonly TypeCodec[]) {
    this.#columns = columns;
    this.#codecs = codecs;
  }

  /**
   * Writes a record in binary; false, with nothing written, if a value of it has no binary form.
   *
   * @throws {ProgrammingError} If it does not fit the columns.
   * @throws {DataError} If a value does not fit its column's type.
   */
  binary(writer: ByteWriter, record: CopyRecord): boolean {
    const values = this.#values_of(record);
    const codecs = this.#codecs;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value !== null && !codecs[i]!.has_binary(value)) return false;
    }
    const start = writer.length;
    writer.i16(values.length);
    for (let i = 0; i < values.length; i++) {
      try {
        this.#write_value(writer, values[i], codecs[i]!);
      } catch (error) {
        writer.truncate(start);
        throw this.#misfit(error, i, values[i]);
      }
    }
    return true;
  }

  /**
   * Writes a record as text.
   *
   * @throws {ProgrammingError} If it does not fit the columns.
   * @throws {DataError} If a value does not fit its column's type.
   */
  text(writer: ByteWriter, record: CopyRecord): void {
    const values = this.#values_of(record);
    const mark = writer.length;
    for (let i = 0; i < values.length; i++) {
      if (i > 0) writer.u8(0x09);
      try {
        writer.text(this.#text_of(values[i], i));
      } catch (error) {
        writer.truncate(mark);
        throw this.#misfit(error, i, values[i]);
      }
    }
    writer.u8(0x0a);
  }

  #write_value(writer: ByteWriter, value: unknown, codec: TypeCodec): void {
    if (value === null) return writer.i32(-1);
    const mark = writer.begin_value();
    codec.encode(writer, value);
    writer.end_value(mark);
  }

  #text_of(value: unknown, index: number): string {
    if (value === null) return "\\N";
    return this.#codecs[index]!.encode_text(value).replace(ESCAPED, (one) => ESCAPES[one]!);
  }

  #values_of(record: CopyRecord): readonly unknown[] {
    const columns = this.#columns;
    const values = Array.isArray(record) ? record : this.#by_name(record);
    if (values.length !== columns.length) {
      throw new ProgrammingError(
        `cannot copy a record: it must have ${columns.length} values, but has ${values.length}`,
      );
    }
    const at = values.indexOf(undefined); // holes are not found; they are no values either
    if (at < 0) return values;
    throw new ProgrammingError(
      `cannot copy a record: ${columns[at]!.name} must be a value or null, but is undefined`,
    );
  }

  #by_name(record: unknown): readonly unknown[] {
    if (typeof record === "object" && record !== null) {
      return this.#columns.map(({ name }) =>
        Object.hasOwn(record, name) ? (record as Record<string, unknown>)[name] : undefined
      );
    }
    throw new ProgrammingError(
      `cannot copy a record: it must be an array or an object, but is ${kind_of(record)}`,
    );
  }

  #misfit(error: unknown, index: number, value: unknown): unknown {
    const what = `cannot copy ${this.#columns[index]!.name} as ${this.#codecs[index]!.name}`;
    return misfit(error, what, value);
  }
}
