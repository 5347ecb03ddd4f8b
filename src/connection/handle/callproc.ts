/**
 * The statement that calls a function by its name.
 *
 * Law: the name is read as SQL reads it (folded to lower case where it is not
 * quoted), and only a name passes.
 *
 * Source: https://www.postgresql.org/docs/current/sql-syntax-calling-funcs.html
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";
import { quote_qualified } from "../../sql/quote.ts";
import { type Sql, sql } from "../../sql/template.ts";
import type { Params } from "../base/call_options.ts";

/** One part of a name, with the dot or the end behind it. */
const PART = /("(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)(\.|$)/y;

/**
 * `select * from name($1, ...)`.
 *
 * @param params Arguments in their order, or by name: values, or `sql` fragments, such as with a cast.
 * @throws {ProgrammingError} If `name` is not one.
 */
export function call_statement(name: string, params: Params): Sql {
  const called = sql.raw(quote_qualified(...parts_of(name)));
  return sql`select * from ${called}(${sql.join(arguments_of(params))})`;
}

function arguments_of(params: Params): Iterable<unknown> {
  if (params === undefined || params === null) return [];
  if (Array.isArray(params)) return params;
  if (typeof params !== "object" || Symbol.iterator in params) { // a Map, say
    const fact = kind_of(params);
    throw new ProgrammingError(
      `cannot bind params: they must be an array, or an object of them by name, but are ${fact}`,
    );
  }
  return Object.entries(params).map(([name, value]) => sql`${sql.identifier(name)} => ${value}`);
}

function parts_of(name: string): string[] {
  if (typeof name !== "string") throw no_name(kind_of(name));
  const parts: string[] = [];
  PART.lastIndex = 0;
  for (let more = "."; more === ".";) {
    const match = PART.exec(name);
    if (match === null) throw no_name(JSON.stringify(name));
    parts.push(unquote(match[1]!));
    more = match[2]!;
  }
  return parts;
}

function no_name(fact: string): ProgrammingError {
  return new ProgrammingError(`cannot call the function: it must be a name, but is ${fact}`);
}

/** Folds as the server does with UTF-8: ASCII only. */
function unquote(part: string): string {
  if (part.startsWith('"')) return part.slice(1, -1).replaceAll('""', '"');
  return part.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
