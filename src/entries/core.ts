/**
 * The runtime-free core of edgepg: give it an adapter, get the API.
 *
 * ```ts ignore
 * import { bind_adapter } from "@edgepg/edgepg/core";
 *
 * const { connect, create_pool } = bind_adapter(my_adapter);
 * ```
 *
 * @module
 */

import type { Adapter } from "../adapters/socket.ts";
import type { ConnectOptions } from "../connection/connect_options.ts";
import { system_clock } from "../connection/clock.ts";
import { Connection } from "../connection/connection.ts";
import { Establisher } from "../connection/establish.ts";
import { at_call } from "../connection/call.ts";
import { resolve_options, type ResolvedOptions } from "../connection/options.ts";
import { TypeCatalog } from "../connection/types.ts";
import { type PoolOptions, split_pool_options } from "../pool/options.ts";
import { Pool } from "../pool/pool.ts";
import { pool_context } from "../pool/settings.ts";

export * from "./public.ts";
export type { Adapter, Address, Clock, Socket, TlsOptions } from "../adapters/socket.ts";

/** What an adapter is bound to. */
export interface Api {
  /**
   * Opens a connection. The caller closes it.
   *
   * @param dsn A URI (`postgres://user@host/db`), libpq's `name=value` text, or options.
   * What it leaves out comes from the `PG*` environment variables.
   * @param options Override the dsn.
   * @throws {InterfaceError} If a parameter is unknown or malformed.
   * @throws {OperationalError} If no server can be reached, or it refuses the login.
   * @throws {TimeoutError} If that takes longer than `timeout` seconds.
   */
  connect(dsn?: string | URL | ConnectOptions, options?: ConnectOptions): Promise<Connection>;

  /**
   * Opens a pool and its first `minsize` connections. The caller closes it.
   *
   * Resolves when all of them are authenticated, so a wrong password fails here
   * and not in the first request.
   *
   * @param dsn As in `connect()`.
   * @param options Sizes, limits and hooks, and all that `connect()` takes.
   * @throws {RangeError} If a size or limit is nonsense, such as `minsize` above `maxsize`.
   * @throws As `connect()` does.
   */
  create_pool(dsn?: string | URL | PoolOptions, options?: PoolOptions): Promise<Pool>;
}

/** Makes the API of one runtime, or of one's own way to the server. */
export function bind_adapter(adapter: Adapter): Api {
  return {
    async connect(dsn, options) {
      const resolved = await resolve_options(dsn, options, adapter);
      const { timeout, signal, connection_factory = Connection } = resolved;
      const session = await for_caller(establisher(adapter, resolved).open(timeout, signal));
      return new connection_factory(session, resolved);
    },

    async create_pool(dsn, options) {
      const given = split_pool_options(dsn, options);
      const resolved = await resolve_options(given.dsn, given.options, adapter);
      const sessions = establisher(adapter, resolved);
      const context = pool_context(given.pool, resolved, adapter.clock ?? system_clock);
      const pool = new Pool((signal) => sessions.open(resolved.timeout, signal), context);
      await for_caller(pool.open_minimum(resolved.signal));
      return pool;
    },
  };
}

async function for_caller<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw at_call(error);
  }
}

function establisher(adapter: Adapter, options: ResolvedOptions): Establisher {
  return new Establisher(adapter, options, new TypeCatalog(options, options.codecs));
}
