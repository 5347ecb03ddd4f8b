/**
 * What the tests of what aiopg does have in common.
 *
 * @module
 */

import {
  type Api,
  bind_adapter,
  type Connection,
  type ConnectOptions,
  sql,
  tuple_row,
} from "../../src/entries/core.ts";
import { adapter } from "../adapters/here.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** aiopg's defaults: rows are arrays, and parameters are `%s`. */
export const AIOPG: ConnectOptions = { row_factory: tuple_row, paramstyle: "pyformat" };

/** This runtime's API on real sockets, under a clock that moves only when it is told to. */
export function clocked(): Api & { readonly clock: FakeClock } {
  const clock = new FakeClock();
  return { clock, ...bind_adapter({ ...adapter, clock }) };
}

/** Settles when the session sleeps in `pg_sleep()`: a CancelRequest finds a statement then. */
export async function until_asleep(watcher: Connection, pid: number): Promise<void> {
  const query = sql`select wait_event = 'PgSleep' from pg_stat_activity where pid = ${pid}`;
  while (await watcher.fetchval(query) !== true);
}
