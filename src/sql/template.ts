/**
 * The `sql` tag: queries from parts, with every value bound.
 *
 * ```ts ignore
 * const recent = sql`created > ${since}`;
 * const query = sql<User>`select * from ${sql.identifier("users")} where ${recent}`;
 * await pool.fetchall(query); // select * from "users" where created > $1
 * ```
 *
 * Law: a value becomes a parameter, whatever it is. Only `sql.identifier()`,
 * which quotes, and `sql.raw()`, which is named for it, put text into a query.
 *
 * @module
 */

import { ProgrammingError } from "../errors.ts";
import { MAX_PARAMETERS } from "../protocol/frontend.ts";
import { placeholder } from "./placeholder.ts";
import { quote_qualified } from "./quote.ts";

/** A query as the server takes it. */
export interface CompiledSql {
  /** The text, with `$1`, `$2` and so on. */
  readonly text: string;
  /** The values of `$1`, `$2` and so on. */
  readonly params: readonly unknown[];
}

/**
 * A query or a part of one, made by `sql`. Immutable: it may be used any number
 * of times, also within one query. `Row` is what the caller says its rows are.
 */
export class Sql<Row = unknown> {
  /** Carries `Row` for the compiler; never set. */
  declare readonly row?: Row;
  readonly #texts: readonly string[]; // around the values: one more than there are
  readonly #values: readonly unknown[];
  #compiled: CompiledSql | null = null;

  /**
   * Use `sql` instead.
   *
   * @param texts What stands around the values: one more than there are.
   * @param values Values to bind, and parts to insert.
   */
  constructor(texts: readonly string[], values: readonly unknown[]) {
    const flat_texts: string[] = [];
    const flat_values: unknown[] = [];
    let text = texts[0]!;
    const add = (value: unknown) => {
      flat_texts.push(text);
      flat_values.push(value);
      text = "";
    };
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!(value instanceof Sql)) add(value);
      else {
        for (let j = 0; j < value.#values.length; j++) {
          text += value.#texts[j]!;
          add(value.#values[j]);
        }
        text += value.#texts[value.#values.length]!;
      }
      text += texts[i + 1]!;
    }
    flat_texts.push(text);
    this.#texts = flat_texts;
    this.#values = flat_values;
  }

  /**
   * Numbers the parameters.
   *
   * @throws {ProgrammingError} If there are more than 65,535, which the protocol cannot count.
   */
  compile(): CompiledSql {
    this.#compiled ??= compile(this.#texts, this.#values);
    return this.#compiled;
  }
}

/** What `sql` can do. */
export interface SqlTag {
  /**
   * A query: parts made by `sql` are inserted, all other values are bound. `Row` is what its rows
   * are, for the compiler; any object where nothing is said.
   */
  // deno-lint-ignore no-explicit-any -- which types a statement returns is not known to the compiler
  <Row = Record<string, any>>(texts: TemplateStringsArray, ...values: readonly unknown[]): Sql<Row>;

  /**
   * A quoted name: `identifier("public", "users")` is `"public"."users"`.
   *
   * @throws {ProgrammingError} If a part is empty, or not text that the server can store.
   */
  identifier(...parts: readonly string[]): Sql;

  /**
   * Parts, or values to bind, with a separator between. None give an empty part.
   *
   * @param separator Default: a comma and a space.
   * @throws {ProgrammingError} If the separator was not made by `sql`.
   */
  join(parts: Iterable<unknown>, separator?: Sql): Sql;

  /**
   * Rows for `insert` or `from`, without the keyword: `($1, $2), ($3, $4)`. A part
   * made by `sql`, such as `default`, may stand for a value.
   *
   * @throws {ProgrammingError} If there are no rows, or rows of different or no length.
   */
  values(rows: Iterable<readonly unknown[]>): Sql;

  /**
   * Text that becomes part of the query as it is. Never pass it what a user
   * sent, nor `$1` and its kin, which are numbered here.
   *
   * @throws {ProgrammingError} If `text` is not a string.
   */
  // deno-lint-ignore no-explicit-any -- as above
  raw<Row = Record<string, any>>(text: string): Sql<Row>;
}

/** Makes queries from template literals; see `SqlTag`. */
export const sql: SqlTag = Object.assign(tag, { identifier, join, values, raw });

const COMMA = new Sql([", "], []);

function tag<Row>(texts: TemplateStringsArray, ...values: readonly unknown[]): Sql<Row> {
  // Only template literals have `raw`: nothing that came as JSON passes for one.
  if (!Array.isArray(texts) || !Array.isArray(texts.raw)) {
    throw new ProgrammingError("cannot make a query: sql must be a tag, but was called", {
      hint: "write sql`...`, or sql.raw(text) for a text that is trusted",
    });
  }
  if (texts.includes(undefined as never)) {
    throw new ProgrammingError(
      "cannot make a query: its escapes must be JavaScript's, but one is not",
      {
        hint: "write a backslash as \\\\",
      },
    );
  }
  return new Sql(texts, values);
}

function identifier(...parts: readonly string[]): Sql {
  return new Sql([quote_qualified(...parts)], []);
}

function join(parts: Iterable<unknown>, separator: Sql = COMMA): Sql {
  if (!(separator instanceof Sql)) {
    throw new ProgrammingError(
      `cannot join: the separator must be made by sql, but is of type ${typeof separator}`,
    );
  }
  check_iterable("join: the parts", parts);
  const members: unknown[] = [];
  for (const part of parts) {
    if (members.length > 0) members.push(separator);
    members.push(part);
  }
  return new Sql(Array(members.length + 1).fill(""), members);
}

function values(rows: Iterable<readonly unknown[]>): Sql {
  check_iterable("make sql.values(): the rows", rows);
  const lists: Sql[] = [];
  let width: number | null = null;
  for (const row of rows) {
    if (!Array.isArray(row) || row.length === 0) {
      throw bad_rows("a row must be an array with a value", `row ${lists.length + 1} is not`);
    }
    width ??= row.length;
    if (row.length !== width) {
      throw bad_rows(
        `all rows must have ${width} values`,
        `row ${lists.length + 1} has ${row.length}`,
      );
    }
    lists.push(new Sql(["(", ")"], [join(row)]));
  }
  if (width === null) throw bad_rows("there must be a row", "there is none");
  return join(lists);
}

function check_iterable(what: string, parts: unknown): void {
  if (typeof (parts as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] === "function") return;
  throw new ProgrammingError(`cannot ${what} must be an iterable, but are of type ${typeof parts}`);
}

function raw<Row>(text: string): Sql<Row> {
  if (typeof text === "string") return new Sql([text], []);
  throw new ProgrammingError(
    `cannot use raw SQL: it must be a string, but is of type ${typeof text}`,
  );
}

function compile(texts: readonly string[], params: readonly unknown[]): CompiledSql {
  if (params.length > MAX_PARAMETERS) {
    throw new ProgrammingError(
      `cannot bind a query: it must have at most ${MAX_PARAMETERS} parameters, but has ${params.length}`,
      { hint: "pass arrays and use unnest(), or use executemany() or copy_records_from()" },
    );
  }
  let text = texts[0]!;
  for (let index = 1; index < texts.length; index++) {
    const after = texts[index]!;
    const before = texts[index - 1]!;
    text += placeholder(index, before.charAt(before.length - 1), after.charAt(0)) + after;
  }
  return { text, params };
}

function bad_rows(rule: string, fact: string): ProgrammingError {
  return new ProgrammingError(`cannot make sql.values(): ${rule}, but ${fact}`);
}
