/**
 * An exchange that is never run, and never garbage.
 *
 * Why: V8 forgets the shape of a class's objects when it collects garbage while there are none. Where
 * that happens a few times with few of them in between, as between large results or in a process that
 * has little to do at first, it makes all later ones the slow way: a query took 7 µs more, for good.
 *
 * @module
 */

import { scalar_row } from "../../rows/factories.ts";
import { QueryExchange } from "./query.ts";
import { QueryContext, type StatementSession } from "./query_context.ts";
import { StatementCache } from "./statements.ts";
import { TextForm } from "./text_form.ts";
import { TypeCatalog } from "./type_catalog.ts";

/** Nothing of a session is asked for. */
const NO_SESSION = {
  statements: new StatementCache(0, false),
  text_form: new TextForm(new Map()),
} as StatementSession;

/** To be held by what runs exchanges. */
export const SPARE: QueryExchange<unknown> = new QueryExchange(
  new QueryContext(NO_SESSION, new TypeCatalog({})),
  "",
  [],
  scalar_row,
);
