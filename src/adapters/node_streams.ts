/**
 * Node's duplex streams as sockets, and TLS over any of them.
 *
 * Shared by the adapters of Node and of Deno, whose own TLS cannot do all.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import { tls_error } from "./failure.ts";
import { Inflow } from "./inflow.ts";
import { load_node } from "./load_node.ts";
import type { Address, Socket, TlsOptions } from "./socket.ts";

/** What is used of a `Duplex` of `node:stream`, a `Socket` of `node:net` or `node:tls`. */
export interface HostStream {
  /** Adds a listener. */
  // deno-lint-ignore no-explicit-any -- each event has arguments of its own
  on(event: string, listener: (...args: any[]) => void): unknown;
  /** Removes a listener. */
  // deno-lint-ignore no-explicit-any -- as above
  off(event: string, listener: (...args: any[]) => void): unknown;
  /** Sends a chunk; `done` is called when it has left the process, or never will. */
  write(chunk: Uint8Array, done: (error?: Error | null) => void): unknown;
  /** Stops `data` events. */
  pause(): unknown;
  /** Restarts `data` events. */
  resume(): unknown;
  /** Drops the stream, with a FIN where it is a socket. */
  destroy(): unknown;
}

/** The connection below a stream, which the stream's own methods do not reach. */
export interface Ground {
  /** Called when the reader stops. */
  pause?(): void;
  /** Called when the reader goes on. */
  resume?(): void;
  /** Lets the process live. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
  /** Frees what destroying the stream does not. */
  close(): void;
  /** Where it leads. */
  readonly remote?: Address;
}

/** Makes a socket of a stream that is already open. */
export function wrap(
  stream: HostStream,
  ground: Ground,
  peer_certificate: Uint8Array | null = null,
): Socket {
  const inflow = new Inflow({
    pause: () => {
      stream.pause();
      ground.pause?.();
    },
    resume: () => {
      stream.resume();
      ground.resume?.();
    },
    close,
  });
  let top: HostStream = stream; // or the TLS that runs over it
  let lost: (() => Error) | null = null; // made for who asks, as errors are dear to make
  let refuse: ((reason: Error) => void) | null = null; // rejects the write under way

  function lose(reason: () => Error): void {
    lost ??= reason;
    refuse?.(lost()); // Deno's TLS never calls back a write that it gave up
  }

  function close(): void {
    inflow.end();
    lose(closed);
    top.destroy();
    ground.close();
  }

  function write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (lost) return reject(lost());
      refuse = reject;
      stream.write(chunk, (error) => {
        refuse = null;
        if (error) reject(error);
        else resolve();
      });
    });
  }

  // A plain view: `slice()` of Node's Buffer does not copy.
  const take = (data: Uint8Array) =>
    inflow.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  stream.on("data", take);
  stream.on("end", () => inflow.end());
  stream.on("error", (error: Error) => {
    inflow.fail(error);
    lose(() => error);
  });
  stream.on("close", close);

  return {
    readable: inflow.readable,
    writable: new WritableStream<Uint8Array>({ write, close, abort: close }),
    start_tls(options) {
      stream.off("data", take);
      stream.pause();
      const excess = inflow.unread > 0;
      inflow.end();
      return start_tls(stream, options, ground, excess, (secure) => top = secure);
    },
    peer_certificate,
    ...(ground.remote && { remote: ground.remote }),
    ref: () => ground.ref(),
    unref: () => ground.unref(),
    close,
  };
}

function closed(): OperationalError {
  return new OperationalError("cannot write: the socket is closed");
}

/**
 * Runs the TLS handshake as a client over an open stream.
 *
 * @param excess Whether the server already spoke out of turn.
 * @param adopt Told which stream to destroy from now on instead of `stream`. Node crashes when
 * a TLS stream is destroyed after the one below it.
 */
export async function start_tls(
  stream: HostStream,
  options: TlsOptions,
  ground: Ground,
  excess: boolean,
  adopt: (secure: HostStream) => void,
): Promise<Socket> {
  let top = stream;
  try {
    if (excess) throw out_of_turn();
    const secure = connect_tls(stream, options);
    adopt(top = secure);
    await opened(secure, "secureConnect");
    check_protocol(options, secure.alpnProtocol);
    const { raw } = secure.getPeerCertificate();
    return wrap(secure, ground, raw ? new Uint8Array(raw) : null);
  } catch (cause) {
    top.destroy();
    ground.close();
    throw tls_error(options, cause);
  }
}

/**
 * The error for plain bytes that came before the handshake. Someone between
 * may have put them there, to be read as if they had been encrypted (CVE-2021-23222).
 */
export function out_of_turn(): OperationalError {
  return new OperationalError(
    "cannot start TLS: the server must be silent before the handshake, but sent more bytes",
  );
}

/**
 * Refuses a server that did not pick a protocol where it must. Someone between may have led the
 * connection to another service that has the same certificate (ALPACA), as nothing was said in the
 * clear that only a database understands.
 *
 * Source: open_client_SSL, src/interfaces/libpq/fe-secure-openssl.c
 *
 * @param picked The protocol that the server picked of those that were offered.
 */
export function check_protocol(
  { hostname, alpn = [], alpn_required }: TlsOptions,
  picked: string | false | null | undefined,
): void {
  if (!alpn_required || (picked && alpn.includes(picked))) return;
  throw new OperationalError(
    `cannot start TLS with ${hostname}: it must pick ${alpn.join(" or ")} by ALPN, but does not`,
    { hint: "sslnegotiation=direct takes PostgreSQL 17 or later", safe_to_retry: true },
  );
}

interface SecureStream extends HostStream {
  readonly alpnProtocol?: string | false | null;
  getPeerCertificate(): { readonly raw?: Uint8Array };
}

function connect_tls(stream: HostStream, options: TlsOptions): SecureStream {
  const { isIP } = load_node("node:net");
  const { connect } = load_node("node:tls");
  const { hostname, ca, verify, cert, key, alpn } = options;
  return connect({
    // deno-lint-ignore no-explicit-any -- it is a Duplex; the type here is our own
    socket: stream as any,
    host: hostname, // the name to verify
    ...(isIP(hostname) === 0 && { servername: hostname }), // SNI takes no addresses
    rejectUnauthorized: verify !== "none",
    ...(verify !== "full" && { checkServerIdentity: () => undefined }),
    ...(ca && { ca: [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(alpn && { ALPNProtocols: [...alpn] }),
  });
}

/**
 * Resolves on `event`; rejects if the stream fails or closes before. Its
 * listeners stay: an error that nobody listens to would be uncaught.
 */
export function opened(stream: HostStream, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on(event, resolve);
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("the connection was closed")));
  });
}
