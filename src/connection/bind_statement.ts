/**
 * From what a user passes to native SQL text and an array of values.
 *
 * @module
 */

import { ProgrammingError } from "../errors.ts";
import { bind_pyformat, type PyformatParams } from "../sql/pyformat.ts";
import { Sql } from "../sql/template.ts";
import type { Params } from "./queryable.ts";

/** A statement with `$n` placeholders. */
export interface BoundStatement {
  /** Its text. */
  readonly text: string;
  /** Values of `$1` on; null: none were passed, so there may be several statements. */
  readonly values: readonly unknown[] | null;
}

/**
 * Brings any form of query and parameters to the native one.
 *
 * @throws {ProgrammingError} If they are of the wrong kind, or do not fit each other.
 */
export function bind_statement(
  query: string | Sql,
  params: Params,
  paramstyle: "native" | "pyformat",
): BoundStatement {
  const without_params = params === undefined || params === null;
  if (query instanceof Sql) {
    if (!without_params) {
      throw new ProgrammingError("cannot bind params: a sql template brings its own");
    }
    const { text, params: values } = query.compile();
    return { text, values };
  }
  if (typeof query !== "string") {
    throw new ProgrammingError(
      `cannot execute: the query must be a string or a sql template, but is of type ${typeof query}`,
    );
  }
  if (without_params) return { text: query, values: null };
  if (paramstyle === "pyformat") {
    const bound = bind_pyformat(query, params as PyformatParams);
    return { text: bound.text, values: bound.params };
  }
  if (Array.isArray(params)) return { text: query, values: params };
  throw new ProgrammingError("cannot bind params: they must be an array, but are an object", {
    hint: 'for %(name)s use paramstyle: "pyformat"',
  });
}
