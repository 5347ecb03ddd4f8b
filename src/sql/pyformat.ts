/**
 * psycopg2's parameters (`%s`, `%(name)s`, `%%`) as PostgreSQL's own (`$1`).
 *
 * Law: text between quotes and in comments is left as it is, and a value is
 * never put into the text.
 *
 * Source: https://www.psycopg.org/docs/usage.html#passing-parameters-to-sql-queries
 *
 * @module
 */

import { ProgrammingError } from "../errors.ts";
import { placeholder } from "./placeholder.ts";
import { next_mark, type ScanOptions } from "./scan.ts";

/** Values for `%s` in order, or for `%(name)s` by name. */
export type PyformatParams = readonly unknown[] | object;

/** A query whose placeholders were found: parse once, bind many times. */
export interface PyformatQuery {
  /** The query with `$1`, `$2` and so on. */
  readonly text: string;
  /** How many values `text` takes. */
  readonly count: number;
  /** The names in the order of `$1`, `$2` and so on; null where the query has no `%(name)s`. */
  readonly names: readonly string[] | null;
}

/** A percent sign outside of quotes and comments, and what belongs to it. */
interface Placeholder {
  readonly start: number;
  readonly end: number;
  /** Null for `%s`; undefined for `%%`. */
  readonly name: string | null | undefined;
}

const PLACEHOLDER = /%(?:(%)|s|\(([^)]*)\)s)/y;

/**
 * Finds the placeholders. A `%(name)s` that is repeated is one parameter.
 *
 * @throws {ProgrammingError} If a `%` is neither a placeholder nor `%%`, or if kinds are mixed.
 */
export function parse_pyformat(query: string, options: ScanOptions = {}): PyformatQuery {
  const numbers = new Map<string, number>(); // by name, from 1
  let text = "";
  let copied = 0; // how much of the query is in `text`
  let count = 0;
  for (const { start, end, name } of placeholders(query, options)) {
    text += query.slice(copied, start);
    copied = end;
    if (name === undefined) {
      text += "%";
      continue;
    }
    if (count > 0 && (name === null) !== (numbers.size === 0)) {
      throw misuse("%s and %(name)s must not be mixed", query, start, end);
    }
    const number = (name === null ? undefined : numbers.get(name)) ?? ++count;
    if (name !== null) numbers.set(name, number);
    text += placeholder(number, query.charAt(start - 1), query.charAt(end));
  }
  const names = numbers.size > 0 ? [...numbers.keys()] : null;
  return { text: text + query.slice(copied), count, names };
}

/**
 * The values for `$1`, `$2` and so on.
 *
 * @throws {ProgrammingError} If there are too few or too many, or if they are of the other kind.
 */
export function pyformat_values(query: PyformatQuery, params: PyformatParams): readonly unknown[] {
  if (!Array.isArray(params)) return named_values(query, params);
  const { count, names } = query;
  if (names !== null) {
    throw new ProgrammingError("cannot bind %(name)s: it takes an object, but an array was given");
  }
  if (params.length !== count) {
    throw new ProgrammingError(
      `cannot bind %s number ${Math.min(count, params.length) + 1}: the query has ${count}, ` +
        `but the array has ${params.length}`,
    );
  }
  return params;
}

/**
 * Parses and binds in one go. Without `params` the text stays as it is, and `%` is a percent sign.
 *
 * @throws {ProgrammingError} As `parse_pyformat()` and `pyformat_values()` do.
 */
export function bind_pyformat(
  query: string,
  params: PyformatParams | null | undefined,
  options: ScanOptions = {},
): { readonly text: string; readonly params: readonly unknown[] } {
  if (params === undefined || params === null) return { text: query, params: [] };
  const parsed = parse_pyformat(query, options);
  return { text: parsed.text, params: pyformat_values(parsed, params) };
}

function named_values({ names, count }: PyformatQuery, params: unknown): unknown[] {
  if (typeof params !== "object" || params === null) {
    throw new ProgrammingError(
      `cannot bind parameters: they must be an array or an object, but are of type ${typeof params}`,
    );
  }
  if (names === null && count > 0) {
    throw new ProgrammingError("cannot bind %s: it takes an array, but an object was given");
  }
  return (names ?? []).map((name) => {
    // Own properties only: `%(constructor)s` is a misspelling, not a value.
    const value = Object.hasOwn(params, name)
      ? (params as Record<string, unknown>)[name]
      : undefined;
    if (value !== undefined) return value;
    throw new ProgrammingError(
      `cannot bind %(${name})s: it must have a value, but the object has none under this name`,
    );
  });
}

function* placeholders(query: string, options: ScanOptions): Generator<Placeholder> {
  for (let at = 0;;) {
    const mark = next_mark(query, at, options);
    if (mark === null) return;
    at = mark.end;
    if (mark.text !== "%") continue;
    const found = read_placeholder(query, mark.start);
    yield found;
    at = found.end;
  }
}

function read_placeholder(query: string, start: number): Placeholder {
  PLACEHOLDER.lastIndex = start;
  const match = PLACEHOLDER.exec(query);
  if (match === null) {
    throw misuse("% must be followed by s, (name)s or %", query, start);
  }
  const [whole, percent, name = null] = match;
  return { start, end: start + whole.length, name: percent === undefined ? name : undefined };
}

function misuse(rule: string, query: string, start: number, end = start + 2): ProgrammingError {
  const position = Array.from(query.slice(0, start)).length + 1; // in characters, as the server counts
  return new ProgrammingError(
    `cannot read placeholders: ${rule}, but ${JSON.stringify(query.slice(start, end))} ` +
      `is at character ${position}`,
    { query, hint: "a percent sign itself is written %%" },
  );
}
