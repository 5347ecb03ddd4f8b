/**
 * What a pool counts.
 *
 * @module
 */

/** A pool at one moment, and all that it did so far. */
export interface PoolStats {
  /** Connections: free, used and being opened. */
  size: number;
  /** Connections that wait to be lent. */
  free: number;
  /** Connections that are lent. */
  used: number;
  /** Connections that are being opened. */
  opening: number;
  /** Callers in the queue. */
  waiting: number;
  /** Leases so far. */
  acquired: number;
  /** What callers spent in the queue so far, in seconds. */
  acquire_wait_seconds: number;
  /** Callers that gave up because of their deadline. */
  acquire_timeouts: number;
  /** Connections that were opened. */
  opened: number;
  /** Connections that the pool closed. */
  closed: number;
  /** Connections that were lost, such as by a restart of the server. */
  lost: number;
  /** What opening connections took in all, in seconds. */
  connect_seconds: number;
  /** Attempts to open a connection that failed. */
  connect_errors: number;
}

/** The part of `PoolStats` that only grows. */
export type PoolTotals = Omit<PoolStats, "size" | "free" | "used" | "opening" | "waiting">;

/** Nothing yet. */
export function no_totals(): PoolTotals {
  return {
    acquired: 0,
    acquire_wait_seconds: 0,
    acquire_timeouts: 0,
    opened: 0,
    closed: 0,
    lost: 0,
    connect_seconds: 0,
    connect_errors: 0,
  };
}
