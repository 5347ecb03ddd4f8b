/**
 * The server's sessions, as tests look for them and end them.
 *
 * Law: by what they do, wherever that tells; a pid is asked of the server, since behind a pooler
 * `get_backend_pid()` is a number of the pooler's own.
 *
 * Source: https://www.postgresql.org/docs/18/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
 *
 * @module
 */

import type { Queryable } from "../../mod.ts";

const OTHERS =
  "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

/** The server process that answers now. Without a pooler in between it stays the same. */
export async function server_pid(on: Queryable): Promise<number> {
  return (await on.fetchval<number>("select pg_backend_pid()"))!;
}

/** Settles when a session of this database sleeps in `pg_sleep()`: a CancelRequest finds a statement then. */
export async function until_asleep(watcher: Queryable): Promise<void> {
  const asleep = `select 1 ${OTHERS} and wait_event = 'PgSleep'`;
  while (await watcher.fetchval(asleep) !== 1);
}

/** Ends every other session of this database that is amid a statement or a transaction, and waits for one. */
export async function kill_busy(killer: Queryable): Promise<void> {
  const kill = `select pg_terminate_backend(pid, 5000) ${OTHERS} and state <> 'idle'`;
  while (await killer.fetchval(kill) !== true);
}
