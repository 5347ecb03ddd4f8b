/**
 * The text form of arrays: `[2:3]={1,NULL,"a \"quoted\" one"}`.
 *
 * Law: what was written reads back the same; a text that nests deeper than any array is refused.
 * Source: array_out and ReadArrayStr, src/backend/utils/adt/arrayfuncs.c
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { TypeCodec } from "./codec.ts";
import { CLOSE_BRACE, OPEN_BRACE, quoted, TextScanner } from "./scanner.ts";

/** MAXDIM, src/include/c.h. */
export const MAX_DIMENSIONS = 6;
const BOUNDS = /^(?:\[[+-]?\d+:[+-]?\d+\])+=/;

/** Reads the server's text form. Throws `DataError` for what is malformed. */
export function read_array_text(text: string, element: TypeCodec, name: string): unknown[] {
  const start = text.startsWith("[") ? BOUNDS.exec(text)?.[0].length ?? 0 : 0;
  const scanner = new TextScanner(text, name, start);
  const items = read_items(scanner, element, 1);
  scanner.end();
  return items;
}

/** Writes a rectangular array that is not empty. Throws as `element_text` does. */
export function write_array_text(array: readonly unknown[], element: TypeCodec): string {
  const items = Array.from(array, (item) => {
    if (item === null) return "NULL";
    if (Array.isArray(item) && !element.is_list) return write_array_text(item, element);
    return quoted(element_text(item, element));
  });
  return `{${items.join(element.delimiter)}}`;
}

/**
 * The text of an element that is not null.
 *
 * @throws {DataError} With the array's rule, if the element breaks its own.
 */
export function element_text(item: unknown, element: TypeCodec): string {
  return part_text(item, element, "must be an array, each element of which");
}

/** The text of a part that is not null; what is wrong with it is told after `whole`. */
export function part_text(part: unknown, codec: TypeCodec, whole: string): string {
  if (part === undefined) throw new DataError(`${whole} must not be undefined`);
  try {
    return codec.encode_text(part);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`${whole} ${error.message}`, { cause: error });
  }
}

function read_items(scanner: TextScanner, element: TypeCodec, depth: number): unknown[] {
  if (depth > MAX_DIMENSIONS) throw scanner.malformed();
  scanner.expect(OPEN_BRACE);
  const items: unknown[] = [];
  if (scanner.skip(CLOSE_BRACE)) return items;
  const delimiter = element.delimiter.charCodeAt(0);
  do items.push(read_item(scanner, element, delimiter, depth)); while (scanner.skip(delimiter));
  scanner.expect(CLOSE_BRACE);
  return items;
}

function read_item(
  scanner: TextScanner,
  element: TypeCodec,
  delimiter: number,
  depth: number,
): unknown {
  if (scanner.next === OPEN_BRACE) return read_items(scanner, element, depth + 1);
  const text = scanner.quoted();
  if (text !== null) return element.decode_text(text);
  const word = scanner.word(delimiter, CLOSE_BRACE);
  if (word === "") throw scanner.malformed();
  return word === "NULL" ? null : element.decode_text(word);
}
