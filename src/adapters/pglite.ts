/**
 * PGlite: PostgreSQL in this very process, with no server and no network.
 *
 * It is one session of one server, and runs what it is given to its end before anything else in
 * the process goes on. So it has one connection at a time, a cancel has no effect, a deadline is noticed
 * when the statement is over, and the answer to each statement, or the data of a COPY, is in memory
 * as a whole; `stream()` and named cursors are read in batches, as everywhere.
 *
 * @module
 */

import { dialing } from "./dialing.ts";
import { PgliteInstance, type PgliteSource } from "./pglite_instance.ts";
import { PgliteSocket } from "./pglite_socket.ts";
import type { Adapter } from "./socket.ts";

export type { PgliteDatabase, PgliteSource } from "./pglite_instance.ts";

/** An adapter over one PGlite database. */
export interface PgliteAdapter extends Adapter {
  /** Closes the database if the adapter made it. Its connections must be closed before. */
  close(): Promise<void>;
}

/**
 * Makes an adapter over one PGlite database, for `bind_adapter()`. Host, user, password and
 * database of a dsn have no meaning there, nor has the environment.
 *
 * @param source A database of the caller's, which stays open; or what `PGlite.create()` takes, for
 * one that is made with the first connection and lives until `close()`. Default: one in memory.
 */
export function pglite_adapter(source: PgliteSource = {}): PgliteAdapter {
  const instance = new PgliteInstance(source);
  return { ...adapter_over(instance), close: () => instance.close() };
}

/**
 * An adapter over `instance`.
 *
 * @param on_end Awaited when a session has ended; its failure is no matter of the session's.
 */
export function adapter_over(
  instance: PgliteInstance,
  on_end: () => Promise<void> = async () => {},
): Adapter {
  return {
    name: "pglite",
    single_session: true,
    dial: (address, signal) =>
      dialing(address, signal, async () => new PgliteSocket(await instance.open(), on_end)),
    user: () => "postgres",
  };
}
