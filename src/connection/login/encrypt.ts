/**
 * Dials a server and encrypts the socket as `sslmode` says. For sessions and for
 * cancels alike, so that a key never takes a weaker way than the session it belongs to.
 *
 * Law: exactly one byte is read between SSLRequest and the TLS handshake. More
 * was sent by someone who wants it taken for encrypted (CVE-2021-23222); an
 * error text at this point is nobody's we know (CVE-2024-10977).
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (SSL Session Encryption)
 *
 * @module
 */

import type { Adapter, Address, Socket, TlsOptions } from "../../adapters/socket.ts";
import { ByteWriter } from "../../bytes/writer.ts";
import { NotSupportedError, OperationalError } from "../../errors.ts";
import { encode_ssl_request } from "../../protocol/frontend.ts";
import type { SslMode } from "../options/connect_options.ts";
import { closed, lost } from "./login_io.ts";

/** How a socket is encrypted. */
export interface EncryptionOptions {
  readonly sslmode: SslMode;
  /** `direct`: TLS at once, without asking (PostgreSQL 17). */
  readonly sslnegotiation: "postgres" | "direct";
  /** All that the TLS handshake needs. */
  readonly tls: TlsOptions;
}

/** A socket as it will be used. */
export interface Channel {
  readonly socket: Socket;
  readonly encrypted: boolean;
}

const YES = 0x53; // S
const NO = 0x4e; // N

/**
 * Opens a socket to `address`. Unix sockets, and what else is private, are never encrypted.
 *
 * @param try_tls Whether TLS is asked for in this attempt, where `sslmode` leaves a choice.
 * @throws {OperationalError} If the server cannot be reached, or not as `sslmode` demands.
 */
export async function open_channel(
  adapter: Adapter,
  address: Address,
  options: EncryptionOptions,
  try_tls: boolean,
  signal: AbortSignal,
): Promise<Channel> {
  const is_remote = !("path" in address);
  if (is_remote && !is_optional(options.sslmode) && adapter.no_tls !== undefined) {
    throw unavailable(options.sslmode, adapter.no_tls);
  }
  const socket = await adapter.dial(address, signal);
  const able = socket.start_tls !== undefined || !is_optional(options.sslmode);
  if (!try_tls || !able || !is_remote || socket.is_private) return { socket, encrypted: false };
  const close = () => socket.close();
  signal.addEventListener("abort", close);
  try {
    if (options.sslnegotiation === "postgres" && !await ask(socket, options.sslmode)) {
      return { socket, encrypted: false };
    }
    if (socket.start_tls === undefined) throw no_tls(adapter);
    return { socket: await socket.start_tls(options.tls), encrypted: true };
  } catch (error) {
    socket.close();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Whether the server agrees to speak TLS. */
async function ask(socket: Socket, sslmode: SslMode): Promise<boolean> {
  const request = new ByteWriter(8);
  encode_ssl_request(request);
  const writer = socket.writable.getWriter();
  await writer.write(request.take()).catch(lost);
  writer.releaseLock();
  const reader = socket.readable.getReader();
  const { value } = await reader.read().catch(lost);
  reader.releaseLock();
  if (value === undefined) throw closed();
  if (value.length === 1 && value[0] === YES) return true;
  if (value.length === 1 && value[0] === NO) {
    if (is_optional(sslmode)) return false;
    throw new OperationalError(
      `cannot connect: sslmode=${sslmode} needs TLS, but the server does not offer it`,
      { sqlstate: "08001" },
    );
  }
  throw new OperationalError(
    "cannot connect: the server must answer the request for TLS with one byte, S or N, but did not",
    {
      sqlstate: "08P01",
      detail: `it sent ${value.length} bytes`,
      hint:
        "something other than a PostgreSQL server may be answering, or someone may be attacking",
    },
  );
}

/** Whether `sslmode` goes on without TLS where the server has none. */
export function is_optional(sslmode: SslMode): boolean {
  return sslmode === "disable" || sslmode === "allow" || sslmode === "prefer";
}

function unavailable(sslmode: SslMode, fact: string): NotSupportedError {
  return new NotSupportedError(`cannot connect: sslmode=${sslmode} needs TLS, but ${fact}`, {
    hint: "use sslmode=disable if the way to the server is safe without",
  });
}

function no_tls(adapter: Adapter): NotSupportedError {
  return new NotSupportedError(`cannot connect: ${adapter.name} sockets cannot be encrypted`);
}
