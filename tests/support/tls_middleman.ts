/**
 * Someone between client and server who speaks TLS with both, by a certificate of his own.
 *
 * Law: plain bytes never pass, in either direction.
 *
 * @module
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import {
  connect as connect_tls,
  createServer as create_tls_server,
  type TLSSocket,
} from "node:tls";
import type { Credentials } from "./authority.ts";

/** What he saw of one connection. */
export interface Seen {
  /** The name that the client asked for (SNI); null if for none. */
  readonly sni: string | null;
  /** Whether the client began with TLS, and did not ask first. */
  readonly direct: boolean;
  /** The first bytes inside TLS. */
  readonly first: Uint8Array;
}

const SSL_REQUEST = [0, 0, 0, 8, 4, 210, 22, 47];

/** Listens on a free port of 127.0.0.1. */
export class TlsMiddleman implements AsyncDisposable {
  /** What he saw, one for each connection that got so far. */
  readonly seen: Seen[] = [];
  readonly #outer: Server;
  readonly #inner: Server;
  readonly #sockets: Set<Socket> = new Set();
  #direct = false; // the connection that is being passed inwards; tests make one at a time

  private constructor({ cert, key }: Credentials, target: { host: string; port: number }) {
    this.#outer = createServer((socket) => this.#greet(socket));
    this.#inner = create_tls_server(
      { cert, key, ALPNProtocols: ["postgresql"] },
      (socket) => this.#serve(socket, target),
    );
    this.#inner.on("tlsClientError", () => {});
  }

  /** Starts him in front of a server of version 17 or later. */
  static async start(
    credentials: Credentials,
    target: { host: string; port: number },
  ): Promise<TlsMiddleman> {
    const middleman = new TlsMiddleman(credentials, target);
    for (const server of [middleman.#outer, middleman.#inner]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return middleman;
  }

  /** Where he listens. */
  get port(): number {
    return (this.#outer.address() as AddressInfo).port;
  }

  /** Answers the question for TLS, and passes the handshake inwards. */
  #greet(socket: Socket): void {
    this.#keep(socket);
    socket.once("data", (chunk) => {
      const asks = SSL_REQUEST.every((byte, at) => chunk[at] === byte);
      const direct = chunk[0] === 0x16; // a TLS handshake
      if (!asks && !direct) return void socket.destroy();
      this.#direct = direct;
      const { port } = this.#inner.address() as AddressInfo;
      const inwards = this.#keep(connect(port, "127.0.0.1"));
      if (asks) socket.write("S");
      else inwards.write(chunk);
      socket.pipe(inwards).pipe(socket);
    });
  }

  #serve(socket: TLSSocket, target: { host: string; port: number }): void {
    this.#keep(socket);
    const { servername } = socket as { servername?: string | false };
    const direct = this.#direct;
    socket.once("data", (first) => {
      this.seen.push({ sni: servername || null, direct, first: new Uint8Array(first) });
      const options = { ...target, rejectUnauthorized: false, ALPNProtocols: ["postgresql"] };
      const onwards = this.#keep(connect_tls(options));
      onwards.write(first);
      socket.pipe(onwards).pipe(socket);
    });
  }

  #keep<S extends Socket>(socket: S): S {
    this.#sockets.add(socket);
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#sockets.delete(socket));
    return socket;
  }

  /** Closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const servers = [this.#outer, this.#inner];
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }
}
