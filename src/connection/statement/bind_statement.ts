/**
 * From what a user passes to native SQL text and an array of values.
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";
import {
  bind_pyformat,
  parse_pyformat,
  pyformat_values,
  type PyformatParams,
} from "../../sql/pyformat.ts";
import type { ScanOptions } from "../../sql/scan.ts";
import { Sql } from "../../sql/template.ts";
import type { Params } from "../base/call_options.ts";

/** A statement with `$n` placeholders. */
export interface BoundStatement {
  /** Its text. */
  readonly text: string;
  /** Values of `$1` on; where there are none, there may be several statements. */
  readonly values: readonly unknown[];
}

/**
 * Brings any form of query and parameters to the native one.
 *
 * @param options How the session reads a query.
 * @throws {ProgrammingError} If they are of the wrong kind, or do not fit each other.
 */
export function bind_statement(
  query: string | Sql,
  params: Params,
  paramstyle: "native" | "pyformat",
  options: ScanOptions,
): BoundStatement {
  const without_params = params === undefined || params === null;
  if (query instanceof Sql) {
    if (!without_params && !is_empty(params)) {
      throw new ProgrammingError("cannot bind params: a sql template brings its own", {
        hint: OPTIONS_HINT,
      });
    }
    const { text, params: values } = query.compile();
    return { text, values };
  }
  query_text(query);
  if (without_params) return { text: query, values: [] };
  if (paramstyle === "pyformat") {
    const bound = bind_pyformat(query, params as PyformatParams, options);
    if (bound.params.length === 0 && are_options(params)) {
      throw new ProgrammingError(
        "cannot bind params: the query takes none, but has options there",
        {
          hint: OPTIONS_HINT,
        },
      );
    }
    return { text: bound.text, values: bound.params };
  }
  return { text: query, values: native_values(params) };
}

/**
 * The text of any form of query.
 *
 * @throws {ProgrammingError} If it is none.
 */
export function query_text(query: string | Sql): string {
  if (query instanceof Sql) return query.compile().text;
  if (typeof query === "string") return query;
  throw new ProgrammingError(
    `cannot execute: the query must be a string or a sql template, but is of type ${typeof query}`,
  );
}

/** A statement to be run with many sets of parameters. */
export interface BoundMany {
  /** Its text, with `$n` placeholders. */
  readonly text: string;
  /** Values of `$1` on, of one set. Throws as `bind_statement()` does. */
  values_of(params: Params): readonly unknown[];
}

/**
 * Brings any form of query to the native one, for many sets of parameters.
 *
 * @param options As for `bind_statement()`.
 * @throws {ProgrammingError} If it brings parameters of its own.
 */
export function bind_many(
  query: string | Sql,
  paramstyle: "native" | "pyformat",
  options: ScanOptions,
): BoundMany {
  if (query instanceof Sql) {
    const { text, params } = query.compile();
    if (params.length === 0) return { text, values_of: native_values };
    throw new ProgrammingError(
      "cannot bind sets of parameters: the sql template must have no values, but has " +
        params.length,
      { hint: "write $1, $2 and so on with sql.raw()" },
    );
  }
  if (paramstyle === "native") return { text: query, values_of: native_values };
  const parsed = parse_pyformat(query, options);
  return {
    text: parsed.text,
    values_of: (params) => pyformat_values(parsed, params as PyformatParams),
  };
}

function native_values(params: Params): readonly unknown[] {
  if (Array.isArray(params)) return params;
  const fact = typeof params === "object" && params !== null ? "an object" : kind_of(params);
  throw new ProgrammingError(`cannot bind params: they must be an array, but are ${fact}`, {
    hint: are_options(params) ? OPTIONS_HINT : 'for %(name)s use paramstyle: "pyformat"',
  });
}

const OPTIONS_HINT = "options are the third argument, behind the params: an array, or null";
const OPTIONS: ReadonlySet<string> = new Set(["timeout", "signal", "row_factory", "codecs"]);

/** Whether options were given in place of parameters. */
function are_options(params: Params): boolean {
  if (typeof params !== "object" || params === null) return false;
  const names = Object.keys(params);
  return names.length > 0 && names.every((name) => OPTIONS.has(name));
}

function is_empty(params: Params): boolean {
  return Array.isArray(params) && params.length === 0;
}
