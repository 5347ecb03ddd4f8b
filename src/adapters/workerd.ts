/**
 * Sockets on workerd, the runtime of Cloudflare Workers: `cloudflare:sockets`.
 *
 * Its TLS always verifies the certificate, and against the name that was
 * dialled: `verify: "ca"` and `"none"` get more than they ask for. It takes no
 * roots and no client certificate, and shows none of the server's.
 *
 * A handshake that the server does not answer cannot be stopped: it lasts until
 * the request ends, though `close()` lets its caller go.
 *
 * Bytes are read through BYOB, 64 KiB at a time: a default reader gets 4 KiB
 * at a time, a quarter as fast.
 *
 * @module
 */

import { InterfaceError, NotSupportedError, OperationalError } from "../errors.ts";
import { dialing } from "./dialing.ts";
import { tls_error } from "./failure.ts";
import { host_env } from "./host.ts";
import type { Adapter, Address, Place, Socket, TlsOptions } from "./socket.ts";

/** Cloudflare Workers, also self-hosted. A socket lives no longer than the request that dialled it. */
export const workerd_adapter: Adapter = {
  name: "workerd",
  dial: (address, signal) => dialing(address, signal, () => open(address, signal)),
  place: this_request,
  env: host_env,
};

/** What is used of workerd's `Socket`. */
interface HostSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<unknown>;
  startTls(): HostSocket;
  close(): Promise<void>;
}

/** What is used of `cloudflare:sockets`. */
interface Host {
  connect(address: Address, options: { readonly secureTransport: "starttls" }): HostSocket;
}

async function open(address: Address, signal: AbortSignal | undefined): Promise<Socket> {
  if ("path" in address) {
    throw new NotSupportedError(`cannot connect to ${address.path}: workerd has no Unix sockets`);
  }
  const { connect } = await load();
  signal?.throwIfAborted(); // it may have aborted meanwhile
  const { hostname, port } = address;
  const host = connect({ hostname, port }, { secureTransport: "starttls" });
  const abandon = () => void host.close().catch(() => {});
  signal?.addEventListener("abort", abandon);
  try {
    await host.opened;
  } finally {
    signal?.removeEventListener("abort", abandon);
  }
  return wrap(host, hostname);
}

/** Not within the import, because bundlers look for what that names, and some refuse to go on. */
const MODULE = "sockets";

async function load(): Promise<Host> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ `cloudflare:${MODULE}`);
  } catch (cause) {
    throw no_workerd(cause);
  }
}

function no_workerd(cause?: unknown): NotSupportedError {
  return new NotSupportedError("cannot connect: this runtime has no cloudflare:sockets", { cause });
}

/** What is used of workerd's `WebSocketPair`. */
interface HostPair {
  readonly 0: { readonly readyState: number };
}

/**
 * The request that is being handled, or whatever else workerd handles: an alarm, a queue, an object.
 *
 * workerd gives requests no name. It makes objects that can be touched only in the request that made
 * them; this is the cheapest (measured: 4 µs to make, 0.1 µs to touch, 20 µs where it is refused).
 */
function this_request(): Place {
  const { WebSocketPair: Pair } = globalThis as { WebSocketPair?: new () => HostPair };
  if (Pair === undefined) throw no_workerd();
  let mark: HostPair[0];
  try {
    mark = new Pair()[0];
  } catch (cause) {
    throw new InterfaceError(
      "cannot connect: workerd has sockets only while it handles a request, but handles none",
      { hint: "connect in the handler; create_pool() needs minsize: 0 outside of it", cause },
    );
  }
  const is_here = () => {
    try {
      return mark.readyState >= 0;
    } catch {
      return false;
    }
  };
  return { name: "request", is_here };
}

const READ_SIZE = 64 * 1024; // bytes

/** @param dialled The name that TLS will verify. */
function wrap(host: HostSocket, dialled: string): Socket {
  let ended = false; // closed, or handed over to TLS
  let heir: Socket | null = null; // who runs TLS over it
  let give_up: () => void = () => {}; // ends the wait for a handshake
  const place = this_request();
  let buffer = new Uint8Array(READ_SIZE);
  const reader = host.readable.getReader({ mode: "byob" });
  const writer = host.writable.getWriter();
  for (const end of [host.closed, reader.closed, writer.closed, writer.ready]) {
    end.catch(() => {}); // reads and writes tell it, too
  }
  const end = () => {
    ended = true;
    give_up();
    heir?.close();
    // The socket's own `close()` would wait for a write that is stuck.
    reader.cancel().catch(() => {});
    writer.abort(new OperationalError("cannot write: the socket is closed")).catch(() => {});
    host.close().catch(() => {});
  };
  return {
    readable: new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { value, done } = ended
            ? { value: undefined, done: true }
            : await reader.read(buffer);
          if (done || value === undefined) return controller.close();
          const is_small = value.length < READ_SIZE / 4; // too small to give its buffer away
          controller.enqueue(is_small ? value.slice() : value);
          buffer = is_small ? new Uint8Array(value.buffer) : new Uint8Array(READ_SIZE);
        } catch (error) {
          if (!ended) throw error;
          controller.close();
        }
      },
      cancel: end,
    }, { highWaterMark: 0 }), // no reading ahead: TLS may start after any byte
    writable: new WritableStream<Uint8Array>({
      write: (chunk) => writer.write(chunk),
      close: end,
      abort: end,
    }),
    async start_tls(options) {
      ended = true;
      try {
        check(options, dialled);
        reader.releaseLock(); // with a lock left, the handshake would never end
        writer.releaseLock();
        const secure = host.startTls();
        heir = wrap(secure, dialled);
        await Promise.race([
          secure.opened.catch((cause) => {
            throw not_trusted(options.hostname, cause);
          }),
          new Promise((_, reject) => give_up = () => reject(new Error("the socket was closed"))),
        ]);
        return heir;
      } catch (cause) {
        end();
        throw tls_error(options, cause);
      }
    },
    peer_certificate: null,
    place,
    close: end,
  };
}

/** workerd has one error for all that can go wrong in a handshake, and keeps the reason for its log. */
function not_trusted(hostname: string, cause: unknown): OperationalError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new OperationalError(
    `cannot start TLS with ${hostname}: the handshake failed, or its certificate cannot be ` +
      `verified (${text})`,
    {
      hint:
        "workerd verifies in every sslmode but disable: the certificate must be for this name, " +
        "and by an authority that workerd trusts; its log has the reason",
      safe_to_retry: true,
      cause,
    },
  );
}

/** Refuses what workerd would silently leave out. */
function check(options: TlsOptions, dialled: string): void {
  const lack = lacking(options, dialled);
  if (lack === null) return;
  throw new NotSupportedError(`cannot start TLS with ${options.hostname}: workerd ${lack}`);
}

function lacking(options: TlsOptions, dialled: string): string | null {
  const { hostname, verify, ca, cert, alpn_required } = options;
  if (alpn_required) return "offers no protocol by ALPN, as sslnegotiation=direct needs";
  if (ca !== undefined) return "takes no roots of one's own";
  if (cert !== undefined) return "takes no client certificate";
  if (verify !== "full" || hostname === dialled) return null;
  return `verifies the name that it dialled, ${dialled}`;
}
