/**
 * How long something lasts that ends with the transaction in which it was made, or with the savepoint
 * in it: a large object that was opened, a cursor, a portal.
 *
 * Law: once it is over nothing is sent for it: its name, or its number, may be another's.
 *
 * Source: https://www.postgresql.org/docs/current/sql-rollback-to.html
 *
 * @module
 */

import type { Wire } from "../wire/wire.ts";
import type { Scope } from "./scope.ts";
import type { Scopes } from "./scopes.ts";

/** The time from now to the end of what is open now. */
export class Tenure {
  readonly #wire: Wire;
  readonly #scope: Scope | null; // the innermost when it began
  #idle_count: number;

  /** Begins now. */
  constructor(wire: Wire, scopes: Scopes) {
    this.#wire = wire;
    this.#scope = scopes.innermost;
    this.#idle_count = wire.idle_count;
  }

  /** The transaction was not yet open when this was made, but is now. */
  begin(idle_count: number = this.#wire.idle_count): void {
    this.#idle_count = idle_count;
  }

  /** Whether the transaction has ended, or a savepoint around it was rolled back or is being ended. */
  get is_over(): boolean {
    return this.#idle_count !== this.#wire.idle_count || !this.#is_open(null);
  }

  /** Whether what outlives its transaction is gone all the same, as it was rolled back. */
  get is_undone(): boolean {
    return !this.#is_open("committed");
  }

  /** @param at_last How the transaction itself may have ended. */
  #is_open(at_last: "committed" | null): boolean {
    let scope = this.#scope;
    while (scope?.state === "committed") scope = scope.outer;
    if (scope === null) return this.#scope === null || at_last === "committed";
    return scope.state === "open" || (at_last !== null && !scope.ended);
  }
}
