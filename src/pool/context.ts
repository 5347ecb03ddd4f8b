/**
 * What a pool works with, once its options are read and checked.
 *
 * @module
 */

import type { Clock, Place } from "../adapters/socket.ts";
import type { WarningEvent } from "../connection/base/warnings.ts";
import type { Connection, ConnectionSettings } from "../connection/handle/connection.ts";
import type { TargetSessionAttrs } from "../connection/options/connect_options.ts";
import type { ResolvedOptions } from "../connection/options/options.ts";
import type { Session } from "../connection/session/session.ts";
import type { ResolvedPoolSettings } from "./options.ts";

/** Opens a session; abandons the attempt when `signal` aborts, and then rejects with its reason. */
export type OpenSession = (signal: AbortSignal) => Promise<Session>;

/** The pool's own settings, and what it needs of those of its connections. */
export interface PoolContext extends ResolvedPoolSettings {
  /** Whether there is only one session to be had, whatever `maxsize` was asked for. */
  readonly single_session?: boolean;
  /** What is between here and the server. */
  readonly pooler: "session" | "transaction";
  /** Which servers will do. Default: any. */
  readonly target_session_attrs?: TargetSessionAttrs;
  /** Seconds until `acquire()`, and each attempt to connect, is given up. */
  readonly timeout: number;
  /** Receives warnings; undefined: the console. */
  readonly on_warning: ((event: WarningEvent) => void) | undefined;
  /** For the handles that it lends. */
  readonly connection: ConnectionSettings;
  /** The class of those handles; undefined: `Connection`. */
  readonly connection_factory: typeof Connection | undefined;
  /** Time for all that waits here. */
  readonly clock: Clock;
  /** Where sessions that are opened now can be used. Default: everywhere. */
  readonly place?: (() => Place) | undefined;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Puts together what was read from a pool's options. Of a single session more was never to be had. */
export function pool_context(
  pool: ResolvedPoolSettings,
  connection: ResolvedOptions,
  { clock, single_session = false, place }: Pick<PoolContext, "clock" | "single_session" | "place">,
): PoolContext {
  const { pooler, target_session_attrs, timeout, on_warning, connection_factory } = connection;
  return {
    ...pool,
    ...(single_session && { minsize: Math.min(pool.minsize, 1), maxsize: 1 }),
    single_session,
    pooler,
    target_session_attrs,
    timeout,
    on_warning,
    connection,
    connection_factory,
    clock,
    place,
    random: Math.random,
  };
}
