/**
 * psycopg2's parameters (`%s`, `%(name)s`, `%%`) as PostgreSQL's own (`$1`).
 *
 * Law: text between quotes and in comments is left as it is, and a value is
 * never put into the text. The scanner splits text as the server's does, so
 * both see the same quotes.
 *
 * Source: https://www.psycopg.org/docs/usage.html#passing-parameters-to-sql-queries
 * and src/backend/parser/scan.l
 *
 * @module
 */

import { ProgrammingError } from "../errors.ts";
import { placeholder } from "./placeholder.ts";

/** Values for `%s` in order, or for `%(name)s` by name. */
export type PyformatParams = readonly unknown[] | Readonly<Record<string, unknown>>;

/** How the text is to be read. */
export interface PyformatOptions {
  /** The server's setting; where it is off, a backslash escapes in every string. Default: true. */
  readonly standard_conforming_strings?: boolean;
}

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

/** What must be read whole, so that nothing inside is taken for a placeholder, a quote or a comment. */
const TOKEN =
  /[eE]'|['"%]|--|\/\*|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/g;
const PLACEHOLDER = /%(?:(%)|s|\(([^)]*)\)s)/y;
const LINE_END = /[\r\n]|$/g;
const COMMENT_MARK = /\/\*|\*\//g;
const STRING_MARK = /\\|''?/g;
/** Strings with a line break between are one, which keeps the escapes of the first. */
const CONTINUATION = /[ \t\f\v]*(?:--[^\r\n]*)?[\r\n](?:[ \t\f\v\r\n]|--[^\r\n]*[\r\n])*'/y;

/**
 * Finds the placeholders. A `%(name)s` that is repeated is one parameter.
 *
 * @throws {ProgrammingError} If a `%` is neither a placeholder nor `%%`, or if kinds are mixed.
 */
export function parse_pyformat(query: string, options: PyformatOptions = {}): PyformatQuery {
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
      `cannot bind parameters: the query has ${count} %s, but the array has ${params.length}`,
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
  options: PyformatOptions = {},
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

function* placeholders(query: string, options: PyformatOptions): Generator<Placeholder> {
  const escapes = options.standard_conforming_strings === false;
  for (let at = 0;;) {
    const match = match_from(TOKEN, query, at);
    if (match === null) return;
    const token = match[0];
    const start = match.index;
    if (token !== "%") {
      at = end_of_token(query, token, start + token.length, escapes);
      continue;
    }
    const found = read_placeholder(query, start);
    yield found;
    at = found.end;
  }
}

function read_placeholder(query: string, start: number): Placeholder {
  const match = match_from(PLACEHOLDER, query, start);
  if (match === null) {
    throw misuse("% must be followed by s, (name)s or %", query, start);
  }
  const [whole, percent, name = null] = match;
  return { start, end: start + whole.length, name: percent === undefined ? name : undefined };
}

/** Where the token ends that begins with `token` and goes on at `at`. */
function end_of_token(query: string, token: string, at: number, escapes: boolean): number {
  switch (token) {
    case "'":
      // A doubled quote ends one string and begins the next, to the same effect.
      return escapes ? end_of_escapes(query, at) : end_after(query, "'", at);
    case "e'":
    case "E'":
      return end_of_escapes(query, at);
    case '"':
      return end_after(query, '"', at);
    case "--":
      return match_from(LINE_END, query, at)!.index;
    case "/*":
      return end_of_comment(query, at);
    default: // a dollar quote, or a word
      return token.startsWith("$") ? end_after(query, token, at) : at;
  }
}

function end_after(query: string, closing: string, at: number): number {
  const index = query.indexOf(closing, at);
  return index < 0 ? query.length : index + closing.length;
}

function end_of_escapes(query: string, from: number): number {
  for (let at = from;;) {
    const mark = match_from(STRING_MARK, query, at);
    if (mark === null) return query.length;
    at = STRING_MARK.lastIndex;
    if (mark[0] === "\\") at++; // whatever it escapes
    if (mark[0] !== "'") continue;
    const continuation = match_from(CONTINUATION, query, at);
    if (continuation === null) return at;
    at += continuation[0].length;
  }
}

function end_of_comment(query: string, from: number): number {
  let at = from;
  for (let depth = 1; depth > 0;) {
    const mark = match_from(COMMENT_MARK, query, at);
    if (mark === null) return query.length;
    at = COMMENT_MARK.lastIndex;
    depth += mark[0] === "/*" ? 1 : -1;
  }
  return at;
}

/** Searches from `at` where `pattern` has the flag g, and matches only there where it has y. */
function match_from(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function misuse(rule: string, query: string, start: number, end = start + 2): ProgrammingError {
  const position = Array.from(query.slice(0, start)).length + 1; // in characters, as the server counts
  return new ProgrammingError(
    `cannot read placeholders: ${rule}, but ${JSON.stringify(query.slice(start, end))} ` +
      `is at character ${position}`,
    { query, hint: "a percent sign itself is written %%" },
  );
}
