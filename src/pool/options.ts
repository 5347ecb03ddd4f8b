/**
 * What `create_pool()` takes beside `connect()`'s options. Times are seconds.
 *
 * Source: aiopg.create_pool, https://aiopg.readthedocs.io/en/stable/core.html
 *
 * @module
 */

import type { Connection } from "../connection/handle/connection.ts";
import type { ConnectOptions } from "../connection/options/connect_options.ts";
import { split_options } from "../connection/options/split_options.ts";
import { InterfaceError } from "../errors.ts";

/** A lease that never came back, or is held for too long. */
export interface LeakEvent {
  /** What happened, in one line. */
  readonly message: string;
  /** Where `acquire()` was called. */
  readonly stack: string;
  /** Seconds since then. */
  readonly seconds: number;
  /** The server process. */
  readonly backend_pid: number;
}

/** How a pool behaves. */
export interface PoolSettings {
  /** Connections to open before `create_pool()` resolves, and to keep. Default: 1. */
  readonly minsize?: number | undefined;
  /** Most connections at any time; 0 for no limit. Default: 10. */
  readonly maxsize?: number | undefined;
  /** Seconds after its last use that a connection is replaced instead of lent; -1 for never. Default: -1. */
  readonly pool_recycle?: number | undefined;
  /** Seconds that a connection lives, a little less for some, so that not all end at once; 0 for no limit. Default: 3600. */
  readonly max_lifetime?: number | undefined;
  /** Seconds that a connection beyond `minsize` may be idle; 0 for no limit. Default: 600. */
  readonly max_idle?: number | undefined;
  /** Most callers that may wait in `acquire()`; more are a `PoolFullError`. 0 for no limit. Default: 0. */
  readonly max_waiting?: number | undefined;
  /**
   * Awaited once for each new connection. What it throws rejects the caller, and closes the connection.
   * What it SETs, or LISTENs to, is gone with the first lease's `reset`: see `server_settings`.
   */
  readonly on_connect?: ((connection: Connection) => unknown) | undefined;
  /** Awaited before a connection that was idle for `check_idle` is lent. If it throws, or gives false, the connection is replaced. */
  readonly check?: ((connection: Connection) => unknown) | undefined;
  /** Seconds of idleness after which `check` is called; 0 for always. Default: 30. */
  readonly check_idle?: number | undefined;
  /** Whether a released connection is cleaned of settings, roles, temporary tables, locks and the like. Default: true; never done behind a transaction pooler. */
  readonly reset?: boolean | undefined;
  /** Receives leases that never came back, instead of `console.warn`. */
  readonly on_leak?: ((event: LeakEvent) => void) | undefined;
  /** Seconds after which a lease counts as leaked; 0 for never. Default: 0. */
  readonly leak_after?: number | undefined;
}

/** Everything that `create_pool()` takes. */
export interface PoolOptions extends ConnectOptions, PoolSettings {}

/** The settings of a pool with all defaults; where there is no limit, it is `Infinity`. */
export interface ResolvedPoolSettings {
  /** Connections to keep. */
  readonly minsize: number;
  /** As it was given: 0 for no limit. */
  readonly maxsize: number;
  /** Seconds of idleness after which a connection is replaced. */
  readonly pool_recycle: number;
  /** Seconds that a connection lives at most. */
  readonly max_lifetime: number;
  /** Seconds that a connection beyond `minsize` may be idle. */
  readonly max_idle: number;
  /** Most callers that may wait. */
  readonly max_waiting: number;
  /** Awaited once for each new connection. */
  readonly on_connect: ((connection: Connection) => unknown) | undefined;
  /** Awaited before a connection that was idle for long is lent. */
  readonly check: ((connection: Connection) => unknown) | undefined;
  /** Seconds of idleness after which `check` is called. */
  readonly check_idle: number;
  /** Whether a released connection is cleaned, if `pooler` lets it be. */
  readonly reset: boolean;
  /** Receives leases that never came back. */
  readonly on_leak: ((event: LeakEvent) => void) | undefined;
  /** Seconds after which a lease counts as leaked. */
  readonly leak_after: number;
}

const NAMES = [
  "minsize",
  "maxsize",
  "pool_recycle",
  "max_lifetime",
  "max_idle",
  "max_waiting",
  "on_connect",
  "check",
  "check_idle",
  "reset",
  "on_leak",
  "leak_after",
] as const satisfies readonly (keyof PoolSettings)[];

/**
 * Takes the pool's own options out of what `create_pool()` was given, and checks them.
 *
 * @returns The pool's settings, and what is left for `resolve_options()`.
 * @throws {RangeError} If a number is not in its range; the message says which one is.
 * @throws {InterfaceError} If another option is not of its kind.
 */
export function split_pool_options(
  dsn: string | URL | PoolOptions | undefined,
  options: PoolOptions | undefined,
): {
  readonly pool: ResolvedPoolSettings;
  readonly dsn: string | URL | ConnectOptions | undefined;
  readonly options: ConnectOptions | undefined;
} {
  const { own, ...rest } = split_options<PoolSettings, ConnectOptions>(NAMES, dsn, options);
  return { pool: resolve(own), ...rest };
}

function resolve(given: PoolSettings): ResolvedPoolSettings {
  const minsize = check_number("minsize", given.minsize ?? 1, Number.isSafeInteger);
  const maxsize = check_number("maxsize", given.maxsize ?? 10, Number.isSafeInteger);
  if (maxsize !== 0 && maxsize < minsize) {
    throw new RangeError(
      `cannot create a pool: maxsize must be minsize (${minsize}) or more, or 0 for no limit, but is ${maxsize}`,
    );
  }
  const pool_recycle = given.pool_recycle ?? -1;
  return Object.freeze({
    minsize,
    maxsize,
    pool_recycle: pool_recycle === -1 ? Infinity : check_number("pool_recycle", pool_recycle),
    max_lifetime: check_number("max_lifetime", given.max_lifetime ?? 3600) || Infinity,
    max_idle: check_number("max_idle", given.max_idle ?? 600) || Infinity,
    max_waiting: check_number("max_waiting", given.max_waiting ?? 0, Number.isSafeInteger) ||
      Infinity,
    on_connect: check_function("on_connect", given.on_connect),
    check: check_function("check", given.check),
    check_idle: check_number("check_idle", given.check_idle ?? 30),
    reset: check_flag("reset", given.reset ?? true),
    on_leak: check_function("on_leak", given.on_leak),
    leak_after: check_number("leak_after", given.leak_after ?? 0) || Infinity,
  });
}

function check_number(
  name: string,
  value: unknown,
  is_integer?: (value: unknown) => boolean,
): number {
  const fits = is_integer === undefined ? typeof value === "number" : is_integer(value);
  if (fits && value as number >= 0) return value as number;
  const kind = is_integer === undefined ? "a number of seconds" : "an integer";
  const or_never = name === "pool_recycle" ? ", or -1 for never" : "";
  const fact = typeof value === "number" ? value : `of type ${typeof value}`;
  throw new RangeError(
    `cannot create a pool: ${name} must be ${kind} of 0 or more${or_never}, but is ${fact}`,
  );
}

function check_function<T>(name: string, value: T | undefined): T | undefined {
  if (value === undefined || typeof value === "function") return value;
  throw new InterfaceError(
    `cannot create a pool: ${name} must be a function, but is of type ${typeof value}`,
  );
}

function check_flag(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new InterfaceError(
    `cannot create a pool: ${name} must be true or false, but is of type ${typeof value}`,
  );
}
