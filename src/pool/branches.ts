/**
 * The branches of a pool: one, or one for each place on runtimes that bind sockets to places.
 *
 * Laws: nobody is ever lent a session of another place. A place that ended is not told apart from one
 * that goes on elsewhere; so a branch is forgotten when it has nothing to lend, and to forget one too
 * early costs a connection, never more.
 *
 * @module
 */

import type { Place } from "../adapters/socket.ts";
import { is_here } from "../connection/base/place.ts";
import { Branch } from "./branch.ts";
import type { OpenSession, PoolContext } from "./context.ts";

/** Branches to remember; those of places that ended without their connections being released are among them. */
const MOST = 256;

/** Finds the branch of the place at hand. */
export class Branches {
  readonly #pool: object;
  readonly #open: OpenSession;
  readonly #context: PoolContext;
  #known: Branch[] = []; // the last used first
  #closing = false;

  /** @param pool Whose leases they are. */
  constructor(pool: object, open: OpenSession, context: PoolContext) {
    this.#pool = pool;
    this.#open = open;
    this.#context = context;
    const place = this.#place_if_any();
    if (context.place === undefined || place !== undefined) this.#add(place, true);
  }

  /** Whether the pool was closed, wherever. */
  get closing(): boolean {
    return this.#closing;
  }

  /**
   * The branch of this place.
   *
   * @throws {InterfaceError} If no connection can be opened here.
   */
  here(): Branch {
    return this.find() ?? this.#add(this.#context.place!(), false);
  }

  /** The branch of this place, if there is one. */
  find(): Branch | undefined {
    const last = this.#known[0];
    if (last === undefined || is_here(last.place)) return last;
    const now = this.#context.clock.now();
    this.#known = this.#known.filter((branch) => !branch.is_over(now));
    const found = this.#known.find(({ place }) => is_here(place));
    if (found !== undefined) this.#known = [found, ...this.#known.filter((one) => one !== found)];
    return found;
  }

  /** Ends the branch of this place by `end`; those of other places lend no more. */
  close(end: (branch: Branch) => void): void {
    this.#closing = true;
    const here = this.find();
    for (const branch of this.#known) {
      if (branch === here) end(branch);
      else branch.refuse();
    }
  }

  #place_if_any(): Place | undefined {
    try {
      return this.#context.place?.();
    } catch {
      return undefined; // such as outside of any request
    }
  }

  #add(place: Place | undefined, is_home: boolean): Branch {
    const branch = new Branch(this.#pool, this.#open, this.#context, place, is_home);
    if (this.#closing) branch.close();
    this.#known = [branch, ...this.#known.slice(0, MOST - 1)];
    return branch;
  }
}
