/**
 * Why a connection could not be made, in the same words on every runtime.
 *
 * Law: the runtime's own error is the cause, and is never lost.
 *
 * @module
 */

import { OperationalError, PgError } from "../errors.ts";
import type { Address, TlsOptions } from "./socket.ts";

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
  EINVAL: ["not an address", "the path of a Unix socket has 107 bytes at most, on macOS 103"],
  ENOENT: NO_SOCKET,
  ENOTDIR: NO_SOCKET,
  EACCES: ["permission denied"],
  EPERM: ["permission denied"],
  NotCapable: ["permission denied"], // Deno's own; see `flags()`
  EMFILE: ["too many open files"],
  ENOTFOUND: ["unknown host"],
  EAI_AGAIN: ["unknown host"],
};

const UNVERIFIED = [
  "its certificate cannot be verified",
  "sslrootcert names the authorities to trust; the certificate's dates must hold, too",
] as const;

/** Codes of OpenSSL. Deno has the same, but one for all of `UNVERIFIED` and expiry. */
const TLS_REASONS: Reasons = {
  ERR_TLS_CERT_ALTNAME_INVALID: ["its certificate is for another name"],
  CERT_HAS_EXPIRED: ["its certificate has expired"],
  SELF_SIGNED_CERT_IN_CHAIN: UNVERIFIED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNVERIFIED,
  UNABLE_TO_GET_ISSUER_CERT: UNVERIFIED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNVERIFIED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNVERIFIED,
  CERT_SIGNATURE_FAILURE: UNVERIFIED, // by an authority that only has the right name
};

/** Says what could not be reached and why. Errors of this module pass as they are. */
export function dial_error(address: Address, cause: unknown): PgError {
  if (cause instanceof PgError) return cause;
  const [reason, hint] = DIAL_REASONS[error_code(cause)] ?? [text_of(cause)];
  return new OperationalError(`cannot connect to ${address_text(address)}: ${reason}`, {
    hint: is_forbidden(cause) ? flags(address) : hint,
    safe_to_retry: true,
    cause,
  });
}

/** What else may be wrong: Deno calls a key of another certificate an unsupported protocol. */
const OWN_CERTIFICATE = "sslkey must be the key of sslcert";

/** Says with whom TLS could not be spoken and why. Errors of this module pass as they are. */
export function tls_error({ hostname, cert }: TlsOptions, cause: unknown): PgError {
  if (cause instanceof PgError) return cause;
  const unknown = [text_of(cause), cert && OWN_CERTIFICATE] as const;
  const [reason, hint] = TLS_REASONS[code_of(cause)] ?? unknown;
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

/** The system's code for what went wrong, such as `ECONNREFUSED`, also where a runtime has another; empty if unknown. */
export function error_code(cause: unknown): string {
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
