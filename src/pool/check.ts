/**
 * Asks the user's `check` whether a session that was silent for long still works.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import { type Connection, finish } from "../connection/connection.ts";
import { InterfaceError, OperationalError } from "../errors.ts";

/** Seconds for the answer: a half-open connection gives none. */
const CHECK_LIMIT = 5;

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
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new OperationalError(`no answer within ${CHECK_LIMIT} s`));
    stop = clock.set_timer(CHECK_LIMIT * 1000, fail);
  });
  try {
    if (await Promise.race([check(connection), late]) === false) {
      throw new OperationalError("the check said no");
    }
  } finally {
    stop();
    finish(connection, new InterfaceError("cannot use the connection: its check has ended"));
  }
}
