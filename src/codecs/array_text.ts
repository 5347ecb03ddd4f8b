/**
 * The text form of arrays: `[2:3]={1,NULL,"a \"quoted\" one"}`.
 *
 * Law: what was written reads back the same; a text of any depth is refused before the stack is at risk.
 * Source: array_out and ReadArrayStr, src/backend/utils/adt/arrayfuncs.c
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { malformed } from "./check.ts";
import type { TypeCodec } from "./codec.ts";

const MAX_DIMENSIONS = 6; // MAXDIM, src/include/c.h
const BOUNDS = /^(?:\[[+-]?\d+:[+-]?\d+\])+=/;
/** What needs no quotes, whatever the delimiter; `NULL` does. */
const PLAIN = /^(?!null$)[\w.+-]+$/i;
const OPEN = 0x7b; // {
const CLOSE = 0x7d; // }
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Reads the server's text form. Throws `DataError` for what is malformed. */
export function read_array_text(text: string, element: TypeCodec, name: string): unknown[] {
  const start = BOUNDS.exec(text)?.[0].length ?? 0;
  const reader = new ArrayTextReader(text, start, element, name);
  const items = reader.array(1);
  reader.end();
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
  if (item === undefined) throw new DataError("must be an array with no element undefined");
  try {
    return element.encode_text(item);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`must be an array, each element of which ${error.message}`, {
      cause: error,
    });
  }
}

function quoted(text: string): string {
  return PLAIN.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Walks over one text. */
class ArrayTextReader {
  readonly #text: string;
  readonly #element: TypeCodec;
  readonly #name: string;
  readonly #delimiter: number;
  #at: number;

  constructor(text: string, start: number, element: TypeCodec, name: string) {
    this.#text = text;
    this.#at = start;
    this.#element = element;
    this.#name = name;
    this.#delimiter = element.delimiter.charCodeAt(0);
  }

  /** One array, from its opening brace to its closing one. */
  array(depth: number): unknown[] {
    if (depth > MAX_DIMENSIONS || this.#text.charCodeAt(this.#at++) !== OPEN) {
      throw this.#malformed();
    }
    const items: unknown[] = [];
    if (this.#text.charCodeAt(this.#at) === CLOSE) {
      this.#at++;
      return items;
    }
    for (;;) {
      items.push(this.#item(depth));
      const next = this.#text.charCodeAt(this.#at++);
      if (next === CLOSE) return items;
      if (next !== this.#delimiter) throw this.#malformed();
    }
  }

  /** Refuses what is left over. */
  end(): void {
    if (this.#at !== this.#text.length) throw this.#malformed();
  }

  #item(depth: number): unknown {
    const first = this.#text.charCodeAt(this.#at);
    if (first === OPEN) return this.array(depth + 1);
    if (first === QUOTE) return this.#element.decode_text(this.#quoted());
    const start = this.#at;
    while (!this.#ends(this.#text.charCodeAt(this.#at))) this.#at++;
    const word = this.#text.slice(start, this.#at);
    if (word === "") throw this.#malformed();
    return word === "NULL" ? null : this.#element.decode_text(word);
  }

  #ends(code: number): boolean {
    return code === this.#delimiter || code === CLOSE || Number.isNaN(code);
  }

  /** A text in quotes, in which a backslash stands before what is meant literally. */
  #quoted(): string {
    const start = ++this.#at;
    let has_escape = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at++);
      if (code === QUOTE) break;
      if (Number.isNaN(code)) throw this.#malformed();
      if (code !== BACKSLASH) continue;
      has_escape = true;
      this.#at++;
    }
    const text = this.#text.slice(start, this.#at - 1);
    return has_escape ? text.replace(/\\(.)/gs, "$1") : text;
  }

  #malformed(): DataError {
    return malformed(this.#name, "the text is not that of an array");
  }
}
