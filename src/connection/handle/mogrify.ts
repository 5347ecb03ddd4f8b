/**
 * A query with its values in it, for eyes and for statements that take no parameters.
 *
 * Law: the server quotes, so what it reads is what it was given. Values keep the
 * types that the query infers for them, as a quoted constant has none of its own.
 *
 * @module
 */

import { scalar_row } from "../../rows/factories.ts";
import { next_mark } from "../../sql/scan.ts";
import type { CallOptions } from "../base/call_options.ts";
import type { Session } from "../session/session.ts";
import { DescribeExchange } from "../statement/describe.ts";
import { check_parameter_count, check_parameters, needs_types } from "../statement/parameters.ts";
import { QueryExchange } from "../statement/query.ts";
import type { Result } from "../statement/result.ts";
import { StatementCache } from "../statement/statements.ts";
import { unexpected } from "../wire/exchange.ts";

/** How long it may take. */
type Call = CallOptions & { readonly timeout: number };

/**
 * Puts `values` into `query` as quoted constants.
 *
 * @param query With `$1`, `$2` and so on.
 * @throws {ProgrammingError} If the values do not fit the query.
 */
export async function mogrify(
  session: Session,
  query: string,
  values: readonly unknown[],
  call: Call,
): Promise<string> {
  const marks = parameters_in(session, query);
  check_parameters(values);
  check_parameter_count(Math.max(0, ...marks.map(({ number }) => number)), values.length);
  if (values.length === 0) return query;
  const constants = await quote(session, query, values, call);
  let text = "";
  let copied = 0;
  for (const { number, start, end } of marks) {
    text += query.slice(copied, start) + constants[number - 1]!;
    copied = end;
  }
  return text + query.slice(copied);
}

interface Parameter {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

function parameters_in(session: Session, query: string): Parameter[] {
  const found: Parameter[] = [];
  for (let at = 0;;) {
    const mark = next_mark(query, at, session.text_form);
    if (mark === null) return found;
    at = mark.end;
    if (mark.text === "%") continue;
    found.push({ number: Number(mark.text.slice(1)), start: mark.start, end: mark.end });
  }
}

/** Only values that have no text of their own need the types that the query infers. */
async function quote(
  session: Session,
  query: string,
  values: readonly unknown[],
  call: Call,
): Promise<string[]> {
  const typed = needs_types(values) || session.context.types.has_codecs;
  const calls = values.map((_, i) =>
    `pg_catalog.format('%L', $${i + 1}${typed ? "" : "::pg_catalog.text"})`
  );
  const sql = `select array[${calls.join(", ")}]`;
  const statements = new StatementCache(1, false);
  const context = session.context.with_statements(statements); // which the session does not keep
  if (typed) {
    const { parameter_oids } = await session.run(new DescribeExchange(context, query), call);
    check_parameter_count(parameter_oids!.length, values.length);
    const { types } = context;
    const statement = statements.use(statements.get(sql, types), types);
    statement.set_parameters(parameter_oids!, types.registry);
  }
  const exchange = new QueryExchange(context, sql, values, scalar_row);
  const { rows }: Result<string[]> = await session.run(exchange, call);
  if (rows[0]?.length === values.length) return rows[0];
  throw unexpected("other rows than were asked for");
}
