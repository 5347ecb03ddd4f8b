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
import type { Connection } from "../connection/handle/connection.ts";
import type { ConnectOptions } from "../connection/options/connect_options.ts";
import { open_connection, open_pool } from "../pool/open.ts";
import type { PoolOptions } from "../pool/options.ts";
import type { Pool } from "../pool/pool.ts";

export * from "./public.ts";
export type { Adapter, Address, Clock, Place, Socket, TlsOptions } from "../adapters/socket.ts";

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
   * On workerd a pool may be shared by all requests: each has connections of its own, which nobody
   * else is lent and which end with it. `maxsize` and the counters are those of the request at hand;
   * `minsize` is kept only where the pool was made, and must be 0 outside of any request.
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
    connect: (dsn, options) => open_connection(adapter, dsn, options),
    create_pool: (dsn, options) => open_pool(adapter, dsn, options),
  };
}
