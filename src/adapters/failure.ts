/**
 * Why a connection could not be made, in the same words on every runtime.
 *
 * Law: the runtime's own error is the cause, and is never lost.
 *
 * @module
 */

import { OperationalError, PgError } from "../errors.ts";
import type { Address } from "./socket.ts";

type Reasons = Readonly<Record<string, readonly [reason: string, hint?: string]>>;

const NO_SOCKET = [
  "no such socket",
  "is the server running here, and is this its socket directory?",
] as const;

/** Codes of the operating system and of resolvers. */
const DIAL_REASONS: Reasons = {
  ECONNREFUSED: ["connection refused", "is the server running there, and accepting connections?"],
  ECONNRESET: ["connection reset"],
  EHOSTUNREACH: ["host unreachable"],
  ENETUNREACH: ["network unreachable"],
  EADDRNOTAVAIL: ["address not available"],
  ETIMEDOUT: ["no answer"],
  ENOENT: NO_SOCKET,
  ENOTDIR: NO_SOCKET,
  EACCES: ["permission denied"],
  EPERM: ["permission denied"],
  NotCapable: ["permission denied"], // Deno's own; see `flags()`
  EMFILE: ["too many open files"],
  ENOTFOUND: ["unknown host"],
  EAI_AGAIN: ["unknown host"],
};

const UNTRUSTED = [
  "its certificate is signed by no authority that is trusted here",
  "sslrootcert names a file of authorities to trust",
] as const;

/** Codes of OpenSSL, and words of rustls, which Deno has instead. */
const TLS_REASONS: Reasons = {
  ERR_TLS_CERT_ALTNAME_INVALID: ["its certificate is for another name"],
  "not valid for name": ["its certificate is for another name"],
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UnknownIssuer: UNTRUSTED,
  CERT_HAS_EXPIRED: ["its certificate has expired"],
  "certificate expired": ["its certificate has expired"],
};

/** Says what could not be reached and why. Errors of this module pass as they are. */
export function dial_error(address: Address, cause: unknown): PgError {
  if (cause instanceof PgError) return cause;
  const [reason, hint] = DIAL_REASONS[dial_code(cause)] ?? [text_of(cause)];
  return new OperationalError(`cannot connect to ${address_text(address)}: ${reason}`, {
    hint: is_forbidden(cause) ? flags(address) : hint,
    safe_to_retry: true,
    cause,
  });
}

/** Says with whom TLS could not be spoken and why. Errors of this module pass as they are. */
export function tls_error(hostname: string, cause: unknown): PgError {
  if (cause instanceof PgError) return cause;
  const code = code_of(cause);
  const text = text_of(cause);
  const key = Object.keys(TLS_REASONS).find((key) => key === code || text.includes(key));
  const [reason, hint] = key === undefined ? [text] : TLS_REASONS[key]!;
  return new OperationalError(`cannot start TLS with ${hostname}: ${reason}`, {
    hint,
    safe_to_retry: true,
    cause,
  });
}

/** `host:port`, `[v6]:port`, or the path of a Unix socket. */
export function address_text(address: Address): string {
  if ("path" in address) return address.path;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function dial_code(cause: unknown): string {
  if (is_forbidden(cause)) return "NotCapable";
  // Deno gives the errors of its resolver no code.
  if (text_of(cause).includes("failed to lookup address")) return "ENOTFOUND";
  return code_of(cause).replace(/^DNS_/, ""); // Bun's prefix
}

function code_of(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

function text_of(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text || code_of(cause) || "unknown error";
}

function is_forbidden(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "NotCapable";
}

/** What to start Deno with. */
function flags(address: Address): string {
  if (!("path" in address)) return `run deno with --allow-net=${address_text(address)}`;
  const { path } = address;
  return `run deno with --allow-net=unix:${path} --allow-read=${path} --allow-write=${path}`;
}
