/**
 * Connection strings, in both forms that libpq reads: URIs, and keywords with values.
 *
 * Law: no error shows any of the text, for a password may be anywhere in it.
 * URIs are read as libpq reads them and not as the Web does: `new URL()` knows
 * one host only.
 *
 * Source: conninfo_parse and conninfo_uri_parse_options,
 * src/interfaces/libpq/fe-connect.c of PostgreSQL 18
 *
 * @module
 */

import { InterfaceError } from "../../errors.ts";
import { keyword } from "./keywords.ts";

const SOURCE = "the dsn";
const URI_HINT = "in a URI, write @ / ? : # % and spaces of names and passwords as %40 and so on";
const TEXT_HINT =
  "a dsn is a URI, postgres://..., or name=value text, with quotes as in name='a b'";
const URI = /^postgres(?:ql)?:\/\//;
const ANY_URI = /^[A-Za-z][\w+.-]*:\/\//;
/** A host or an IPv6 address in brackets, and a port. */
const NETLOC = /(?:\[([^\]]+)\]|((?!\[)[^:/?,]*))(?::([^/?,]*))?/y;
/** A keyword and its value, bare or in quotes; white space is C's `isspace`. */
const PAIR =
  /([^= \t-\r]*)[ \t-\r]*=[ \t-\r]*(?:'((?:[^'\\]|\\[^])*)'|(?!')((?:[^\\ \t-\r]|\\[^]?)*))/y;
const BLANK = /[ \t-\r]*/y;

/**
 * The parameters of a connection string by name. The last of equal names wins.
 *
 * @throws {InterfaceError} If it is malformed, or has an unknown parameter.
 */
export function parse_dsn(dsn: string): Map<string, string> {
  if (dsn.includes("\0")) throw malformed("must not contain a NUL", "does");
  const prefix = URI.exec(dsn);
  if (prefix !== null) return parse_uri(dsn.slice(prefix[0].length));
  if (!ANY_URI.test(dsn)) return parse_keywords(dsn);
  throw malformed("must begin with postgres:// or postgresql://", "begins otherwise", TEXT_HINT);
}

/** Parameters as `name=value` text, quoted where need be. */
export function format_dsn(values: Iterable<readonly [string, string]>): string {
  return Array.from(values, ([name, value]) => {
    const is_plain = /^[^'\\ \t-\r]+$/.test(value);
    return `${name}=${is_plain ? value : `'${value.replace(/['\\]/g, "\\$&")}'`}`;
  }).join(" ");
}

function parse_uri(uri: string): Map<string, string> {
  const values = new Map<string, string>();
  const at_sign = uri.search(/[@/]/); // the first of both
  const has_user = uri[at_sign] === "@";
  if (has_user) read_user(uri.slice(0, at_sign), values);
  let at = read_hosts(uri, has_user ? at_sign + 1 : 0, values);
  if (uri[at] === "/") {
    const end = `${uri}?`.indexOf("?", at);
    put(values, "dbname", uri.slice(at + 1, end));
    at = end;
  }
  // Without a user, an @ in the rest hints at a password with a / or ? that was not escaped.
  read_parameters(uri.slice(at + 1), values, has_user || !uri.includes("@"));
  return values;
}

function read_user(text: string, values: Map<string, string>): void {
  const colon = `${text}:`.indexOf(":");
  put(values, "user", text.slice(0, colon));
  put(values, "password", text.slice(colon + 1));
}

/** Reads hosts and ports between commas; returns where they end. */
function read_hosts(uri: string, from: number, values: Map<string, string>): number {
  const hosts: string[] = [];
  const ports: string[] = [];
  for (let at = from;; at++) {
    const [whole, address, name, port] = match_at(NETLOC, uri, at) ?? [""];
    hosts.push(address ?? name ?? "");
    ports.push(port ?? "");
    at += whole.length;
    if (uri[at] === ",") continue;
    if (at < uri.length && uri[at] !== "/" && uri[at] !== "?") {
      throw malformed("must have an IPv6 address in [], then a port or /", "has not");
    }
    put(values, "host", hosts.join(","));
    put(values, "port", ports.join(","));
    return at;
  }
}

function read_parameters(query: string, values: Map<string, string>, show: boolean): void {
  // An & may stand at the end.
  const pairs = query === "" ? [] : query.replace(/&$/, "").split("&");
  for (const pair of pairs) {
    const parts = pair.split("=");
    if (parts.length !== 2) throw malformed("must have one = in each parameter after ?", "has not");
    const [name, value] = parts.map(decode) as [string, string];
    const is_jdbc = name === "ssl" && value === "true";
    if (is_jdbc) values.set("sslmode", "require");
    else store(values, name, value, show && !values.has("password")); // a & may have been part of it
  }
}

function parse_keywords(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = after_blanks(text, 0); at < text.length; at = after_blanks(text, PAIR.lastIndex)) {
    const match = match_at(PAIR, text, at);
    if (match === null) {
      throw malformed("must have = after each name and end its quotes", "has not", TEXT_HINT);
    }
    const [, name, quoted, bare = ""] = match;
    store(values, name!, (quoted ?? bare).replace(/\\([^]?)/g, "$1"), true);
  }
  return values;
}

/** Empty parts of a URI count as not given. */
function put(values: Map<string, string>, name: string, text: string): void {
  if (text !== "") values.set(name, decode(text));
}

function store(values: Map<string, string>, name: string, value: string, show: boolean): void {
  // As in libpq, for old strings.
  if (name === "requiressl") values.set("sslmode", value.startsWith("1") ? "require" : "prefer");
  else values.set(keyword(name, SOURCE, true, show), value);
}

/** Percent-decodes; `+` is itself. Blanks around are dropped, those inside must be `%20`. */
function decode(text: string): string {
  const trimmed = text.replace(/^ +/, "").replace(/ +$/, "");
  if (trimmed.includes(" ")) throw malformed("must have %20 for a space", "has a space");
  if (trimmed.includes("%00")) throw malformed("must not contain a NUL", "does");
  try {
    return decodeURIComponent(trimmed);
  } catch {
    throw malformed("must have UTF-8 in two hexadecimal digits after each %", "has not");
  }
}

function after_blanks(text: string, at: number): number {
  return at + match_at(BLANK, text, at)![0].length;
}

function match_at(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function malformed(rule: string, fact: string, hint: string = URI_HINT): InterfaceError {
  return new InterfaceError(`cannot read ${SOURCE}: it ${rule}, but ${fact}`, { hint });
}
