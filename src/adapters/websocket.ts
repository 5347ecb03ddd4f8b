/**
 * Sockets through a proxy that carries TCP over WebSockets, for runtimes that
 * have no TCP of their own.
 *
 * The proxy is told whom to connect to by `?address=host:port`, as Neon's
 * `wsproxy` has it. Each message is a piece of the stream.
 *
 * Law: what a WebSocket cannot do is bounded. It cannot hold the server back,
 * so too many unread bytes end the connection; it takes all that it is given,
 * so it is given a little at a time.
 *
 * @module
 */

import { NotSupportedError, OperationalError } from "../errors.ts";
import { dialing } from "./dialing.ts";
import { address_text } from "./failure.ts";
import { host_env } from "./host.ts";
import { Inflow } from "./inflow.ts";
import type { Adapter, Address, Socket } from "./socket.ts";

/** How an adapter over WebSockets behaves. */
export interface WebSocketOptions {
  /** Most bytes from the server that may wait to be read; more end the connection. Default: 64 MiB. */
  readonly max_unread?: number | undefined;
}

/**
 * Makes an adapter that reaches every server through one proxy.
 *
 * The proxy sees all that is sent: let it be your own, and `wss:`.
 *
 * @param proxy The proxy's `ws:` or `wss:` URL. Parameters that it has are kept.
 * @throws {TypeError} If it is no such URL.
 */
export function websocket_adapter(proxy: string | URL, options: WebSocketOptions = {}): Adapter {
  const { max_unread = 64 * 1024 * 1024 } = options;
  if (!(max_unread > 0)) {
    throw new RangeError(`max_unread must be more than 0, but is ${max_unread}`);
  }
  const base = new URL(proxy);
  if (base.protocol !== "ws:" && base.protocol !== "wss:") throw new TypeError("no WebSocket URL");
  return {
    name: "websocket",
    no_tls: "there is none inside a WebSocket",
    dial: (address, signal) =>
      dialing(address, signal, async () => ({
        ...await open(proxy_url(base, address), max_unread, signal),
        is_private: proxy_is_private(base, address),
      })),
    env: host_env,
  };
}

/**
 * Whether a password may go this way: a `wss:` proxy is trusted with what it carries, any other with
 * what stays on this machine.
 */
export function proxy_is_private(proxy: URL, address: Address): boolean {
  if (proxy.protocol === "wss:") return true;
  return "hostname" in address && LOOPBACK.test(proxy.hostname) && LOOPBACK.test(address.hostname);
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

function proxy_url(base: URL, address: Address): URL {
  if ("path" in address) {
    throw new NotSupportedError(
      `cannot connect to ${address.path}: a WebSocket leads to no Unix socket`,
    );
  }
  const url = new URL(base);
  url.searchParams.set("address", address_text(address));
  return url;
}

async function open(
  url: URL,
  max_unread: number,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const web = new WebSocket(url);
  web.binaryType = "arraybuffer";
  const socket = wrap(web, max_unread); // before it opens: nothing may come unheard
  const abandon = () => web.close();
  signal?.addEventListener("abort", abandon);
  try {
    await new Promise<void>((resolve, reject) => {
      const refuse = () =>
        reject(new Error(`the WebSocket proxy ${url.host} does not answer, or refuses`));
      web.addEventListener("open", () => resolve());
      web.addEventListener("error", refuse);
      web.addEventListener("close", refuse);
    });
  } finally {
    signal?.removeEventListener("abort", abandon);
  }
  return socket;
}

const NORMAL = 1000; // close code, RFC 6455, section 7.4.1

function wrap(web: WebSocket, max_unread: number): Socket {
  let lost: Error | null = null;
  let wake: () => void = () => {}; // ends the pause of the write that waits for room
  const lose = (reason: Error) => {
    lost ??= reason;
    wake();
  };
  const close = () => {
    inflow.end();
    lose(new OperationalError("cannot write: the socket is closed"));
    web.close(NORMAL);
  };
  const inflow = new Inflow({ pause: () => {}, resume: () => {}, close });
  const fail = (reason: Error) => {
    inflow.fail(reason);
    lose(reason);
    web.close(NORMAL);
  };

  web.addEventListener("message", ({ data }) => {
    if (!(data instanceof ArrayBuffer)) {
      return fail(cut_off("the WebSocket proxy must send bytes only, but sent text"));
    }
    inflow.push(new Uint8Array(data));
    if (inflow.unread > max_unread) fail(too_slow(max_unread));
  });
  web.addEventListener("close", ({ code }) => {
    if (code === NORMAL) close();
    else fail(cut_off(`the WebSocket proxy closed with code ${code}`));
  });

  return {
    readable: inflow.readable,
    writable: new WritableStream<Uint8Array>({
      async write(chunk) {
        for (let at = 0; at < chunk.length; at += PIECE) {
          while (!lost && web.bufferedAmount >= PIECE) await pause((end) => wake = end);
          if (lost) throw lost;
          web.send(chunk.subarray(at, at + PIECE) as Uint8Array<ArrayBuffer>);
        }
      },
      close,
      abort: close,
    }),
    peer_certificate: null,
    close,
  };
}

const PIECE = 256 * 1024; // bytes of a message, and of what may wait to be sent
const POLL = 5; // milliseconds; no event says that there is room again

/** Settles after a while, or when `end` is called. */
function pause(give: (end: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, POLL);
    give(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function too_slow(max_unread: number): OperationalError {
  return new OperationalError(
    `cannot go on reading: at most ${max_unread} bytes may wait, but more came unread`,
    {
      hint: "a WebSocket cannot hold the server back: read faster, or in batches with a cursor",
      sqlstate: CONNECTION_FAILURE,
    },
  );
}

function cut_off(fact: string): OperationalError {
  return new OperationalError(`the connection was lost: ${fact}`, { sqlstate: CONNECTION_FAILURE });
}

/** SQLSTATE, as of a connection that is lost on any other way. */
const CONNECTION_FAILURE = "08006";
