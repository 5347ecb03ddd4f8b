/**
 * A socket as Node's `Duplex`, for packages that know no other stream.
 *
 * Law: it is what a `Socket` of `node:net` is to its user. It takes writes while it is being opened,
 * passes back-pressure on both ways, ends as a whole, and its last event is `close`, which says
 * whether an `error` came before.
 *
 * Source: https://nodejs.org/api/net.html#class-netsocket
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { error_code } from "./failure.ts";
import { load_node } from "./load_node.ts";
import type { Socket } from "./socket.ts";

/** A `Duplex` over a socket, with what a `Socket` of `node:net` has beside. */
export interface SocketDuplex extends Duplex {
  /** As `node:net` has it, except that it is `open` while the socket is being opened. */
  readonly readyState: "open" | "readOnly" | "closed";
  /** Lets the process live while it is open (the state at first). */
  ref(): this;
  /** Lets the process end although it is open. */
  unref(): this;
}

/**
 * Makes a Duplex of a socket that is being opened. Destroying it abandons the attempt.
 *
 * @param opening Opens the socket; why it fails is the Duplex's error.
 * @throws {NotSupportedError} If this runtime has no `node:stream`.
 */
export function make_duplex(opening: (signal: AbortSignal) => Promise<Socket>): SocketDuplex {
  const { Duplex } = load_node("node:stream");
  const socket = new OpeningSocket(opening);
  const duplex = new Duplex({
    allowHalfOpen: false,
    emitClose: false, // Duplex's own does not say whether there was an error
    read: () => void socket.read().then((chunk) => duplex.push(chunk), fail),
    write: (chunk, _encoding, done) => void socket.write(chunk).then(() => done(), done),
    final: (done) => void socket.finish().then(() => done(), done),
    destroy(error, done) {
      socket.close();
      done(error);
      next_tick(() => duplex.emit("close", error !== null)); // as it comes after `error`
    },
  });
  function fail(error: unknown) {
    duplex.destroy(error as Error);
  }
  socket.opened.catch(fail);
  duplex.once("finish", () => duplex.destroy());
  return Object.defineProperties(duplex, {
    readyState: { get: () => ready_state(duplex) },
    ref: { value: () => (socket.hold(true), duplex) },
    unref: { value: () => (socket.hold(false), duplex) },
  }) as SocketDuplex;
}

function ready_state({ destroyed, writableEnded }: Duplex): SocketDuplex["readyState"] {
  if (destroyed) return "closed";
  return writableEnded ? "readOnly" : "open";
}

/** After the turns that streams have asked for. */
function next_tick(callback: () => void): void {
  (globalThis as unknown as { process: { nextTick(callback: () => void): void } })
    .process.nextTick(callback);
}

interface Streams {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
}

/** Throws why the connection was lost, with a code, which users of Node's sockets look at. */
function lost(error: unknown): never {
  throw Object.assign(error as Error, { code: error_code(error) || "ECONNRESET" });
}

/** A socket that may be used before it is there. */
class OpeningSocket {
  /** Settles when it is there; rejects if it never will be. */
  readonly opened: Promise<Streams>;
  readonly #abandon = new AbortController();
  #socket: Socket | null = null;
  #holds = true;

  constructor(opening: (signal: AbortSignal) => Promise<Socket>) {
    this.opened = opening(this.#abandon.signal).then((socket) => this.#take(socket));
  }

  #take(socket: Socket): Streams {
    this.#socket = socket;
    if (this.#abandon.signal.aborted) socket.close();
    if (!this.#holds) socket.unref?.();
    const reader = socket.readable.getReader();
    const writer = socket.writable.getWriter();
    for (const end of [reader.closed, writer.closed, writer.ready]) {
      end.catch(() => {}); // reads and writes tell it, too
    }
    return { reader, writer };
  }

  /** The next chunk; null at the end. */
  async read(): Promise<Uint8Array | null> {
    const { reader } = await this.opened;
    return (await reader.read().catch(lost)).value ?? null;
  }

  /** Settles when the runtime took the chunk. */
  async write(chunk: Uint8Array): Promise<void> {
    const { writer } = await this.opened;
    await writer.write(chunk).catch(lost);
  }

  /** Ends the connection once all is sent. */
  async finish(): Promise<void> {
    const { writer } = await this.opened;
    await writer.close();
  }

  /** Lets the process live, or end, while it is open. */
  hold(holds: boolean): void {
    this.#holds = holds;
    if (holds) this.#socket?.ref?.();
    else this.#socket?.unref?.();
  }

  /** Drops the connection, or the attempt to make it. */
  close(): void {
    this.#abandon.abort();
    this.#socket?.close();
  }
}
