/**
 * The statements behind COPY of a table.
 *
 * @module
 */

import { ProgrammingError } from "../../errors.ts";
import { quote_identifier, quote_literal } from "../../sql/quote.ts";
import { Sql } from "../../sql/template.ts";
import type { CallOptions } from "../base/call_options.ts";

/** How a cursor copies a table. */
export interface CopyTextOptions extends CallOptions {
  /** The columns, in the order of the values. Default: all of the table. */
  readonly columns?: readonly string[] | undefined;
  /** Between values; one byte. Default: a tab. */
  readonly sep?: string | undefined;
  /** What stands for NULL. Default: `\\N`. */
  readonly null?: string | undefined;
}

/** What a COPY in text says of its format. */
export function text_options(options: CopyTextOptions): string {
  const { sep = "\t", null: null_text = "\\N" } = options;
  return ` WITH DELIMITER AS ${quote_literal(sep)} NULL AS ${quote_literal(null_text)}`;
}

/**
 * A table in SQL.
 *
 * @param table Its name, dots and all, which is quoted; or a template, such as
 * `sql.identifier("schema", "table")`, for names of several parts.
 * @throws {ProgrammingError} If it is neither, or cannot be a name.
 */
export function table_sql(table: string | Sql): string {
  if (!(table instanceof Sql)) return quote_identifier(table);
  return without_parameters(table);
}

/** Column names in SQL, in parentheses; empty where none are given. */
export function columns_sql(columns: readonly string[] | null | undefined): string {
  if (columns === undefined || columns === null) return "";
  return ` (${list(columns)})`;
}

/** Selects the columns of a table, or all. */
export function select_sql(
  table: string | Sql,
  columns: readonly string[] | null | undefined,
): string {
  return `select ${columns ? list(columns) : "*"} from ${table_sql(table)}`;
}

/**
 * The query that a table's name, or a query, stands for.
 *
 * @param source A query where it is a template or has a space, else a table's name.
 */
export function query_sql(
  source: string | Sql,
  columns: readonly string[] | null | undefined,
): string {
  if (source instanceof Sql) {
    const text = without_parameters(source);
    return QUALIFIED_NAME.test(text) ? select_sql(source, columns) : text;
  }
  return /\s/.test(source) ? source.replace(/[;\s]+$/, "") : select_sql(source, columns);
}

const QUALIFIED_NAME = /^("([^"]|"")+"\.)*"([^"]|"")+"$/;

function list(columns: readonly string[]): string {
  if (Array.isArray(columns) && columns.length > 0) return columns.map(quote_identifier).join(", ");
  throw new ProgrammingError("cannot copy: columns must be names in an array, and one at least");
}

function without_parameters(template: Sql): string {
  const { text, params } = template.compile();
  if (params.length === 0) return text;
  throw new ProgrammingError(
    `cannot copy: COPY takes no parameters, but the sql template has ${params.length}`,
  );
}
