/**
 * The handles that a pool makes: for who borrows a session, and for its own calls.
 *
 * @module
 */

import {
  Connection,
  type ConnectionSettings,
  type Lease,
} from "../connection/handle/connection.ts";
import type { Session } from "../connection/session/session.ts";
import type { PoolContext } from "./context.ts";
import type { Slot } from "./slot.ts";

/** Makes handles. */
export class Handles {
  readonly #type: typeof Connection;
  readonly #settings: ConnectionSettings;
  readonly #own_settings: ConnectionSettings;

  /** @param context For the class of handles, and what they are set up with. */
  constructor({ connection_factory = Connection, connection }: PoolContext) {
    this.#type = connection_factory;
    this.#settings = connection;
    this.#own_settings = { ...connection, independent: true };
  }

  /** For a borrower, or a hook of the user's. */
  make(session: Session, lease: Lease | null): Connection {
    return new this.#type(session, this.#settings, lease);
  }

  /** For the pool's own calls on a slot; nobody hears what the server remarks of them. */
  own(slot: Slot): Connection {
    if (slot.handle !== null) return slot.handle;
    slot.handle = new this.#type(slot.session, this.#own_settings);
    slot.session.owner = slot;
    return slot.handle;
  }
}
