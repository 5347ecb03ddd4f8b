/**
 * The names of all connection parameters, and the environment variable behind each.
 *
 * Law: a name that is not here is an error, wherever it was given: a misspelt
 * `sslmode` must not connect without TLS.
 *
 * Source: PQconninfoOptions, src/interfaces/libpq/fe-connect.c of PostgreSQL 18
 *
 * @module
 */

import { InterfaceError } from "../../errors.ts";

/** What may stand in a dsn, with its environment variable or null. */
export const KEYWORDS: ReadonlyMap<string, string | null> = new Map(Object.entries({
  // libpq's
  service: "PGSERVICE",
  servicefile: "PGSERVICEFILE",
  user: "PGUSER",
  password: "PGPASSWORD",
  passfile: "PGPASSFILE",
  channel_binding: "PGCHANNELBINDING",
  connect_timeout: "PGCONNECT_TIMEOUT",
  dbname: "PGDATABASE",
  host: "PGHOST",
  hostaddr: "PGHOSTADDR",
  port: "PGPORT",
  client_encoding: "PGCLIENTENCODING",
  options: "PGOPTIONS",
  application_name: "PGAPPNAME",
  fallback_application_name: null,
  keepalives: null,
  keepalives_idle: null,
  keepalives_interval: null,
  keepalives_count: null,
  tcp_user_timeout: null,
  sslmode: "PGSSLMODE",
  sslnegotiation: "PGSSLNEGOTIATION",
  sslcompression: "PGSSLCOMPRESSION",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslcertmode: "PGSSLCERTMODE",
  sslpassword: null,
  sslrootcert: "PGSSLROOTCERT",
  sslcrl: "PGSSLCRL",
  sslcrldir: "PGSSLCRLDIR",
  sslsni: "PGSSLSNI",
  sslkeylogfile: null,
  requirepeer: "PGREQUIREPEER",
  require_auth: "PGREQUIREAUTH",
  min_protocol_version: "PGMINPROTOCOLVERSION",
  max_protocol_version: "PGMAXPROTOCOLVERSION",
  ssl_min_protocol_version: "PGSSLMINPROTOCOLVERSION",
  ssl_max_protocol_version: "PGSSLMAXPROTOCOLVERSION",
  gssencmode: "PGGSSENCMODE",
  krbsrvname: "PGKRBSRVNAME",
  gsslib: "PGGSSLIB",
  gssdelegation: "PGGSSDELEGATION",
  replication: null,
  target_session_attrs: "PGTARGETSESSIONATTRS",
  load_balance_hosts: "PGLOADBALANCEHOSTS",
  scram_client_key: null,
  scram_server_key: null,
  oauth_issuer: null,
  oauth_client_id: null,
  oauth_client_secret: null,
  oauth_scope: null,
  // Ours
  timeout: null,
  enable_json: null,
  enable_hstore: null,
  enable_uuid: null,
  echo: null,
  paramstyle: null,
  int8: null,
  temporal: null,
  statement_cache_size: null,
  pooler: null,
  scram_max_iterations: null,
}));

/** What only an object can hold. */
const OBJECTS: ReadonlySet<string> = new Set([
  "row_factory",
  "connection_factory",
  "cursor_factory",
  "codecs",
  "on_warning",
  "signal",
  "server_settings",
]);

/** For names that others give it, and for those of a pool: in lower case and without underscores. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ["ssl", "use sslmode"],
  ["tls", "use sslmode"],
  ["url", "the dsn is the first argument"],
  ["connectionstring", "the dsn is the first argument"],
  ["username", "use user"],
  ["pass", "use password"],
  ["min", "create_pool() takes minsize"],
  ["minsize", "create_pool() takes minsize"],
  ["max", "create_pool() takes maxsize"],
  ["maxsize", "create_pool() takes maxsize"],
  ["poolsize", "create_pool() takes maxsize"],
  ["idletimeout", "create_pool() takes max_idle"],
  ["maxidle", "create_pool() takes max_idle"],
  ["maxlifetime", "create_pool() takes max_lifetime"],
  ["poolrecycle", "create_pool() takes pool_recycle"],
  ["onconnect", "create_pool() takes on_connect"],
]);

const ALIASES: ReadonlyMap<string, string> = new Map([["database", "dbname"]]);

/**
 * The name that a parameter is kept under.
 *
 * @param name As it was given.
 * @param source Where it was given, for the message, such as `the dsn`.
 * @param is_text Whether its value is text, as in a dsn.
 * @param show Whether the message may show the name, which is not so where it may be part of a password.
 * @throws {InterfaceError} If there is no such parameter.
 */
export function keyword(name: string, source: string, is_text: boolean, show = true): string {
  const known = ALIASES.get(name) ?? name;
  if (KEYWORDS.has(known) || (!is_text && OBJECTS.has(known))) return known;
  const fact = show && /^\w{1,63}$/.test(name) ? `"${name}" is none` : "one is none";
  const near = nearest(name, [...KEYWORDS.keys(), ...(is_text ? [] : OBJECTS), ...ALIASES.keys()]);
  const plain = name.toLowerCase().replaceAll("_", "");
  throw new InterfaceError(`cannot read ${source}: it must have known parameters, but ${fact}`, {
    hint: show ? HINTS.get(plain) ?? (near && `did you mean ${near}?`) : null,
  });
}

/** The candidate that differs from `name` by two letters at most, case aside; null if there is none. */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const wanted = name.toLowerCase().slice(0, 63);
  let best: string | null = null;
  let limit = Math.min(3, wanted.length); // a short name is near to everything
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) >= limit) continue;
    const distance = edit_distance(wanted, candidate);
    if (distance >= limit) continue;
    best = candidate;
    limit = distance;
  }
  return best;
}

/** How many letters must be inserted, removed or replaced (Levenshtein). */
function edit_distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      line.push(Math.min(replaced, above[column]! + 1, line[column - 1]! + 1));
    }
    above = line;
  }
  return above[b.length]!;
}
