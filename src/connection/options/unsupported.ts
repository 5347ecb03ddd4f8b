/**
 * Parameters of libpq that cannot be honoured here.
 *
 * Law: what would protect the user is refused, never ignored. What only tunes
 * is checked and has no effect.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html
 *
 * @module
 */

import type { Settings } from "./given.ts";

const ANY = "any";
const TLS_VERSIONS = ["tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"];
const GSS = "GSSAPI is part of the operating system, which no runtime gives access to";
const CRL = "no runtime checks the revocation lists of a file";
const OAUTH =
  "login by OAuth is not implemented; where a token is taken as a password, pass it as one";
const SCRAM_KEYS = "logging in with keys instead of a password is not implemented";

/** Name; values that ask for nothing special; values that cannot be honoured; why. */
const PARAMETERS: [string, readonly string[], readonly string[] | typeof ANY, string][] = [
  ["gssencmode", ["disable", "prefer"], ["require"], GSS],
  ["requirepeer", [], ANY, "no runtime tells who owns the other end of a Unix socket"],
  ["sslcrl", [], ANY, CRL],
  ["sslcrldir", [], ANY, CRL],
  ["sslpassword", [], ANY, "the key must not be encrypted"],
  ["sslkeylogfile", [], ANY, "no runtime gives the secrets of a TLS connection away"],
  [
    "sslcertmode",
    ["allow", "disable"],
    ["require"],
    "no runtime tells whether the server asked for it",
  ],
  ["sslsni", ["1", "true"], ["0", "false"], "the name of the server is always sent"],
  [
    "ssl_min_protocol_version",
    TLS_VERSIONS.slice(0, 3),
    ["tlsv1.3"],
    "the runtime's minimum is TLSv1.2",
  ],
  ["ssl_max_protocol_version", ["tlsv1.3"], TLS_VERSIONS.slice(0, 3), "the runtime has no maximum"],
  ["scram_client_key", [], ANY, SCRAM_KEYS],
  ["scram_server_key", [], ANY, SCRAM_KEYS],
  ["oauth_issuer", [], ANY, OAUTH],
  ["oauth_client_id", [], ANY, OAUTH],
  ["oauth_client_secret", [], ANY, OAUTH],
  ["oauth_scope", [], ANY, OAUTH],
  ["client_encoding", ["auto", "utf8", "utf-8", "unicode"], ANY, "all text is UTF-8 here"],
];

/** Without effect: no runtime lets them be set on a socket, or there is nothing that they could set. */
const FLAGS = ["keepalives", "sslcompression", "gssdelegation"];
const INTEGERS = ["keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"];
const TEXTS = ["krbsrvname", "gsslib"];

/**
 * Refuses what cannot be honoured.
 *
 * @throws {NotSupportedError} If a parameter asks for it.
 * @throws {InterfaceError} If a parameter has no such value.
 */
export function check_unsupported(settings: Settings): void {
  for (const [name, harmless, refused, reason] of PARAMETERS) {
    const value = settings.text(name)?.toLowerCase();
    if (value === undefined || harmless.includes(value)) continue;
    if (refused === ANY || refused.includes(value)) throw settings.unsupported(name, reason);
    settings.choice(name, [...harmless, ...refused], ""); // throws, for it is neither
  }
  for (const name of FLAGS) settings.flag(name, true);
  for (const name of INTEGERS) settings.integer(name, -0x80000000, 0x7fffffff, 0);
  for (const name of TEXTS) settings.text(name);
}
