/**
 * The servers to try, in the order given.
 *
 * Law: what belongs to one host (address, port, name to verify, password) never
 * meets another's.
 *
 * Source: pqConnectOptions2, src/interfaces/libpq/fe-connect.c
 *
 * @module
 */

import type { Address } from "../../adapters/socket.ts";
import type { Settings } from "./given.ts";

/** One server. */
export interface Host {
  /** As the user named it, which is what its certificate and passfiles go by: a name, an address, or a directory. */
  readonly host: string;
  /** The port; of a Unix socket, the number in the file's name. */
  readonly port: number;
  /** Where to dial. */
  readonly address: Address;
  /** Whether `host` was given, and not only `hostaddr`. */
  readonly named: boolean;
}

/** libpq's default is a Unix socket where it was built for one; most runtimes here have none. */
const DEFAULT_HOST = "localhost";
const DEFAULT_PORT = 5432;
const MAX_PORT = 65_535;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;
const IP_ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:.]*:[\da-f:.]*(?:%\w+)?)$/i;

/**
 * The servers that `host`, `hostaddr` and `port` name.
 *
 * @throws {InterfaceError} If the lists do not fit, or a name, an address or a port is none.
 * @throws {NotSupportedError} For a socket in the abstract namespace.
 */
export function resolve_hosts(settings: Settings): readonly Host[] {
  const addresses = settings.list("hostaddr");
  const names = settings.list("host");
  const count = (addresses ?? names ?? [""]).length;
  if (names !== null && names.length !== count) {
    throw settings.invalid(
      "host",
      `must have a name for each hostaddr (${count})`,
      `has ${names.length}`,
    );
  }
  const ports = settings.list("port") ?? [""];
  if (ports.length !== 1 && ports.length !== count) {
    throw settings.invalid(
      "port",
      `must have one number, or one for each host (${count})`,
      `has ${ports.length}`,
    );
  }
  return Object.freeze(Array.from({ length: count }, (_, index) => {
    const port = read_port(settings, ports[ports.length === 1 ? 0 : index]!);
    return one_host(settings, names?.[index] ?? "", addresses?.[index] ?? "", port);
  }));
}

/** Whether what is sent there stays on this machine. */
export function is_local({ address }: Host): boolean {
  return "path" in address || LOOPBACK.test(address.hostname);
}

function one_host(settings: Settings, name: string, address: string, port: number): Host {
  if (address !== "" && !IP_ADDRESS.test(address)) {
    throw settings.invalid("hostaddr", "must be an IP address", "is not");
  }
  if (name.startsWith("@")) {
    throw settings.unsupported("host", "sockets in the abstract namespace are out of reach");
  }
  if (!name.startsWith("/") && /[\s@\/\0]/.test(name)) {
    throw settings.invalid(
      "host",
      "must be a name, an address or the path of a directory",
      "is not",
    );
  }
  const host = name || address || DEFAULT_HOST;
  const is_socket = address === "" && host.startsWith("/");
  return Object.freeze({
    host,
    port,
    address: Object.freeze(
      is_socket ? { path: `${host}/.s.PGSQL.${port}` } : { hostname: address || host, port },
    ),
    named: name !== "" || address === "",
  });
}

function read_port(settings: Settings, text: string): number {
  if (text === "") return DEFAULT_PORT;
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= MAX_PORT) return port;
  throw settings.invalid("port", `must be an integer from 1 to ${MAX_PORT}`, "is not");
}
