/**
 * How a session is made as good as new without losing its prepared statements.
 *
 * Law: nothing of its user stays: no role, setting, temporary table, sequence
 * cache, advisory lock, LISTEN or cursor. Settings from the start of the session
 * come back. `DISCARD ALL` would drop the prepared statements as well.
 *
 * Source: https://www.postgresql.org/docs/current/sql-discard.html
 *
 * @module
 */

/** `RESET ALL` leaves role and authorization. */
const RESET_SESSION: string = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; " +
  "UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/** To be sent as one simple query, outside a transaction. */
export function reset_sql({ initial_settings }: { readonly initial_settings: string }): string {
  return initial_settings === "" ? RESET_SESSION : `${RESET_SESSION}; ${initial_settings}`;
}
