/**
 * The other end of an adapter's socket: servers and a valve on `node:net` and
 * `node:tls`, in this process.
 *
 * Law: whatever a test did, disposing of them closes every connection.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll } from "@std/testing/bdd";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket as Net } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createServer as create_tls_server, type TlsOptions } from "node:tls";
import type { Address } from "../../src/adapters/socket.ts";

/** A file of tests/support/certs. */
export function pem(name: string): string {
  return readFileSync(new URL(`../support/certs/${name}`, import.meta.url), "utf8");
}

/** A directory of its own, until it is disposed of. */
export function temporary(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "adapter-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** A listening server. */
export class Peer implements AsyncDisposable {
  /** Where it listens. */
  address!: Address;
  /** Connections now open. */
  readonly open: Set<Net> = new Set();
  /** Connections ever accepted. */
  accepted = 0;
  readonly #server: Server;
  readonly #raw: Set<Net> = new Set();
  #directory: ReturnType<typeof temporary> | null = null;
  #watchers: (() => void)[] = [];

  /** Takes a server that does not listen yet. */
  constructor(server: Server, event: "connection" | "secureConnection", serve: (net: Net) => void) {
    this.#server = server;
    server.on("connection", (net: Net) => { // also where TLS never comes about
      this.#raw.add(net);
      net.on("error", () => {});
      net.on("close", () => this.#raw.delete(net));
    });
    server.on(event, (net: Net) => {
      this.accepted++;
      this.open.add(net);
      net.on("error", () => {}); // tests reset connections
      net.on("close", () => {
        this.open.delete(net);
        this.#notify();
      });
      serve(net);
      this.#notify();
    });
  }

  /** Listens on a free port of 127.0.0.1, or on a Unix socket. */
  async listen(kind: "tcp" | "unix" = "tcp"): Promise<this> {
    this.#directory = kind === "unix" ? temporary() : null;
    const path = this.#directory && join(this.#directory.path, "socket");
    const where = path === null ? { host: "127.0.0.1", port: 0 } : { path };
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(where, resolve);
    });
    this.address = path === null
      ? { hostname: "127.0.0.1", port: (this.#server.address() as AddressInfo).port }
      : { path };
    return this;
  }

  /** Settles when `condition` holds; looks whenever a connection opens or closes. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** Settles when `count` connections have come and none is open. */
  async deserted(count = 1): Promise<void> {
    await this.until(() => this.accepted >= count && this.open.size === 0);
  }

  /** Closes the server and every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const net of [...this.open, ...this.#raw]) net.destroy();
    await closed;
    this.#directory?.[Symbol.dispose]();
  }

  #notify(): void {
    for (const wake of this.#watchers.splice(0)) wake();
  }
}

/** Serves each connection with `serve`. */
export function listen(serve: (net: Net) => void, kind?: "tcp" | "unix"): Promise<Peer> {
  return new Peer(createServer({ noDelay: true }), "connection", serve).listen(kind);
}

/** Serves each connection with `serve`, over TLS as `server.pem`. */
export function listen_tls(serve: (net: Net) => void, options: TlsOptions = {}): Promise<Peer> {
  const server = create_tls_server({ cert: pem("server.pem"), key: pem("server.key"), ...options });
  server.on("tlsClientError", () => {}); // tests refuse certificates
  return new Peer(server, "secureConnection", serve).listen();
}

/** Sends back what comes. */
export function echo(net: Net): void {
  net.pipe(net);
}

/** Between the adapter and a peer: counts bytes, and passes none while it is shut. */
export class Valve implements AsyncDisposable {
  /** Bytes that the client sent, and this took. */
  up = 0;
  /** Bytes that the peer sent, and the client's side took. */
  down = 0;
  /** What the client connects to. */
  readonly peer: Peer;
  #shut = false;
  readonly #sources: Set<Net> = new Set();

  private constructor(peer: Peer) {
    this.peer = peer;
  }

  /** Opens a valve in front of `target`. */
  static async open(target: Address, kind: "tcp" | "unix" = "tcp"): Promise<Valve> {
    const valve: Valve = new Valve(
      await listen((net) => {
        const onward = "path" in target
          ? connect(target.path)
          : connect({ port: target.port, host: target.hostname, noDelay: true });
        onward.on("error", () => {}); // "close" follows
        valve.#pass(net, onward, (size) => valve.up += size);
        valve.#pass(onward, net, (size) => valve.down += size);
      }, kind),
    );
    return valve;
  }

  /** What the client is to dial. */
  get address(): Address {
    return this.peer.address;
  }

  /** Takes no more bytes, from either side. */
  shut(): void {
    this.#shut = true;
    for (const net of this.#sources) net.pause();
  }

  /** Passes bytes again. */
  unshut(): void {
    this.#shut = false;
    for (const net of this.#sources) net.resume();
  }

  #pass(from: Net, to: Net, count: (size: number) => void): void {
    this.#sources.add(from);
    from.on("end", () => to.end());
    from.on("close", (failed: boolean) => {
      this.#sources.delete(from);
      if (failed) to.destroy();
    });
    from.on("data", (chunk) => {
      from.pause();
      to.write(chunk, (error) => {
        if (error) return;
        count(chunk.length);
        if (!this.#shut) from.resume();
      });
    });
  }

  /** Closes both sides of every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer[Symbol.asyncDispose]();
  }
}

/** A connection of its own to measure time by, in round trips: it has no other clock. */
export class Bell implements AsyncDisposable {
  readonly #server: Server = createServer({ noDelay: true }, echo);
  #ringer!: Net;

  /** Makes a bell. */
  static async make(): Promise<Bell> {
    const bell = new Bell();
    await new Promise<void>((resolve) => bell.#server.listen(0, "127.0.0.1", resolve));
    const { port } = bell.#server.address() as AddressInfo;
    bell.#ringer = connect({ port, host: "127.0.0.1", noDelay: true });
    return bell;
  }

  /** One round trip. */
  async ring(): Promise<void> {
    const rung = new Promise((resolve) => this.#ringer.once("data", resolve));
    this.#ringer.write("?");
    await rung;
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const silent = new Promise((resolve) => this.#server.close(resolve));
    this.#ringer.destroy();
    await silent;
  }
}

/** Settles when `progress` has stood still for a hundred rings: who could go on would have. */
export async function stalled(progress: () => number = () => 0): Promise<void> {
  const bell = await Bell.make();
  let last = -1;
  for (let still = 0; still < 100;) {
    await bell.ring();
    const now = progress();
    still = now === last ? still + 1 : 0;
    last = now;
  }
  await bell[Symbol.asyncDispose]();
}

/** Declares, within a suite, that none of its tests lets an error escape to the process. */
export function no_escapes(): void {
  const escaped: unknown[] = [];
  const escape = (error: unknown) => escaped.push(error);

  beforeAll(() => {
    process.on("unhandledRejection", escape);
    process.on("uncaughtException", escape);
  });

  afterAll(() => {
    process.off("unhandledRejection", escape);
    process.off("uncaughtException", escape);
    assertEquals(escaped, []);
  });
}
