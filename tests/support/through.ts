/**
 * What stands between the tests and the server that they share: nothing, or a pooler.
 *
 * Law: a test that cannot hold through a pooler says so by what it needs, as in
 * `it_where(keeps_sessions, ...)`; no test expects something else there.
 *
 * Source: https://www.pgbouncer.org/features.html
 *
 * @module
 */

import process from "node:process";

const { POOLER_URL, POOL_MODE } = process.env;

/** Where the pooler is, and what its clients have to say of it; undefined where there is none. */
export const pooler_url: string | undefined = POOLER_URL;

/**
 * Whether it is the server that one speaks to. A pooler has pids, keys, startup settings and timing of its
 * own, and outlives the server's sessions.
 */
export const is_direct: boolean = pooler_url === undefined;

/**
 * Whether a connection has one session of the server from its beginning to its end. Where it has not, settings,
 * temporary tables, LISTEN, advisory locks and WITH HOLD cursors are gone, or another's, after a transaction.
 */
export const keeps_sessions: boolean = is_direct || POOL_MODE === "session";
