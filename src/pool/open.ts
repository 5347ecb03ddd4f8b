/**
 * Opens connections and pools over an adapter.
 *
 * @module
 */

import type { Adapter } from "../adapters/socket.ts";
import { system_clock } from "../connection/base/clock.ts";
import { at_call } from "../connection/base/stacks.ts";
import { Connection } from "../connection/handle/connection.ts";
import { Establisher } from "../connection/login/establish.ts";
import type { ConnectOptions } from "../connection/options/connect_options.ts";
import { resolve_options, type ResolvedOptions } from "../connection/options/options.ts";
import { TypeCatalog } from "../connection/statement/type_catalog.ts";
import { type OpenSession, pool_context, type PoolContext } from "./context.ts";
import { type PoolOptions, split_pool_options } from "./options.ts";
import { Pool } from "./pool.ts";

/** See `Api.connect`. */
export async function open_connection(
  adapter: Adapter,
  dsn: string | URL | ConnectOptions | undefined,
  options: ConnectOptions | undefined,
): Promise<Connection> {
  const resolved = await resolve_options(dsn, options, adapter);
  const { timeout, signal, connection_factory = Connection } = resolved;
  const session = await for_caller(establisher(adapter, resolved).open(timeout, signal));
  try {
    return new connection_factory(session, resolved);
  } catch (error) {
    await session.close();
    throw error;
  }
}

/**
 * See `Api.create_pool`.
 *
 * @param make Makes the pool, where it is to be more than a `Pool`.
 */
export async function open_pool(
  adapter: Adapter,
  dsn: string | URL | PoolOptions | undefined,
  options: PoolOptions | undefined,
  make: (open: OpenSession, context: PoolContext) => Pool = (open, context) =>
    new Pool(open, context),
): Promise<Pool> {
  const given = split_pool_options(dsn, options);
  const resolved = await resolve_options(given.dsn, given.options, adapter);
  const sessions = establisher(adapter, resolved);
  const { clock = system_clock, single_session = false } = adapter;
  const place = adapter.place?.bind(adapter);
  const context = pool_context(given.pool, resolved, { clock, single_session, place });
  const pool = make((signal) => sessions.open(resolved.timeout, signal), context);
  await for_caller(pool.open_minimum(resolved.signal));
  return pool;
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
