/**
 * Sockets on Deno: `Deno.connect`, read and written directly.
 *
 * Needs `--allow-net`, and `--allow-read --allow-write` for a Unix socket.
 *
 * Law: nothing is read from the network that nobody asked for.
 *
 * The streams are hand-made over `conn.read()` and `conn.write()`: a round trip
 * of 64 bytes took 54 µs of CPU that way, 74 through `conn.readable` and
 * `conn.writable`, 81 with BYOB; large reads were a third faster with 256 KiB
 * at a time than with the 64 KiB of `conn.readable`.
 *
 * TLS is `node:tls` over those same calls. `Deno.startTls` would save 40 µs of
 * CPU a round trip, but its connections, once closed, hold the socket for as
 * long as the server answers no handshake or takes no bytes; its `caCerts` are
 * trusted beside the built-in roots and not instead of them; and it knows no
 * client certificate, no unverified mode, and no peer certificate.
 *
 * @module
 */

import { dialing } from "./dialing.ts";
import { address_text } from "./failure.ts";
import { host_text, host_user } from "./host.ts";
import { load_node } from "./load_node.ts";
import { start_tls } from "./node_streams.ts";
import type { Adapter, Address, Socket, TlsOptions } from "./socket.ts";

/** Deno 2 and later. Never prompts: what is not yet granted is not there. */
export const deno_adapter: Adapter = {
  name: "deno",
  dial: (address, signal) => dialing(address, signal, () => open(address, signal)),
  env,
  user: () => host_user(env, USER_INFO.every(granted)),
  read_text: async (path, options) =>
    granted({ name: "read", path }) ? await host_text(path, options) : undefined,
};

/** What asking the system for the user's name takes. Deno's type lacks "userInfo". */
const USER_INFO = ["uid", "gid", "userInfo"].map(
  (kind) => ({ name: "sys", kind } as Deno.SysPermissionDescriptor),
);

function env(name: string): string | undefined {
  return granted({ name: "env", variable: name }) ? Deno.env.get(name) : undefined;
}

function granted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

async function open(address: Address, signal: AbortSignal | undefined): Promise<Socket> {
  if ("path" in address) {
    return wrap(await Deno.connect({ transport: "unix", path: address.path }), address);
  }
  const { hostname, port } = address;
  const conn = await Deno.connect({ hostname, port, ...(signal && { signal }) });
  conn.setNoDelay(true);
  conn.setKeepAlive(true); // as libpq does
  return wrap(conn, permitted({ ...conn.remoteAddr }) ?? address);
}

/** The address, if it may be dialled: permission for a name is none for what it resolves to. */
function permitted({ hostname, port }: { hostname: string; port: number }): Address | null {
  const address = { hostname, port };
  return granted({ name: "net", host: address_text(address) }) ? address : null;
}

function wrap(conn: Deno.Conn, remote: Address): Socket {
  let ended = false; // closed, or handed over to TLS
  const close = () => {
    ended = true;
    drop(conn);
  };
  const read = reader(conn);
  return {
    readable: new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const chunk = ended ? null : await read();
          if (chunk === null) controller.close();
          else controller.enqueue(chunk);
        } catch (error) {
          if (!ended) throw error;
          controller.close();
        }
      },
      cancel: close,
    }, { highWaterMark: 0 }), // no reading ahead: TLS may start after any byte
    writable: new WritableStream<Uint8Array>({
      write: (chunk) => write_all(conn, chunk),
      close,
      abort: close,
    }),
    start_tls(options) {
      ended = true;
      return secure(conn, remote, options);
    },
    peer_certificate: null,
    remote,
    ref: () => conn.ref(),
    unref: () => conn.unref(),
    close,
  };
}

/**
 * Runs `node:tls` over the connection. It reads without end, whatever its
 * reader does, so the gate below it is what holds the server back.
 */
async function secure(conn: Deno.Conn, remote: Address, options: TlsOptions): Promise<Socket> {
  const gate = new Gate();
  const read = reader(conn);
  const { Duplex } = load_node("node:stream");
  const duplex = new Duplex({
    async read() {
      await gate.opened;
      try {
        this.push(await read());
      } catch (error) {
        this.destroy(error as Error);
      }
    },
    write(chunk, _encoding, done) {
      write_all(conn, chunk).then(() => done(), done);
    },
  });
  duplex.on("error", () => {}); // reported by what runs over it
  return await start_tls(
    duplex,
    options,
    {
      pause: () => gate.shut(),
      resume: () => gate.open(),
      ref: () => conn.ref(),
      unref: () => conn.unref(),
      close: () => drop(conn),
      remote,
    },
    false,
    () => {},
  );
}

/** Whether reading may go on; open at first. */
class Gate {
  /** Settles when the gate is open. */
  opened: Promise<void> = Promise.resolve();
  /** Opens the gate. */
  open: () => void = () => {};
  #shut = false;

  /** Shuts the gate, unless it is shut. */
  shut(): void {
    if (this.#shut) return;
    this.#shut = true;
    this.opened = new Promise((resolve) =>
      this.open = () => {
        this.#shut = false;
        resolve();
      }
    );
  }
}

/** Bytes to read at once when all answers were small so far. */
const FIRST_READ = 16 * 1024;
/** And since one was not. */
const READ_SIZE = 256 * 1024;

/**
 * Returns a function that reads a chunk, null at the end. The chunk is the
 * caller's: of a buffer mostly filled it takes the buffer, else a copy.
 */
function reader(conn: Deno.Conn): () => Promise<Uint8Array | null> {
  let buffer = new Uint8Array(FIRST_READ);
  return async () => {
    const size = await conn.read(buffer);
    if (size === null) return null;
    if (size < buffer.length / 4) return buffer.slice(0, size);
    const chunk = buffer.subarray(0, size);
    buffer = new Uint8Array(READ_SIZE);
    return chunk;
  };
}

async function write_all(conn: Deno.Conn, chunk: Uint8Array): Promise<void> {
  let sent = await conn.write(chunk);
  while (sent < chunk.length) sent += await conn.write(chunk.subarray(sent));
}

function drop(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // BadResource: it was closed before.
  }
}
