/**
 * edgepg through a proxy that carries TCP over WebSockets, for runtimes that have no TCP.
 *
 * ```ts ignore
 * import { create_pool } from "@edgepg/edgepg/websocket";
 *
 * const pool = await create_pool(dsn, { proxy: "wss://proxy.example/v2" });
 * ```
 *
 * The proxy is told whom to connect to by `?address=host:port`, as Neon's `wsproxy` has it;
 * `examples/ws_proxy.ts` is a small one. It sees all that is sent, so let it be your own.
 *
 * There is no TLS inside the WebSocket, so an `sslmode` that needs it is refused; `prefer`, the
 * default, and `disable` are the same. A `wss:` proxy counts as a safe way for a password; through a
 * `ws:` proxy only SCRAM logs in, unless proxy and server are on this very machine.
 *
 * @module
 */

import type { Adapter } from "../adapters/socket.ts";
import { websocket_adapter, type WebSocketOptions } from "../adapters/websocket.ts";
import type { Connection } from "../connection/handle/connection.ts";
import type { ConnectOptions } from "../connection/options/connect_options.ts";
import { split_options } from "../connection/options/split_options.ts";
import { InterfaceError } from "../errors.ts";
import { open_connection, open_pool } from "../pool/open.ts";
import type { PoolOptions } from "../pool/options.ts";
import type { Pool } from "../pool/pool.ts";

export * from "./public.ts";
export { websocket_adapter } from "../adapters/websocket.ts";
export type { WebSocketOptions } from "../adapters/websocket.ts";

/** What this entry takes beside the options that all have. */
export interface ProxyOptions extends WebSocketOptions {
  /** The proxy's `ws:` or `wss:` URL, which must be given. Its own parameters are kept. */
  readonly proxy?: string | URL | undefined;
}

/** Opens a connection. See `Api.connect`. */
export async function connect(
  dsn?: string | URL | (ConnectOptions & ProxyOptions),
  options?: ConnectOptions & ProxyOptions,
): Promise<Connection> {
  const given = split_options<ProxyOptions, ConnectOptions>(NAMES, dsn, options);
  return await open_connection(adapter_of(given.own), given.dsn, given.options);
}

/** Opens a pool. See `Api.create_pool`. */
export async function create_pool(
  dsn?: string | URL | (PoolOptions & ProxyOptions),
  options?: PoolOptions & ProxyOptions,
): Promise<Pool> {
  const given = split_options<ProxyOptions, PoolOptions>(NAMES, dsn, options);
  return await open_pool(adapter_of(given.own), given.dsn, given.options);
}

const NAMES = ["proxy", "max_unread"] as const satisfies readonly (keyof ProxyOptions)[];

function adapter_of({ proxy, ...options }: ProxyOptions): Adapter {
  const { max_unread = Infinity } = options;
  if (typeof max_unread !== "number" || !(max_unread > 0)) {
    throw invalid("max_unread must be a number of bytes, more than 0", "is not");
  }
  if (proxy === undefined) throw invalid(PROXY_RULE, "is missing");
  try {
    return websocket_adapter(proxy, options);
  } catch {
    throw invalid(PROXY_RULE, "is not"); // without showing it, for it may hold a secret
  }
}

const PROXY_RULE = "proxy must be the ws: or wss: URL of a proxy";

function invalid(rule: string, fact: string): InterfaceError {
  return new InterfaceError(`cannot read the options: ${rule}, but ${fact}`);
}
