/**
 * Arrays ⇄ nested arrays, of any dimension, with NULLs.
 *
 * Law: what is encoded is rectangular, and what is decoded takes memory by the
 * bytes that came, never by the counts they claim. Lower bounds are read and
 * forgotten.
 *
 * Wire: dimensions, a flag for NULLs, the elements' OID, then a length and a
 * lower bound for each dimension, then each element with a length in front, -1
 * for NULL. The OID is not compared: an array cast to a binary-coercible type keeps its old one.
 * Text: `[2:3]={1,NULL,"a \"quoted\" one"}`, the bounds only where one is not 1.
 * Source: array_send, array_out and ReadArrayStr, src/backend/utils/adt/arrayfuncs.c
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { DataError } from "../errors.ts";
import { element_text, MAX_DIMENSIONS, read_array_text, write_array_text } from "./array_text.ts";
import type { TypeCodec } from "./codec.ts";
import { malformed } from "./malformed.ts";
import { never_binary, no_encode } from "./printed.ts";

const HEADER_SIZE = 12; // dimensions, flag, OID
const DIMENSION_SIZE = 8; // length, lower bound
const RULE = "must be an array";
const SHAPE_RULE = `must be a rectangular array of at most ${MAX_DIMENSIONS} dimensions`;

/** The type of arrays of `element`. `oid`: its own; default: the `array_oid` of `element`, if that is known. */
export function array_codec(element: TypeCodec, oid: number = element.array_oid): TypeCodec {
  const name = `${element.name}[]`;
  return {
    name,
    oid,
    array_oid: 0,
    delimiter: element.delimiter,
    format: element.format,
    is_list: true,
    has_floats: element.has_floats === true,

    decode(bytes, view, start, length) {
      return decode_array(element, name, bytes, view, start, length);
    },

    decode_text(text) {
      return read_array_text(text, element, name);
    },

    has_binary(value) {
      return Array.isArray(value) && lengths_of(value, element) !== null &&
        all_binary(value, element);
    },

    encode(writer, value) {
      const lengths = lengths_of(value as unknown[], element) ?? [];
      writer.i32(lengths.length);
      const flag = writer.length;
      writer.i32(0);
      writer.i32(element.oid);
      for (const size of lengths) {
        writer.i32(size);
        writer.i32(1); // lower bound
      }
      if (lengths.length > 0 && write_items(writer, value as unknown[], element)) {
        writer.patch_i32(flag, 1);
      }
    },

    encode_text(value) {
      if (typeof value === "string") return value;
      if (!Array.isArray(value)) throw new DataError(RULE);
      const lengths = lengths_of(value, element);
      if (lengths === null) throw new DataError(SHAPE_RULE);
      return lengths.length === 0 ? "{}" : write_array_text(value, element);
    },
  };
}

/** `int2vector` and `oidvector`: one dimension from 0, printed with spaces. */
export function vector_codec(
  name: string,
  oid: number,
  array_oid: number,
  element: TypeCodec<number>,
): TypeCodec {
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,
    is_list: true,

    decode(bytes, view, start, length) {
      return decode_array(element, name, bytes, view, start, length);
    },

    decode_text(text) {
      return text === "" ? [] : text.split(" ").map(element.decode_text);
    },

    has_binary: never_binary,
    encode: no_encode,

    encode_text(value) {
      if (typeof value === "string") return value;
      if (!Array.isArray(value)) throw new DataError(RULE);
      return Array.from(value, (item) => element_text(item, element)).join(" ");
    },
  };
}

function decode_array(
  element: TypeCodec,
  name: string,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
): unknown[] {
  if (length < HEADER_SIZE) throw malformed(name, `${length} bytes hold no header`);
  const dimensions = view.getInt32(start);
  let at = start + HEADER_SIZE;
  const end = start + length;
  if (dimensions < 0 || dimensions > MAX_DIMENSIONS || DIMENSION_SIZE * dimensions > end - at) {
    throw malformed(name, `it has ${dimensions} dimensions in ${length} bytes`);
  }
  const items: unknown[] = [];
  const lengths: number[] = [];
  let count = dimensions === 0 ? 0 : 1;
  for (let i = 0; i < dimensions; i++, at += DIMENSION_SIZE) {
    const size = view.getInt32(at);
    count *= size;
    // Every element has 4 bytes at least; and no product of six overflows a float.
    // Only a vector has a dimension of nothing, and then no other.
    if (size < (dimensions === 1 ? 0 : 1) || count > length / 4) {
      throw malformed(name, "it holds fewer elements than it says");
    }
    lengths.push(size);
  }
  for (; count > 0; count--) {
    if (end - at < 4) throw malformed(name, "it ends within an element");
    const size = view.getInt32(at);
    at += 4;
    if (size === -1) {
      items.push(null);
      continue;
    }
    if (size < 0 || size > end - at) throw malformed(name, "it ends within an element");
    items.push(element.decode(bytes, view, at, size));
    at += size;
  }
  if (at !== end) throw malformed(name, `${end - at} bytes are left over`);
  return lengths.length > 1 ? nest(items, lengths) : items;
}

/** Folds a flat array, from the innermost dimension outwards. */
function nest(flat: unknown[], lengths: readonly number[]): unknown[] {
  let items = flat;
  for (let level = lengths.length - 1; level > 0; level--) {
    const size = lengths[level]!;
    const rows: unknown[] = [];
    for (let at = 0; at < items.length; at += size) rows.push(items.slice(at, at + size));
    items = rows;
  }
  return items;
}

/** The length of every dimension, none for an empty array; null if it is not rectangular. */
function lengths_of(array: readonly unknown[], element: TypeCodec): readonly number[] | null {
  const lengths: number[] = [];
  for (let level: unknown = array; Array.isArray(level); level = level[0]) {
    lengths.push(level.length);
    if (lengths.length > MAX_DIMENSIONS) return null;
    if (element.is_list) break;
  }
  if (!is_rectangular(array, lengths, 0, element)) return null;
  return lengths.includes(0) ? [] : lengths;
}

function is_rectangular(
  array: readonly unknown[],
  lengths: readonly number[],
  level: number,
  element: TypeCodec,
): boolean {
  if (array.length !== lengths[level]) return false;
  if (level + 1 < lengths.length) {
    return array.every((item) =>
      Array.isArray(item) && is_rectangular(item, lengths, level + 1, element)
    );
  }
  return element.is_list === true || !array.some(Array.isArray);
}

function all_binary(array: readonly unknown[], element: TypeCodec): boolean {
  for (const item of array) { // visits holes too, as undefined
    if (item === null) continue;
    if (item === undefined) return false;
    const fits = Array.isArray(item) && !element.is_list
      ? all_binary(item, element)
      : element.has_binary(item);
    if (!fits) return false;
  }
  return true;
}

/** Writes the elements, row by row; true if there was a NULL. */
function write_items(
  writer: ByteWriter,
  array: readonly unknown[],
  element: TypeCodec,
): boolean {
  let has_null = false;
  for (const item of array) {
    if (item === null) {
      writer.i32(-1);
      has_null = true;
    } else if (Array.isArray(item) && !element.is_list) {
      if (write_items(writer, item, element)) has_null = true;
    } else {
      const mark = writer.begin_value();
      element.encode(writer, item);
      writer.end_value(mark);
    }
  }
  return has_null;
}
