/**
 * One loan of one session.
 *
 * Law: a lease ends once. It does not hold its handle for long (leaks.ts), so that a handle which
 * nobody else holds is noticed.
 *
 * @module
 */

import { check_place } from "../connection/base/place.ts";
import { Connection, end_of, type Lease, lease_of } from "../connection/handle/connection.ts";
import type { QueryContext } from "../connection/statement/query_context.ts";
import { InterfaceError } from "../errors.ts";
import type { Slot } from "./slot.ts";

/**
 * How it stands: out; given back; ended by the borrower's `close()`, or by the
 * pool's `terminate()`, so that a release may still follow.
 */
export type LeaseState = "lent" | "released" | "closed" | "terminated";

/** What a pool knows of a handle it lent. */
export class PoolLease implements Lease {
  /** The pool. */
  readonly lender: object;
  /** Its session's place in the pool. */
  readonly slot: Slot;
  /** When, in milliseconds. */
  readonly since: number;
  /** Where its session ran statements when it was lent. */
  readonly context: QueryContext;
  /** The stack of the `acquire()`; null where nobody asked for it. */
  readonly stack: string | null;
  /** How it stands. */
  state: LeaseState = "lent";
  /** What was lent, until garbage is collected; null from then on, or where nobody would notice. */
  handle: Connection | null = null;
  /** Whether somebody was told that it is late. */
  is_reported = false;
  readonly #take_back: (lease: PoolLease, connection: Connection) => void;

  /** @param take_back Ends the handle and takes the slot; called once. */
  constructor(
    lender: object,
    slot: Slot,
    since: number,
    stack: string | null,
    take_back: (lease: PoolLease, connection: Connection) => void,
  ) {
    this.lender = lender;
    this.slot = slot;
    this.context = slot.session.context;
    this.since = since;
    this.stack = stack;
    this.#take_back = take_back;
  }

  /**
   * For the handle, when it is closed or its scope is left. Later calls do nothing.
   *
   * @throws {InterfaceError} If the connection cannot be used here.
   */
  release(connection: Connection): void {
    if (this.state !== "lent") return;
    check_place(this.slot.session.place, "release the connection");
    this.state = end_of(connection) === null ? "released" : "closed";
    this.#take_back(this, connection);
  }
}

/**
 * The lease of a connection that is to be released.
 *
 * @throws {InterfaceError} If `lender` did not lend it, or it was released before.
 */
export function lease_from(connection: unknown, lender: object): PoolLease {
  const lease = connection instanceof Connection ? lease_of(connection) : null;
  if (!(lease instanceof PoolLease) || lease.lender !== lender) {
    throw new InterfaceError(
      "cannot release the connection: it must come from this pool, but does not",
    );
  }
  if (lease.state !== "released") return lease;
  throw new InterfaceError("cannot release the connection: it was released before");
}
