/**
 * Tells what of a query stands between quotes or in comments, and finds `%` and `$1` in the rest.
 *
 * Law: it splits text as the server's scanner does, so both see the same quotes.
 *
 * Source: src/backend/parser/scan.l
 *
 * @module
 */

/** How a query's text is to be read. */
export interface ScanOptions {
  /** The server's setting; where it is off, a backslash escapes in every string. Default: true. */
  readonly standard_conforming_strings?: boolean;
}

/** A percent sign, or a parameter such as `$1`. */
export interface Mark {
  /** `%`, or the parameter. */
  readonly text: string;
  /** Where it begins. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** What must be read whole, so that nothing inside is taken for a placeholder, a quote or a comment. */
const TOKEN =
  /[eE]'|['"%]|\$\d+|--|\/\*|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/g;
/** Where none of these is, nothing is quoted and nothing is a comment. */
const QUOTES = /['"$]|--|\/\*/;
const MARK = /^(%|\$\d+)$/;
const STARTS_PLAINLY = /^\w/;
const LINE_END = /[\r\n]|$/g;
const SPACES = /(?:[\s;]|--[^\r\n]*)*/y;
const COMMENT_MARK = /\/\*|\*\//g;
const STRING_MARK = /\\|''?/g;
/** Strings with a line break between are one, which keeps the escapes of the first. */
const CONTINUATION = /[ \t\f\v]*(?:--[^\r\n]*)?[\r\n](?:[ \t\f\v\r\n]|--[^\r\n]*[\r\n])*'/y;

/** The first mark from `at` on, which is itself outside quotes and comments; null if there is none. */
export function next_mark(query: string, at: number, options: ScanOptions): Mark | null {
  const escapes = options.standard_conforming_strings === false;
  for (;;) {
    const match = match_from(TOKEN, query, at);
    if (match === null) return null;
    const text = match[0];
    const start = match.index;
    const end = start + text.length;
    if (MARK.test(text)) return { text, start, end };
    at = end_of_token(query, text, end, escapes);
  }
}

/**
 * The query with a space for each comment, `''` for each string and `""` for each quoted name:
 * what is left means what it says.
 */
export function code_of(query: string, options: ScanOptions = {}): string {
  if (!QUOTES.test(query)) return query;
  const escapes = options.standard_conforming_strings === false;
  let code = "";
  for (let at = 0;;) {
    const match = match_from(TOKEN, query, at);
    if (match === null) return code + query.slice(at);
    const text = match[0];
    const end = end_of_token(query, text, match.index + text.length, escapes);
    code += query.slice(at, match.index) + (stand_in(text) ?? text);
    at = end;
  }
}

/** What is in the strings of a query, as it is written, up to and with the last quote. */
export function* strings_in(query: string): Generator<string> {
  for (let at = 0;;) {
    const match = match_from(TOKEN, query, at);
    if (match === null) return;
    const start = match.index + match[0].length;
    at = end_of_token(query, match[0], start, false);
    if (stand_in(match[0]) === "''") yield query.slice(start, at);
  }
}

/** The query from its first word on, without the spaces, semicolons and comments before. */
export function from_first_word(query: string): string {
  if (STARTS_PLAINLY.test(query)) return query;
  for (let at = 0;;) {
    at += match_from(SPACES, query, at)![0].length;
    if (!query.startsWith("/*", at)) return query.slice(at);
    at = end_of_comment(query, at + 2);
  }
}

/** What stands for a token that begins so; null if it stands for itself. */
function stand_in(token: string): string | null {
  if (token === '"') return '""';
  if (token === "--" || token === "/*") return " ";
  const is_string = token.endsWith("'") || (token.startsWith("$") && token.endsWith("$"));
  return is_string ? "''" : null;
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
