/**
 * Lets the `postgres` package run over the sockets of edgepg, on every runtime that has them.
 *
 * ```ts ignore
 * import postgres from "postgres";
 * import { socket_for } from "@edgepg/edgepg/postgres";
 *
 * const options = { ssl: false, socket: socket_for() };
 * const sql = postgres("postgres://app@localhost/app", options);
 * ```
 *
 * Law: the socket that the package is given is already as safe as `sslmode` demands; the package's
 * own TLS stays out of it.
 *
 * Source: https://github.com/porsager/postgres, "Custom socket", version 3.4
 *
 * @module
 */

import { bun_adapter } from "../adapters/bun.ts";
import { deno_adapter } from "../adapters/deno.ts";
import { detect_adapter } from "../adapters/detect.ts";
import { make_duplex, type SocketDuplex } from "../adapters/duplex.ts";
import { error_code } from "../adapters/failure.ts";
import { node_adapter } from "../adapters/node.ts";
import type { Adapter, Address, Clock, Socket, TlsOptions } from "../adapters/socket.ts";
import { websocket_adapter, type WebSocketOptions } from "../adapters/websocket.ts";
import { workerd_adapter } from "../adapters/workerd.ts";
import { system_clock } from "../connection/base/clock.ts";
import { abort_after } from "../connection/base/within.ts";
import { open_channel } from "../connection/login/encrypt.ts";
import { first_line } from "../connection/login/login_io.ts";
import type {
  ProtocolVersion,
  SecurityOptions,
  SslMode,
} from "../connection/options/connect_options.ts";
import type { Host } from "../connection/options/hosts.ts";
import { resolve_options, type ResolvedOptions } from "../connection/options/options.ts";
import { InterfaceError, OperationalError, TimeoutError } from "../errors.ts";

export { bun_adapter, deno_adapter, node_adapter, websocket_adapter, workerd_adapter };
export type { ProtocolVersion, SecurityOptions };
export type {
  Adapter,
  Address,
  Clock,
  Socket,
  SocketDuplex,
  SslMode,
  TlsOptions,
  WebSocketOptions,
};

/** How TLS is used, as in `connect()`; what is left out comes from libpq's variables, such as `PGSSLMODE`. */
export interface SocketOptions extends
  Pick<
    SecurityOptions,
    "sslnegotiation" | "sslrootcert" | "sslcert" | "sslkey" | "sslcertmode"
  > {
  /**
   * As in `connect()`, with `prefer` as the default; but the package logs in by itself, so nothing
   * is tried again the other way when the server refuses the login.
   */
  readonly sslmode?: Exclude<SslMode, "allow"> | undefined;
}

/** What is read of the package's options, as it has put them together. */
export interface PostgresOptions {
  /** Names or addresses of servers; only the first while none can be reached. */
  host: readonly string[];
  /** One port for each. */
  readonly port: readonly number[];
  /** The file of a Unix socket, instead of hosts. */
  readonly path: string | false;
  /** Who logs in. */
  readonly user: string;
  /** The package's own TLS; must be off. */
  readonly ssl?: unknown;
  /** Which servers will do; the package asks for another socket while it has none of them. */
  readonly target_session_attrs?: string | null | undefined;
  /** Seconds for all servers together. */
  readonly connect_timeout?: unknown;
}

/** The package's `socket` option. */
export type PostgresSocket = (options: PostgresOptions) => SocketDuplex;

/**
 * Makes the `socket` option of the `postgres` package.
 *
 * Give the package `ssl: false`, also where its URL has `sslmode`, and the `sslmode` here: the
 * package would run its own TLS through the socket, and is refused that. Several hosts are tried in
 * their order for each connection; `target_session_attrs` makes each attempt begin with the next one.
 * A query's `cancel()` asks the first host that answers, as it does in the package.
 *
 * The package also logs in by itself, with whatever the server asks for: across a network, `sslmode`
 * should be `verify-full`.
 *
 * The package closes the sockets. Its errors are its own, but for those of connecting, which are
 * edgepg's with the system's `code`, such as `ECONNREFUSED`.
 *
 * @param adapter Opens the sockets. Default: that of the runtime at hand.
 * @param options How TLS is used.
 */
export function socket_for(
  adapter: Adapter = detect_adapter(),
  options: SocketOptions = {},
): PostgresSocket {
  if (typeof adapter?.dial !== "function") {
    throw new InterfaceError("cannot make the socket option: an adapter comes first, but is none", {
      hint: "socket_for(undefined, options) is for the runtime at hand",
    });
  }
  let turn = 0;
  return (given) => {
    const hosts = given.host = withheld.get(given.host) ?? given.host;
    const first = given.target_session_attrs ? turn++ % hosts.length : 0;
    const now = { ...given }; // `host` may be another when it is read
    const duplex = make_duplex((signal) =>
      open(adapter, options, now, first, signal).catch((error) => {
        withhold_hosts(given, hosts);
        throw with_code(error);
      })
    );
    go_on_reading(duplex);
    return Object.assign(duplex, { host: hosts[0], port: given.port[0] }); // for its messages
  };
}

/** All hosts, by those that the package was left. */
const withheld = new WeakMap<readonly string[], readonly string[]>();

/** Leaves the package one host: while it sees more, it swallows errors and asks for another socket. */
function withhold_hosts(given: PostgresOptions, hosts: readonly string[]): void {
  if (hosts.length > 1) withheld.set(given.host = hosts.slice(0, 1), hosts);
}

/** The package (3.4.9) may leave its socket paused after a COPY: it then waits for answers without end. */
function go_on_reading(duplex: SocketDuplex): void {
  const write = duplex.write;
  duplex.write = (...args: unknown[]) => {
    duplex.resume();
    return Reflect.apply(write, duplex, args);
  };
}

/** Opens a socket to the first server that can be reached, beginning with one of them. */
async function open(
  adapter: Adapter,
  options: SocketOptions,
  given: PostgresOptions,
  first: number,
  signal: AbortSignal,
): Promise<Socket> {
  if (given.ssl) throw own_tls();
  if (given.path) return await adapter.dial({ path: given.path }, signal);
  const { host, port, user, connect_timeout } = given;
  const resolved = await resolve_options({ ...options, host, port, user }, undefined, adapter);
  const hosts = [...resolved.hosts.slice(first), ...resolved.hosts.slice(0, first)];
  const seconds = hosts.length > 1 ? Number(connect_timeout) / hosts.length : Infinity;
  const failures: unknown[] = [];
  for (const host of hosts) {
    try {
      return await abort_after(
        system_clock,
        seconds || Infinity,
        () => too_slow(seconds),
        signal,
        (signal) => dial(adapter, resolved, host, signal),
      );
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  throw failures.length === 1 ? failures[0] : none_reached(failures);
}

async function dial(
  adapter: Adapter,
  options: ResolvedOptions,
  host: Host,
  signal: AbortSignal,
): Promise<Socket> {
  const { sslmode, sslnegotiation } = options;
  const use_tls = sslmode !== "disable" && sslmode !== "allow";
  const encryption = { sslmode, sslnegotiation, tls: options.tls_for(host) };
  return (await open_channel(adapter, host.address, encryption, use_tls, signal)).socket;
}

function own_tls(): InterfaceError {
  return new InterfaceError(
    "cannot open a socket: TLS must be left to socket_for(), but the postgres package has ssl on",
    { hint: "pass ssl: false to postgres(), and sslmode to socket_for()" },
  );
}

function too_slow(seconds: number): TimeoutError {
  return new TimeoutError(
    `cannot connect: each host must answer within ${seconds} s (connect_timeout), but one did not`,
  );
}

function none_reached(failures: readonly unknown[]): OperationalError {
  return new OperationalError("cannot connect: no host could be reached", {
    detail: failures.map(first_line).join("\n"),
    sqlstate: "08001",
    safe_to_retry: true,
    cause: failures.at(-1),
  });
}

/** The error with the system's code, which users of the package look at. */
function with_code(error: unknown): unknown {
  let cause = error;
  while (cause instanceof OperationalError) cause = cause.cause;
  const code = error_code(cause);
  return code === "" ? error : Object.assign(error as Error, { code });
}
