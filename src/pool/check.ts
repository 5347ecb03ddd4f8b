/**
 * Asks the user's `check` whether a session that was silent for long still works.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { within } from "../connection/base/within.ts";
import { type Connection, finish } from "../connection/handle/connection.ts";
import { ending } from "../connection/handle/ending.ts";
import { OperationalError } from "../errors.ts";

/** Seconds for the answer: a half-open connection gives none. */
const CHECK_LIMIT = 5;
const CHECKED = ending("its check has ended");

/**
 * Runs the check.
 *
 * @param connection A handle for it, which is dead afterwards.
 * @throws {unknown} If the session is not to be used.
 */
export async function run_check(
  connection: Connection,
  check: (connection: Connection) => unknown,
  clock: Clock,
): Promise<void> {
  const answer = (async () => await check(connection))();
  try {
    if (!await within(clock, CHECK_LIMIT, answer)) throw new OperationalError("no answer in time");
    if (await answer === false) throw new OperationalError("the check said no");
  } finally {
    finish(connection, CHECKED);
  }
}
