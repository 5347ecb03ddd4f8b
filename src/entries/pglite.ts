/**
 * edgepg over PGlite: PostgreSQL in this very process, with no server and no network. For tests,
 * above all. Needs the package `@electric-sql/pglite`.
 *
 * ```ts ignore
 * import { create_pool } from "@edgepg/edgepg/pglite";
 *
 * await using pool = await create_pool(); // a database in memory, gone with the pool
 * await pool.execute("create table city (name text)");
 * ```
 *
 * A PGlite has one session, so a pool has one connection whatever `maxsize` says: who acquires a
 * second one waits for the first. It runs a statement to its end before anything else in the process
 * goes on, so cancels and deadlines stop nothing that runs already. To start takes it seconds, which
 * count as connecting; and it may keep the process alive until it is closed. `pool.listen()`, which
 * needs a session of its own, is refused; `listen()` of a connection works.
 *
 * Where the server is, who logs in, TLS and the `PG*` variables mean nothing here; options such as
 * `server_settings` and `application_name` do.
 *
 * @module
 */

import { adapter_over } from "../adapters/pglite.ts";
import { is_database, PgliteInstance, type PgliteSource } from "../adapters/pglite_instance.ts";
import type { Connection } from "../connection/handle/connection.ts";
import type { ConnectOptions } from "../connection/options/connect_options.ts";
import { split_options } from "../connection/options/split_options.ts";
import { InterfaceError } from "../errors.ts";
import type { OpenSession, PoolContext } from "../pool/context.ts";
import { open_connection, open_pool } from "../pool/open.ts";
import type { PoolOptions } from "../pool/options.ts";
import { Pool } from "../pool/pool.ts";

export * from "./public.ts";
export { pglite_adapter } from "../adapters/pglite.ts";
export type { PgliteAdapter, PgliteDatabase, PgliteSource } from "../adapters/pglite.ts";

/** What this entry takes beside the options that all have. */
export interface PgliteOptions {
  /**
   * A `PGlite` of the caller's, which stays open; or what `PGlite.create()` takes, a data directory
   * or options, for one that is closed with the connection or the pool. Default: one in memory.
   *
   * While a connection is open to it, its session is the connection's: it is made clean when the
   * connection gets and leaves it, and its own `query()` meets the connection's transaction.
   */
  readonly pglite?: PgliteSource | undefined;
}

/** Opens a connection; the database, unless it is the caller's, is closed with it. See `Api.connect`. */
export async function connect(
  dsn?: string | URL | (ConnectOptions & PgliteOptions),
  options?: ConnectOptions & PgliteOptions,
): Promise<Connection> {
  const given = split_options<PgliteOptions, ConnectOptions>(["pglite"], dsn, options);
  const instance = instance_of(given.own);
  const adapter = adapter_over(instance, () => instance.close());
  return await open_connection(adapter, given.dsn, given.options);
}

/** Opens a pool of one connection; the database, unless it is the caller's, is closed with it. See `Api.create_pool`. */
export async function create_pool(
  dsn?: string | URL | (PoolOptions & PgliteOptions),
  options?: PoolOptions & PgliteOptions,
): Promise<Pool> {
  const given = split_options<PgliteOptions, PoolOptions>(["pglite"], dsn, options);
  const instance = instance_of(given.own);
  let pool: Pool;
  const adapter = adapter_over(instance, async () => {
    if (pool.closing) await instance.close(); // else its data is for the next session
  });
  return await open_pool(adapter, given.dsn, given.options, (open, context) => {
    return pool = new PglitePool(open, context, instance);
  });
}

/** A pool that closes its database last, also where it had no connection at its end. */
class PglitePool extends Pool {
  readonly #instance: PgliteInstance;

  constructor(open: OpenSession, context: PoolContext, instance: PgliteInstance) {
    super(open, context);
    this.#instance = instance;
  }

  override async wait_closed(): Promise<void> {
    await super.wait_closed();
    await this.#instance.close();
  }
}

function instance_of({ pglite = {} }: PgliteOptions): PgliteInstance {
  const is_source = typeof pglite === "string" || is_database(pglite) ||
    (typeof pglite === "object" && pglite !== null);
  if (is_source) return new PgliteInstance(pglite);
  throw new InterfaceError(
    "cannot read the options: pglite must be a PGlite, a directory or options for PGlite.create(), " +
      `but is of type ${typeof pglite}`,
  );
}
