/**
 * A way to the server that misbehaves: it stalls, cuts, garbles, and passes single bytes.
 *
 * ```text
 * client ──▶ Tunnel ──▶ server       up
 *        ◀──        ◀──              down
 * ```
 *
 * Law: it does what the test told it, and nothing by itself; disposing of it closes every connection.
 *
 * @module
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate } from "node:timers";

/** What becomes of a connection to the proxy. */
export type Admission =
  /** It is passed on to the server. */
  | "pass"
  /** It is accepted, and never answered. */
  | "mute"
  /** It is accepted, and reset. */
  | "reset";

/** Turns of the event loop after which the client has read what was passed on. */
const TURNS_TO_SEE = 3;

/** Which way bytes go: to the server, or to the client. */
export type Direction = "up" | "down";

/** One connection through the proxy. */
export class Tunnel {
  readonly #ends: Readonly<Record<Direction, Socket>>; // where the bytes of a direction go
  readonly #shut: Set<Direction> = new Set();
  readonly #limits: Map<Direction, { left: number; readonly then: () => void }> = new Map();
  readonly #marks: Map<Direction, { left: number; readonly then: () => void }> = new Map();
  #slice = Infinity;
  #open = true;
  #unanswered: boolean;

  /** @param server Where the client's bytes go; null for a connection that nobody answers. */
  constructor(client: Socket, server: Socket | null) {
    this.#ends = { up: server ?? client, down: client };
    this.#unanswered = server !== null;
    client.on("error", () => {}); // "close" follows
    client.on("close", () => this.close());
    if (server === null) {
      client.resume();
      return;
    }
    server.on("error", () => {});
    server.on("close", () => this.close());
    this.#pass(client, "up");
    this.#pass(server, "down");
  }

  /** Whether bytes can still pass. */
  get open(): boolean {
    return this.#open;
  }

  /** Whether the server has not answered yet to what was passed on, and will. */
  get awaits_server(): boolean {
    return this.#open && this.#unanswered && this.#shut.size === 0;
  }

  /** Passes no more bytes in one direction, or in both; the connection stays open. */
  stall(direction?: Direction): void {
    for (const each of directions(direction)) this.#shut.add(each);
    for (const each of directions(direction)) this.#source(each).pause();
  }

  /** Passes at most so many bytes at once, each in a turn of its own. */
  split(size: number): void {
    this.#slice = size;
  }

  /** Passes so many bytes more in a direction, then calls `then`: to stall it, or to cut it. */
  limit(direction: Direction, bytes: number, then: () => void): void {
    this.#limits.set(direction, { left: bytes, then });
  }

  /** Calls `then` when so many bytes more have passed in a direction and were seen; the others follow. */
  mark(direction: Direction, bytes: number, then: () => void): void {
    this.#marks.set(direction, { left: bytes, then });
  }

  /** Forgets all marks. */
  unmark(): void {
    this.#marks.clear();
  }

  /** Sends bytes that are none of the other end's. */
  inject(direction: Direction, bytes: Uint8Array): void {
    this.#ends[direction].write(bytes);
  }

  /** Closes both ends: `reset` as a crash does, `end` in good order. */
  cut(how: "reset" | "end" = "reset"): void {
    for (const socket of new Set(Object.values(this.#ends))) {
      if (how === "end") socket.end();
      else if (socket.writableEnded) socket.destroy(); // a reset would keep Node from exiting
      else socket.resetAndDestroy();
    }
  }

  /** Drops both ends, with what is still to be passed. */
  close(): void {
    this.#open = false;
    for (const socket of Object.values(this.#ends)) socket.destroy();
  }

  #source(direction: Direction): Socket {
    return direction === "up" ? this.#ends.down : this.#ends.up;
  }

  #pass(from: Socket, direction: Direction): void {
    const to = this.#ends[direction];
    from.on("end", () => to.end());
    from.on("data", async (chunk) => {
      from.pause();
      this.#unanswered = direction === "up";
      const end = this.#allowed(direction, chunk.length);
      for (let at = 0; at < end && !this.#shut.has(direction);) {
        if (at > 0) await turn();
        const left = this.#marks.get(direction)?.left ?? Infinity;
        const size = Math.min(this.#slice, left, end - at);
        if (size > 0) await written(to, chunk.subarray(at, at += size));
        await this.#passed(direction, size);
      }
      if (end < chunk.length) this.#limits.get(direction)!.then();
      if (!this.#shut.has(direction)) from.resume();
    });
  }

  async #passed(direction: Direction, size: number): Promise<void> {
    const mark = this.#marks.get(direction);
    if (mark === undefined || (mark.left -= size) > 0) return;
    this.#marks.delete(direction);
    for (let turns = 0; turns < TURNS_TO_SEE; turns++) await turn();
    mark.then();
  }

  /** How many of so many bytes may pass. */
  #allowed(direction: Direction, size: number): number {
    const limit = this.#limits.get(direction);
    if (limit === undefined) return size;
    const allowed = Math.min(size, limit.left);
    limit.left -= allowed;
    return allowed;
  }
}

/** Listens on a free port of 127.0.0.1. */
export class Proxy implements AsyncDisposable {
  /** What becomes of the connections to come. */
  admission: Admission = "pass";
  /** What is done to each of them. */
  on_tunnel: (tunnel: Tunnel) => void = () => {};
  /** How many came. */
  accepted = 0;
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #tunnels: Set<Tunnel> = new Set();

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (client) => this.#admit(client));
  }

  /** Opens a proxy in front of a server. */
  static async open(target: { readonly host: string; readonly port: number }): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  /** The way through it, where `url` is the way to the server. */
  through(url: string): string {
    const way = new URL(url);
    way.hostname = "127.0.0.1";
    way.port = `${(this.#server.address() as AddressInfo).port}`;
    return way.href;
  }

  /** Connections that are open, the oldest first. */
  get tunnels(): readonly Tunnel[] {
    return [...this.#tunnels].filter(({ open }) => open);
  }

  /** Whether the server has anything to answer. */
  get awaits_server(): boolean {
    return this.tunnels.some((tunnel) => tunnel.awaits_server);
  }

  /** Closes all connections, and takes no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const tunnel of this.#tunnels) tunnel.close();
    await closed;
  }

  #admit(client: Socket): void {
    this.accepted++;
    if (this.admission === "reset") {
      client.on("error", () => {});
      return void client.resetAndDestroy();
    }
    const server = this.admission === "mute" ? null : connect({ ...this.#target, noDelay: true });
    const tunnel = new Tunnel(client, server);
    this.#tunnels.add(tunnel);
    client.on("close", () => this.#tunnels.delete(tunnel));
    this.on_tunnel(tunnel);
  }
}

function directions(direction: Direction | undefined): readonly Direction[] {
  return direction === undefined ? ["up", "down"] : [direction];
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Settles when the socket takes more, or is closed. */
function written(to: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => to.write(bytes, () => resolve()));
}
