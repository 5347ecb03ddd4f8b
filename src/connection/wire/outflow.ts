/**
 * Sending much without forgetting to read.
 *
 * Law: while the socket takes everything at once, the runtime still gets its turns. Without them a
 * sender's promises follow each other for seconds, and nobody sees that the server has long
 * refused: measured, 250 MB were sent after the error on Deno, Node and Bun.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import type { Wire } from "./wire.ts";

/** Bytes that are gathered before they are sent. */
export const FLIGHT = 65_536;
/** Milliseconds after which the runtime gets a turn. */
const TURN = 5;

/** The pace of one sender of bulk. */
export class Outflow {
  readonly #wire: Wire;
  readonly #clock: Clock;
  #began: number; // this turn

  /** @param session Where the bulk goes. */
  constructor(session: { readonly wire: Wire; readonly clock: Clock }) {
    this.#wire = session.wire;
    this.#clock = session.clock;
    this.#began = this.#clock.now();
  }

  /** Resolves when the socket takes more, or is lost. */
  async drained(): Promise<void> {
    await this.#wire.drained();
    if (this.#clock.now() - this.#began < TURN) return;
    await new Promise<void>((resolve) => this.#clock.set_timer(0, resolve));
    this.#began = this.#clock.now();
  }
}
