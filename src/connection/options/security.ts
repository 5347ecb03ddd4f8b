/**
 * The parameters that protect the connection and the login, and what TLS makes of them.
 *
 * Law: a combination that would protect less than it says is refused.
 *
 * Source: pqConnectOptions2, src/interfaces/libpq/fe-connect.c
 *
 * @module
 */

import type { TlsOptions } from "../../adapters/socket.ts";
import { ANY_AUTH, type AuthMethod, parse_require_auth } from "../../protocol/require_auth.ts";
import { MAX_SCRAM_ITERATIONS } from "../../protocol/scram.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "../../protocol/tags.ts";
import type { SslMode } from "./connect_options.ts";
import type { Settings } from "./given.ts";
import type { Host } from "./hosts.ts";
import type { TlsFiles } from "./tls_files.ts";

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
const VERSIONS = { "3.0": PROTOCOL_3_0, "3.2": PROTOCOL_3_2, latest: PROTOCOL_3_2 };
const VERSION_NAMES = ["3.0", "3.2", "latest"] as const;

/** How the connection and the login are protected. */
export interface SecuritySettings {
  /** See `SecurityOptions.sslmode`; of no effect on Unix sockets. */
  readonly sslmode: SslMode;
  /** Whether TLS begins at once. */
  readonly sslnegotiation: "postgres" | "direct";
  /** Whether the login is tied to the TLS connection. */
  readonly channel_binding: "disable" | "prefer" | "require";
  /** Methods that the server may ask for. */
  readonly require_auth: ReadonlySet<AuthMethod>;
  /** Most SCRAM iterations to hash for. */
  readonly scram_max_iterations: number;
  /** As `0x30000`. */
  readonly min_protocol_version: number;
  /** As `0x30002`. */
  readonly max_protocol_version: number;
}

/**
 * Reads them.
 *
 * @throws {InterfaceError} If one is malformed, or weaker than another one allows.
 */
export function read_security(settings: Settings, hosts: readonly Host[]): SecuritySettings {
  const sslmode = read_sslmode(settings);
  if (sslmode === "verify-full" && hosts.some(({ named }) => !named)) {
    throw settings.invalid("host", "must be given for sslmode=verify-full", "only hostaddr is");
  }
  const sslnegotiation = settings.choice("sslnegotiation", ["postgres", "direct"], "postgres");
  if (sslnegotiation === "direct" && ["disable", "allow", "prefer"].includes(sslmode)) {
    throw settings.invalid(
      "sslnegotiation",
      "must not be direct unless sslmode is require or more",
      "is",
    );
  }
  const min = settings.choice("min_protocol_version", VERSION_NAMES, "3.0");
  const max = settings.choice("max_protocol_version", VERSION_NAMES, "latest");
  if (VERSIONS[min] > VERSIONS[max]) {
    throw settings.invalid("min_protocol_version", "must not exceed max_protocol_version", "does");
  }
  return {
    sslmode,
    sslnegotiation,
    channel_binding: settings.choice("channel_binding", ["disable", "prefer", "require"], "prefer"),
    require_auth: read_require_auth(settings),
    scram_max_iterations: settings.integer(
      "scram_max_iterations",
      1,
      0x7fffffff,
      MAX_SCRAM_ITERATIONS,
    ),
    min_protocol_version: VERSIONS[min],
    max_protocol_version: VERSIONS[max],
  };
}

/** `sslmode`, whose default depends on `sslrootcert`. */
function read_sslmode(settings: Settings): SslMode {
  const is_system = settings.value("sslrootcert") === "system";
  const sslmode = settings.choice("sslmode", SSL_MODES, is_system ? "verify-full" : "prefer");
  if (!is_system || sslmode === "verify-full") return sslmode;
  // Anyone can have a certificate of a public authority.
  throw settings.invalid("sslmode", "must be verify-full with sslrootcert=system", "is weaker");
}

function read_require_auth(settings: Settings): ReadonlySet<AuthMethod> {
  const text = settings.text("require_auth");
  if (text === null) return ANY_AUTH;
  try {
    return parse_require_auth(text);
  } catch {
    const rule = `must be methods of ${[...ANY_AUTH].join(", ")}, or each with "!"`;
    throw settings.invalid("require_auth", rule);
  }
}

/** How to encrypt the connection to `host`, if it is to be encrypted. */
export function tls_options(host: Host, security: SecuritySettings, files: TlsFiles): TlsOptions {
  const { sslmode, sslnegotiation, channel_binding } = security;
  // libpq's rule: with roots at hand, `require` verifies too.
  const verify_ca = sslmode === "verify-ca" || (sslmode === "require" && files.ca !== null);
  return {
    hostname: host.host,
    verify: sslmode === "verify-full" ? "full" : verify_ca ? "ca" : "none",
    alpn: ["postgresql"],
    want_certificate: channel_binding !== "disable",
    ...(sslnegotiation === "direct" && { alpn_required: true }),
    ...(files.ca !== null && { ca: [files.ca] }),
    ...(files.cert !== null && files.key !== null && { cert: files.cert, key: files.key }),
  };
}
