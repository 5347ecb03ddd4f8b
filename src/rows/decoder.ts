/**
 * From a DataRow's bytes straight to the user's row.
 *
 * The hot path of the module. A row is decoded where it lies in the receive
 * buffer: no message object, no subarray and no closure per field. Text and
 * binary columns go through the same call, `field.decode()`.
 *
 * Law: the number of values and each length are checked against the message
 * before they are used, and nothing of the row keeps the receive buffer alive.
 *
 * @module
 */

import { decode_utf8 } from "../bytes/utf8.ts";
import type { Format, TypeCodec } from "../codecs/codec.ts";
import { set_own } from "../codecs/composite.ts";
import { InterfaceError, OperationalError } from "../errors.ts";
import type { Column } from "./column.ts";
import {
  object_row,
  type ObjectRow,
  type RowFactory,
  scalar_row,
  tuple_row,
  unique_names,
} from "./factories.ts";

/** Makes a row of the DataRow body `bytes[start, end)`. */
export type RowDecoder<R> = (bytes: Uint8Array, view: DataView, start: number, end: number) => R;

/** What decodes one field; a `TypeCodec` is one for its binary format. */
type Field = Pick<TypeCodec, "decode">;

/**
 * Makes the decoder of a result.
 *
 * @param codecs Of each column.
 * @param formats Of each column; empty: all text.
 */
export function row_decoder<R>(
  columns: readonly Column[],
  codecs: readonly TypeCodec[],
  formats: readonly Format[],
  factory: RowFactory<R>,
): RowDecoder<R> {
  const fields = codecs.map((codec, i) => formats[i] === 1 ? codec : text_field(codec));
  return direct_decoder(columns, fields, factory) ?? composed_decoder(columns, fields, factory);
}

function text_field(codec: TypeCodec): Field {
  return {
    decode: (bytes, _view, start, length) =>
      codec.decode_text(decode_utf8(bytes, start, start + length)),
  };
}

/** The decoders of the library's own row shapes. */
function direct_decoder<R>(
  columns: readonly Column[],
  fields: readonly Field[],
  factory: RowFactory<R>,
): RowDecoder<R> | null {
  const known = factory as RowFactory<unknown>;
  if (known === object_row) return object_decoder(unique_names(columns), fields) as RowDecoder<R>;
  if (known === tuple_row) return tuple_decoder(fields) as RowDecoder<R>;
  if (known === scalar_row && fields.length > 0) return scalar_decoder(fields) as RowDecoder<R>;
  return null;
}

function composed_decoder<R>(
  columns: readonly Column[],
  fields: readonly Field[],
  factory: RowFactory<R>,
): RowDecoder<R> {
  if (/^class\b/.test(String(factory))) {
    throw new InterfaceError("cannot use row_factory: it must be a function, but is a class", {
      hint: `use class_row(${factory.name})`,
    });
  }
  const tuple = tuple_decoder(fields);
  const make = factory(columns);
  if (typeof make !== "function") {
    throw new InterfaceError(
      `cannot use row_factory: it must return a function of the values, but returned a ${typeof make}`,
    );
  }
  return (bytes, view, start, end) => make(tuple(bytes, view, start, end));
}

function object_decoder(names: readonly string[], fields: readonly Field[]): RowDecoder<ObjectRow> {
  if (names.includes("__proto__")) return guarded_object_decoder(names, fields);
  const count = fields.length;
  const blank = count > WIDE ? blank_row(names) : null;
  return (bytes, view, start, end) => {
    check_count(view, start, end, count);
    const row: ObjectRow = blank === null ? {} : Object.assign({}, blank);
    let at = start + 2;
    for (let i = 0; i < count; i++) {
      const length = read_length(view, at, end);
      at += 4;
      if (length < 0) {
        row[names[i]!] = null;
      } else {
        row[names[i]!] = fields[i]!.decode(bytes, view, at, length);
        at += length;
      }
    }
    if (at !== end) throw malformed();
    return row;
  };
}

/**
 * Columns above which a row begins as the copy of one with all names: on V8 an object that grows
 * name by name took 0.8 to 1.5 µs for 20 of them, a copy that is filled 0.2 to 0.4; up to 6 it is the
 * other way round. On JSC the copy gains half.
 */
const WIDE = 8;

function blank_row(names: readonly string[]): ObjectRow {
  return Object.fromEntries(names.map((name) => [name, null]));
}

function guarded_object_decoder(
  names: readonly string[],
  fields: readonly Field[],
): RowDecoder<ObjectRow> {
  const tuple = tuple_decoder(fields);
  return (bytes, view, start, end) => {
    const row: ObjectRow = {};
    for (const [i, value] of tuple(bytes, view, start, end).entries()) {
      set_own(row, names[i]!, value);
    }
    return row;
  };
}

function tuple_decoder(fields: readonly Field[]): RowDecoder<unknown[]> {
  const count = fields.length;
  return (bytes, view, start, end) => {
    check_count(view, start, end, count);
    const row = new Array<unknown>(count);
    let at = start + 2;
    for (let i = 0; i < count; i++) {
      const length = read_length(view, at, end);
      at += 4;
      if (length < 0) {
        row[i] = null;
      } else {
        row[i] = fields[i]!.decode(bytes, view, at, length);
        at += length;
      }
    }
    if (at !== end) throw malformed();
    return row;
  };
}

/** Reads the first field and skips the rest. */
function scalar_decoder(fields: readonly Field[]): RowDecoder<unknown> {
  const count = fields.length;
  const first = fields[0]!;
  return (bytes, view, start, end) => {
    check_count(view, start, end, count);
    const length = read_length(view, start + 2, end);
    return length < 0 ? null : first.decode(bytes, view, start + 6, length);
  };
}

function check_count(view: DataView, start: number, end: number, count: number): void {
  if (end - start < 2 || view.getInt16(start) !== count) throw malformed();
}

/** A field's length, -1 for NULL, known to end inside the message. */
function read_length(view: DataView, at: number, end: number): number {
  if (at + 4 > end) throw malformed();
  const length = view.getInt32(at);
  if (length < -1 || length > end - at - 4) throw malformed();
  return length;
}

function malformed(): OperationalError {
  return new OperationalError(
    "cannot read a row: its values must be as many and as long as the server said, but are not",
    { sqlstate: "08P01" },
  );
}
