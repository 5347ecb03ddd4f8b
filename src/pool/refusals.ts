/**
 * Why an `acquire()`, or a borrower, is turned away.
 *
 * @module
 */

import { type Ending, ending } from "../connection/handle/ending.ts";
import {
  InterfaceError,
  NotSupportedError,
  OperationalError,
  PoolClosedError,
  PoolFullError,
  PoolTimeout,
} from "../errors.ts";
import type { PoolContext } from "./context.ts";
import type { PoolStats } from "./stats.ts";

/** The pool lends no more. */
export function pool_closed(): PoolClosedError {
  return new PoolClosedError("cannot acquire a connection: the pool is closed");
}

/** More callers than `max_waiting` would wait. */
export function pool_full(max_waiting: number, maxsize: number, stats: PoolStats): PoolFullError {
  return new PoolFullError(
    `cannot acquire a connection: at most ${max_waiting} callers may wait (max_waiting), ` +
      `but that many do`,
    { detail: describe(maxsize, stats), safe_to_retry: true },
  );
}

/** A caller waited too long. `cause`: why the last attempt to connect failed, if it did. */
export function acquire_timeout(
  seconds: number,
  { maxsize, single_session }: Pick<PoolContext, "maxsize" | "single_session">,
  stats: PoolStats,
  cause: unknown,
): PoolTimeout {
  const without_cause = cause === null || cause === undefined;
  const hint = single_session ? ONE_AT_A_TIME : SOONER;
  return new PoolTimeout(
    `cannot acquire a connection: one must be free within ${seconds} s, but none was`,
    {
      detail: describe(maxsize, stats),
      hint: without_cause ? hint : "connecting fails: see the cause",
      safe_to_retry: true,
      ...(without_cause ? {} : { cause }),
    },
  );
}

const SOONER = "release connections sooner, or raise maxsize or timeout";
const ONE_AT_A_TIME = "this database has one session, so a pool has one connection: " +
  "release it before the next is acquired";

/** Throws if there is nothing to listen to, or no session to listen on. */
export function check_listen(
  channels: readonly string[],
  { pooler, single_session }: Pick<PoolContext, "pooler" | "single_session">,
): void {
  if (pooler === "transaction") {
    throw new InterfaceError(
      "cannot listen: it needs a session, but a transaction pooler keeps none",
    );
  }
  if (single_session) {
    throw new NotSupportedError(
      "cannot listen: it needs a session of its own, but this database has only one",
      { hint: "use listen() of a connection" },
    );
  }
  if (channels.length > 0) return;
  throw new InterfaceError("cannot listen: at least one channel must be given, but none is");
}

/** For handles that were given back. */
export const RELEASED: Ending = ending("the connection was released to its pool");

/** For what still ran when its handle was given back. */
export function released_early(): InterfaceError {
  return new InterfaceError(
    "cannot go on with the statement: its connection was released to its pool",
  );
}

/** For who listens on a connection whose handle nobody holds any more. */
export function was_dropped(): OperationalError {
  return new OperationalError("the connection went back to its pool: its handle was dropped");
}

/** For the sessions that `terminate()` cuts. */
export function was_terminated(): OperationalError {
  return new OperationalError("the connection was cut: its pool was terminated");
}

function describe(maxsize: number, { size, used, opening, waiting }: PoolStats): string {
  const most = maxsize === 0 ? "" : ` of at most ${maxsize}`;
  return `size ${size}${most}, used ${used}, opening ${opening}, waiting ${waiting}`;
}
