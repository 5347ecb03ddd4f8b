/**
 * A server in memory that follows a script.
 *
 * ```ts ignore
 * await using server = scripted(async (peer) => {
 *   await peer.start(); // from the startup message to ReadyForQuery
 *   const query = await peer.expect("Q");
 *   peer.send(command_complete("SELECT 0"), ready());
 * });
 * const conn = await connect(server, ...); // the server is an adapter
 * ```
 *
 * Law: a client that strays from the script is cut off, and `finished()` (or the
 * end of `await using`) throws what was wrong; so it does for a script that still
 * waits when the test is over. Nothing is lost in a rejection that no one sees.
 *
 * @module
 */

import type { Adapter, Address, Socket } from "../../src/adapters/socket.ts";
import { Peer, type PeerOptions, turn } from "./peer.ts";

/** What the server does with one connection. */
export type Script = (peer: Peer) => Promise<void> | void;

/** What every connection has, and the adapter's other parts. */
export interface ScriptOptions extends PeerOptions, Omit<Partial<Adapter>, "dial"> {}

/** How many turns of the event loop a script may need to end after the test did. */
const PATIENCE = 50;

/**
 * A server that runs `scripts`.
 *
 * @param scripts One for all connections; or one for each in their order, null to refuse it.
 */
export function scripted(
  scripts: Script | readonly (Script | null)[],
  options: ScriptOptions = {},
): ScriptedServer {
  return new ScriptedServer(scripts, options);
}

/** An adapter whose connections all lead to scripts. */
export class ScriptedServer implements Adapter, AsyncDisposable {
  /** Where the client dialed, in order. */
  readonly dialed: Address[] = [];
  /** The connections, in order, but for those that were refused. */
  readonly peers: Peer[] = [];
  readonly name: string;
  declare readonly clock?: NonNullable<Adapter["clock"]>;
  declare readonly env?: NonNullable<Adapter["env"]>;
  declare readonly user?: NonNullable<Adapter["user"]>;
  declare readonly read_text?: NonNullable<Adapter["read_text"]>;
  readonly #scripts: Script | readonly (Script | null)[];
  readonly #options: ScriptOptions;
  readonly #ends: Promise<void>[] = [];
  readonly #errors: unknown[] = [];
  #running = 0;

  /** As `scripted()`. */
  constructor(scripts: Script | readonly (Script | null)[], options: ScriptOptions) {
    const { cut: _, certificate: __, name = "scripted", ...adapter } = options;
    this.name = name;
    this.#scripts = scripts;
    this.#options = options;
    Object.assign(this, adapter);
  }

  /** As `Adapter.dial()`. Refuses when no script is left. */
  // deno-lint-ignore require-await -- so that all failures are rejections
  async dial(address: Address, signal?: AbortSignal): Promise<Socket> {
    signal?.throwIfAborted();
    const script = typeof this.#scripts === "function"
      ? this.#scripts
      : this.#scripts[this.dialed.length];
    this.dialed.push(address);
    if (script === undefined) {
      this.#errors.push(new Error(`no script is left for connection ${this.dialed.length}`));
    }
    if (!script) throw new Error("connection refused");
    const peer = new Peer(address, this.#options, (error) => this.#errors.push(error));
    this.peers.push(peer);
    this.#ends.push(this.#run(script, peer));
    return peer.socket();
  }

  /**
   * Waits for all scripts to end.
   *
   * @throws {Error} If one fails or does not end, or the client strayed from it.
   */
  async finished(): Promise<void> {
    for (let i = 0; i < PATIENCE && this.#running > 0; i++) await turn();
    for (const peer of this.peers) peer.give_up();
    await Promise.all(this.#ends);
    if (Array.isArray(this.#scripts) && this.dialed.length < this.#scripts.length) {
      this.#errors.push(
        new Error(`the client made ${this.dialed.length} connections of ${this.#scripts.length}`),
      );
    }
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  /** As `finished()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.finished();
  }

  async #run(script: Script, peer: Peer): Promise<void> {
    this.#running += 1;
    try {
      await script(peer);
      peer.end_script();
    } catch (error) {
      peer.fail(error);
    }
    this.#running -= 1;
  }
}
