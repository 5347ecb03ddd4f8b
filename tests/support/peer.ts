/**
 * The server's end of a connection in memory, as a script holds it.
 *
 * Law: what the client reads, and when, is decided here alone; the client's end is
 * a `Socket` as a runtime's own, to its failures.
 *
 * @module
 */

import type { Address, Socket, TlsOptions } from "../../src/adapters/socket.ts";
import {
  type Frontend,
  type FrontendMessage,
  FrontendReader,
  type FrontendTag,
} from "./frontend.ts";
import { concat, type Part, type StartupSketch, trust_startup } from "./messages.ts";

/** What every connection of a server has. */
export interface PeerOptions {
  /** Most bytes in one chunk to the client. Default: all that is sent at once. */
  readonly cut?: number;
  /** The certificate after `start_tls()`, DER. Default: null. */
  readonly certificate?: Uint8Array | null;
}

/** The server's end of one connection. */
export class Peer {
  /** Where the client thinks it is. */
  readonly address: Address;
  /** All that the client has sent so far. */
  readonly received: FrontendMessage[] = [];
  /** What the client gave to `start_tls()`; null before. */
  tls: TlsOptions | null = null;
  /** In place of TLS: what `start_tls()` rejects with. */
  tls_error: Error | null = null;
  readonly #certificate: Uint8Array | null;
  readonly #on_error: (error: unknown) => void;
  readonly #reader = new FrontendReader();
  readonly #inbox: FrontendMessage[] = [];
  readonly #out: Uint8Array[] = [];
  #cut: number;
  #wait: { resolve(message: FrontendMessage | null): void; reject(error: Error): void } | null =
    null;
  #waits_for = "";
  #wake_reader: () => void = () => {};
  #paused: Promise<void> | null = null;
  #resume: () => void = () => {};
  #pipe: Pipe | null = null;
  #script_over = false;
  #server_closed = false;
  #client_closed = false;
  #lost: Error | null = null;

  /** Made by `ScriptedServer`. */
  constructor(address: Address, options: PeerOptions, on_error: (error: unknown) => void) {
    this.address = address;
    this.#cut = options.cut ?? Infinity;
    this.#certificate = options.certificate ?? null;
    this.#on_error = on_error;
  }

  /** Whether the client has closed its end, or dropped the connection. */
  get client_closed(): boolean {
    return this.#client_closed;
  }

  /** Bytes that were sent, and that the client has not yet read. */
  get unread(): number {
    return this.#out.reduce((size, chunk) => size + chunk.length, 0);
  }

  /** The client's next message; null when it has closed. */
  next(): Promise<FrontendMessage | null> {
    return this.#take("a message or the end");
  }

  /**
   * The client's next message, which must have the tag, or please the predicate.
   *
   * @throws {Error} If it is another one, or the client has closed.
   */
  async expect<Tag extends FrontendTag>(
    wanted: Tag | ((message: FrontendMessage) => boolean),
  ): Promise<Frontend<Tag>> {
    const name = typeof wanted === "function" ? wanted.name || "another one" : wanted;
    const message = await this.#take(name);
    const fits = message !== null &&
      (typeof wanted === "function" ? wanted(message) : message.tag === wanted);
    if (fits) return message as Frontend<Tag>;
    throw this.#astray(name, message);
  }

  /** The client's next messages, one of each tag in this order. */
  async expect_all<Tags extends FrontendTag[]>(
    ...tags: Tags
  ): Promise<{ [At in keyof Tags]: Frontend<Tags[At]> }> {
    const messages: FrontendMessage[] = [];
    for (const tag of tags) messages.push(await this.expect(tag));
    return messages as { [At in keyof Tags]: Frontend<Tags[At]> };
  }

  /** Waits until the client closes; it may say Terminate first, and nothing else. */
  async closed(): Promise<void> {
    const message = await this.#take("the end");
    if (message === null) return;
    if (message.tag !== "X") throw this.#astray("the end", message);
    await this.closed();
  }

  /** The client's startup message. A question for TLS before it is answered with no. */
  async startup(): Promise<Frontend<"startup">> {
    const message = await this.#take("startup");
    if (message?.tag === "startup") return message;
    if (message?.tag !== "ssl") throw this.#astray("startup", message);
    this.send("N");
    return await this.startup();
  }

  /** Lets the client in without a password, and is ready. */
  async start(sketch: StartupSketch = {}): Promise<Frontend<"startup">> {
    const message = await this.startup();
    this.send(trust_startup(sketch));
    return message;
  }

  /** Sends messages, or any bytes, in one chunk. */
  send(...messages: readonly Part[]): void {
    const bytes = concat(...messages);
    if (this.#cut === Infinity) this.#out.push(bytes);
    else {
      for (let at = 0; at < bytes.length; at += this.#cut) {
        this.#out.push(bytes.slice(at, at + this.#cut));
      }
    }
    this.#wake_reader();
  }

  /** From now on no chunk is longer than `size` bytes. */
  cut(size: number): void {
    this.#cut = size;
  }

  /** Closes in order: the client reads what was sent, and then the end. */
  close(): void {
    this.#server_closed = true;
    this.#wake_reader();
  }

  /** Drops the connection: what the client has not read is gone, and its reads and writes fail. */
  reset(error: Error = new Error("connection reset by peer")): void {
    this.#server_closed = true;
    this.#lose(error);
  }

  /** Stops reading: the client's writes wait. */
  pause(): void {
    this.#paused ??= new Promise((resolve) => this.#resume = resolve);
  }

  /** Reads on. */
  resume(): void {
    this.#resume();
    this.#paused = null;
  }

  /** The client's end. */
  socket(): Socket {
    const pipe = new Pipe(this);
    this.#pipe = pipe;
    return {
      readable: pipe.readable,
      writable: pipe.writable,
      peer_certificate: this.tls === null ? null : this.#certificate,
      remote: this.address,
      start_tls: async (options) => await this.#start_tls(pipe, options),
      ref() {},
      unref() {},
      close: () => this.client_gone(new Error("the socket was closed by the client")),
    };
  }

  /** For the socket: the next chunk to the client, null at the end. */
  async pull(): Promise<Uint8Array | null> {
    while (this.#out.length === 0) {
      if (this.#lost !== null) throw this.#lost;
      if (this.#server_closed) return null;
      await new Promise<void>((resolve) => this.#wake_reader = resolve);
    }
    return this.#out.shift()!;
  }

  /** For the socket: takes a chunk of the client. */
  async push(chunk: Uint8Array): Promise<void> {
    const copy = chunk.slice(); // the client may use the buffer again
    while (this.#paused !== null) await this.#paused;
    if (this.#lost !== null) throw this.#lost;
    try {
      this.#reader.push(copy);
      for (let m = this.#reader.next(); m !== null; m = this.#reader.next()) this.#deliver(m);
    } catch (error) {
      this.fail(error);
    }
  }

  /** For the socket: the client writes no more; with an error, it is gone. */
  client_gone(error: Error | null): void {
    this.#client_closed = true;
    if (error !== null) this.#lose(error);
    this.resume();
    this.#answer(null);
  }

  /** For the server: the script is over; what the client still sends is too much. */
  end_script(): void {
    this.#script_over = true;
    this.#check_leftovers();
  }

  /** For the server: the connection fails with `error`, and the test with it. */
  fail(error: unknown): void {
    this.#script_over = true;
    this.#server_closed = true;
    this.#on_error(error);
    this.#lose(new Error("the script failed", { cause: error }));
    this.#wait?.reject(error as Error);
    this.#wait = null;
  }

  /** For the server: a script that still waits fails. */
  give_up(): void {
    this.#wait?.reject(this.#astray(this.#waits_for, undefined));
    this.#wait = null;
  }

  async #start_tls(old: Pipe, options: TlsOptions): Promise<Socket> {
    if (old.readable.locked || old.writable.locked) {
      throw new TypeError("cannot start TLS: a stream of the socket is locked");
    }
    await turn(); // a handshake takes time
    this.tls = options;
    old.fail(new Error("the socket has moved to TLS"));
    if (this.tls_error === null && this.#lost === null) return this.socket();
    const error = this.#lost ?? this.tls_error!;
    this.client_gone(error);
    throw error;
  }

  #deliver(message: FrontendMessage): void {
    this.received.push(message);
    this.#inbox.push(message);
    if (this.#script_over) this.#check_leftovers();
    else this.#answer(undefined);
  }

  #take(wanted: string): Promise<FrontendMessage | null> {
    return new Promise((resolve, reject) => {
      this.#waits_for = wanted;
      this.#wait = { resolve, reject };
      this.#answer(undefined);
    });
  }

  /** Gives the script what it waits for, if that has come. */
  #answer(end: null | undefined): void {
    const message = this.#inbox[0] ?? (this.#client_closed ? null : end);
    if (this.#wait === null || message === undefined) return;
    this.#inbox.shift();
    this.#wait.resolve(message);
    this.#wait = null;
  }

  #check_leftovers(): void {
    const message = this.#inbox.find(({ tag }) => tag !== "X");
    if (message === undefined || this.#server_closed) return;
    this.fail(this.#astray("nothing more", message));
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#out.length = 0;
    this.#pipe?.fail(error);
    this.#wake_reader();
    this.resume();
  }

  /** The error for what came in place of `wanted`: null is the end, and undefined nothing at all. */
  #astray(wanted: string, message: FrontendMessage | null | undefined): Error {
    const fact = message === undefined
      ? "sent nothing more"
      : message === null
      ? "has closed"
      : `sent ${JSON.stringify(message)}`;
    const all = this.received.map(({ tag }) => tag).join(" ");
    return new Error(`the script expects ${wanted}, but the client ${fact}; in all: ${all}`);
  }
}

/** A pair of streams to one peer. */
class Pipe {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  #out: ReadableStreamDefaultController<Uint8Array> | null = null;
  #in: WritableStreamDefaultController | null = null;
  #failed = false;

  constructor(peer: Peer) {
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#out = controller;
      },
      pull: async (controller) => {
        const chunk = await peer.pull();
        if (this.#failed) return;
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => peer.client_gone(new Error("the client cancelled its reading")),
    }, { highWaterMark: 0 }); // so that nothing is read that was not asked for
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#in = controller;
      },
      write: (chunk) => peer.push(chunk),
      close: () => peer.client_gone(null),
      abort: () => peer.client_gone(new Error("the client aborted its writing")),
    });
  }

  fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#in?.error(error);
    try {
      this.#out?.error(error);
    } catch {
      // closed before
    }
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
