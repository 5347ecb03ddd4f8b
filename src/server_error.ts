/**
 * An error as the server sent it, made into one that is thrown.
 *
 * Law: the first two letters of the SQLSTATE decide the class, as in psycopg2
 * (so aiopg's `except` clauses keep their meaning); psycopg 3 differs for 26,
 * 34, P0 and others. A code that someone made up is a plain `DatabaseError`.
 *
 * Sources: base_exception_from_sqlstate, psycopg2/psycopg/error_type.c;
 * pqBuildErrorMessage3 and reportErrorPosition, src/interfaces/libpq/fe-protocol3.c
 *
 * @module
 */

import {
  DatabaseError,
  DataError,
  type Diagnostic,
  IntegrityError,
  InternalError,
  NotSupportedError,
  OperationalError,
  type PgErrorInfo,
  ProgrammingError,
  QueryCanceledError,
  TransactionRollbackError,
} from "./errors.ts";

type ErrorType = new (message: string, info: PgErrorInfo) => DatabaseError;

const BY_CLASS: ReadonlyMap<string, ErrorType> = new Map(
  ([
    [["08", "26", "27", "28", "34", "53", "54", "55", "57", "58", "HV"], OperationalError],
    [["0A"], NotSupportedError],
    [["20", "21", "3D", "3F", "42", "44"], ProgrammingError],
    [["22"], DataError],
    [["23"], IntegrityError],
    [["24", "25", "2B", "2D", "2F", "38", "39", "3B", "F0", "P0", "XX"], InternalError],
    [["40"], TransactionRollbackError],
  ] satisfies [string[], ErrorType][]).flatMap(([classes, type]) =>
    classes.map((name): [string, ErrorType] => [name, type])
  ),
);

const QUERY_CANCELED = "57014";
const MAX_WIDTH = 60; // columns of the statement's line to show: DISPLAY_SIZE in libpq
const MIN_RIGHT = 10; // columns to keep right of the caret: MIN_RIGHT_CUT in libpq
/** Code units that certainly fill `MAX_WIDTH` columns, so longer lines need not be measured. */
const WINDOW = 4 * MAX_WIDTH;
const NEWLINE = /\r\n|\r|\n/;
/** Characters that terminals draw two columns wide (East Asian Width W and F, emoji). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/**
 * The error to throw for what the server reported.
 *
 * @param diag All fields of the ErrorResponse.
 * @param query The statement's text as it was sent, for the line with the caret; null where unknown.
 * @param hint What to do about it, where the server does not say.
 */
export function server_error(diag: Diagnostic, query: string | null, hint?: string): DatabaseError {
  return new (error_type(diag.sqlstate))(server_message(diag, query), { diag, query, hint });
}

/**
 * The whole story in the order of psql: the message, the statement's line with
 * a caret under the place, detail, hint, query and context.
 */
export function server_message(diag: Diagnostic, query: string | null): string {
  const lines = [diag.message_primary ?? "the server gave no message"];
  const position = diag.statement_position ?? diag.internal_position;
  const text = diag.statement_position === null ? diag.internal_query : query;
  if (position !== null && text === null) lines[0] += ` at character ${position}`;
  if (position !== null && text !== null) lines.push(...point_at(text, position));
  if (diag.message_detail) lines.push(`DETAIL: ${diag.message_detail}`);
  if (diag.message_hint) lines.push(`HINT: ${diag.message_hint}`);
  if (diag.internal_query) lines.push(`QUERY: ${diag.internal_query}`);
  if (diag.context) lines.push(`CONTEXT: ${diag.context}`);
  return lines.join("\n");
}

function error_type(sqlstate: string | null): ErrorType {
  if (sqlstate === null) return DatabaseError;
  if (sqlstate === QUERY_CANCELED) return QueryCanceledError;
  return BY_CLASS.get(sqlstate.slice(0, 2)) ?? DatabaseError;
}

/** The line that holds the character at `position` (from 1), and a caret under it. */
function point_at(text: string, position: number): string[] {
  const at = offset_of(text, position);
  if (at < 0) return [];
  const lines = text.slice(0, at).split(NEWLINE);
  const rest = text.slice(at, at + WINDOW).split(NEWLINE, 1)[0]!;
  const { left, right } = fit(Array.from(lines.at(-1)!.slice(-WINDOW)), Array.from(rest));
  const before = `LINE ${lines.length}: ${left}`;
  return [(before + right).replaceAll("\t", " "), `${" ".repeat(width(before))}^`];
}

/** Where the character at `position` begins; the server counts characters, not code units. */
function offset_of(text: string, position: number): number {
  let at = 0;
  for (let left = position - 1; left > 0 && at <= text.length; left--) {
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  }
  return position >= 1 && at <= text.length ? at : -1;
}

/** Cuts the characters left and right of the caret to `MAX_WIDTH` columns, first at the right. */
function fit(before: string[], after: string[]): { left: string; right: string } {
  const room = Math.max(MAX_WIDTH - width(before), MIN_RIGHT);
  const right = after.slice(0, columns(after, room));
  const reversed = before.toReversed();
  const left = reversed.slice(0, columns(reversed, MAX_WIDTH - width(right))).toReversed();
  return {
    left: (left.length < before.length ? "..." : "") + left.join(""),
    right: right.join("") + (right.length < after.length ? "..." : ""),
  };
}

/** How many of `characters` fit in `room` columns. */
function columns(characters: readonly string[], room: number): number {
  let used = 0;
  const end = characters.findIndex((character) => (used += width(character)) > room);
  return end < 0 ? characters.length : end;
}

function width(text: Iterable<string>): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}
