/**
 * What a connection is made with: every source of parameters read, checked and
 * put together once.
 *
 * Law: immutable, and no inspection, JSON or error shows a password or a key.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html
 *
 * @module
 */

import type { Adapter, TlsOptions } from "../../adapters/socket.ts";
import type { Codec } from "../../codecs/codec.ts";
import { object_row, type RowFactory } from "../../rows/factories.ts";
import type { EchoEvent } from "../base/warnings.ts";
import type { Connection } from "../handle/connection.ts";
import type { CursorFactory } from "../handle/cursor.ts";
import type { ConnectOptions, TargetSessionAttrs, WarningEvent } from "./connect_options.ts";
import { format_dsn } from "./dsn.ts";
import type { Settings } from "./given.ts";
import { type Host, resolve_hosts } from "./hosts.ts";
import { password_reader } from "./password.ts";
import { read_security, type SecuritySettings, tls_options } from "./security.ts";
import { gather } from "./sources.ts";
import { startup_parameters } from "./startup.ts";
import { read_tls_files } from "./tls_files.ts";
import { check_unsupported } from "./unsupported.ts";

const SESSION_ATTRS = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
] as const;
/** What a connection is made with. Frozen; secrets are only behind its methods. */
export interface ResolvedOptions extends SessionSettings, SecuritySettings, DataSettings {
  /** The servers to try, in the order given. */
  readonly hosts: readonly Host[];
  /** Who logs in. */
  readonly user: string;
  /** The database. */
  readonly dbname: string;
  /** All of it as libpq's text, with the password masked. */
  readonly dsn: string;

  /**
   * The password for one server: as given, or what the function gives now, or what the passfile
   * has for this host; null if there is none.
   *
   * @throws {InterfaceError} If the function gives something other than a text.
   */
  password_for(host: Host): Promise<string | null>;

  /** How to encrypt the connection to one server, if it is to be encrypted. */
  tls_for(host: Host): TlsOptions;
}

/** What the session is told, and how long things may take. */
export interface SessionSettings {
  /** The parameters of the startup message. */
  readonly startup: ReadonlyMap<string, string>;
  /** Seconds for each operation; `Infinity`: no limit. */
  readonly timeout: number;
  /** Seconds for each server to be tried; `Infinity`: no limit of its own. */
  readonly connect_timeout: number;
  /** Which servers will do. */
  readonly target_session_attrs: TargetSessionAttrs;
  /** Whether to try the servers at random. */
  readonly load_balance_hosts: "disable" | "random";
  /** Aborts connecting. */
  readonly signal: AbortSignal | undefined;
}

/** What statements, parameters and rows look like. */
export interface DataSettings {
  /** Parse `json` and `jsonb`. */
  readonly enable_json: boolean;
  /** Read `hstore` as an object. */
  readonly enable_hstore: boolean;
  /** How `int8` and `xid8` are read. */
  readonly int8: "bigint" | "number" | "string";
  /** Read dates and times as `Temporal` objects. */
  readonly temporal: boolean;
  /** The user's own conversions. */
  readonly codecs: readonly Codec[];
  /** The shape of rows. */
  readonly row_factory: RowFactory<unknown>;
  /** How parameters are written. */
  readonly paramstyle: "native" | "pyformat";
  /** Most prepared statements to keep per connection. */
  readonly statement_cache_size: number;
  /** What is between here and the server. */
  readonly pooler: "session" | "transaction";
  /** Whether, or where to, statements are logged. */
  readonly echo: boolean | ((event: EchoEvent) => void);
  /** Receives warnings; undefined: the console. */
  readonly on_warning: ((event: WarningEvent) => void) | undefined;
  /** The class of connections; undefined: `Connection`. */
  readonly connection_factory: typeof Connection | undefined;
  /** The class of cursors; undefined: `Cursor`. */
  readonly cursor_factory: CursorFactory | undefined;
}

/**
 * Reads all parameters of a connection: options, dsn, service file, environment, defaults,
 * in that order of strength.
 *
 * @param dsn A URI, libpq's `name=value` text, or options that `options` override.
 * @throws {InterfaceError} If a parameter is unknown or malformed; it is named, and no text that was given is shown.
 * @throws {NotSupportedError} If a parameter asks for a protection that cannot be given.
 */
export async function resolve_options(
  dsn: string | URL | ConnectOptions | undefined,
  options: ConnectOptions | undefined,
  adapter: Adapter,
): Promise<ResolvedOptions> {
  const settings = await gather(dsn, options, adapter);
  check_unsupported(settings);
  const hosts = resolve_hosts(settings);
  const user = settings.text("user") ?? (adapter.env?.("PGUSER") || adapter.user?.());
  if (!user) {
    throw settings.invalid("user", "must be given where the system has none", "is not");
  }
  const dbname = settings.text("dbname") ?? user;
  const security = read_security(settings, hosts);
  const files = await read_tls_files(settings, security.sslmode, adapter);
  return Object.freeze({
    hosts,
    user,
    dbname,
    dsn: masked_dsn(settings, hosts, user, dbname),
    ...security,
    ...read_session(settings, startup_parameters(settings, user, dbname, adapter)),
    ...read_data(settings),
    password_for: password_reader(settings, adapter, user, dbname),
    tls_for: (host: Host) => tls_options(host, security, files),
  });
}

function read_session(settings: Settings, startup: ReadonlyMap<string, string>): SessionSettings {
  const is_signal = (value: unknown) => value instanceof AbortSignal;
  return {
    startup,
    timeout: settings.seconds("timeout", 60),
    connect_timeout: settings.libpq_seconds("connect_timeout"),
    target_session_attrs: settings.choice("target_session_attrs", SESSION_ATTRS, "any"),
    load_balance_hosts: settings.choice("load_balance_hosts", ["disable", "random"], "disable"),
    signal: settings.object("signal", "must be an AbortSignal", is_signal),
  };
}

function read_data(settings: Settings): DataSettings {
  settings.flag("enable_uuid", true);
  return {
    enable_json: settings.flag("enable_json", true),
    enable_hstore: settings.flag("enable_hstore", true),
    int8: settings.choice("int8", ["bigint", "number", "string"], "bigint"),
    temporal: settings.flag("temporal", false),
    codecs: Object.freeze([
      ...settings.object<Codec[]>("codecs", "must be an array", Array.isArray) ?? [],
    ]),
    row_factory: read_function(settings, "row_factory") ?? object_row,
    paramstyle: settings.choice("paramstyle", ["native", "pyformat"], "native"),
    statement_cache_size: settings.integer("statement_cache_size", 0, Number.MAX_SAFE_INTEGER, 100),
    pooler: settings.choice("pooler", ["session", "transaction"], "session"),
    echo: typeof settings.value("echo") === "function"
      ? settings.value("echo") as (event: EchoEvent) => void
      : settings.flag("echo", false),
    on_warning: read_function(settings, "on_warning"),
    connection_factory: read_function(settings, "connection_factory"),
    cursor_factory: read_function(settings, "cursor_factory"),
  };
}

function read_function<T>(settings: Settings, name: string): T | undefined {
  return settings.object(name, "must be a function", (value) => typeof value === "function");
}

function masked_dsn(
  settings: Settings,
  hosts: readonly Host[],
  user: string,
  dbname: string,
): string {
  const ports = new Set(hosts.map(({ port }) => port));
  const values: [string, string][] = [["user", user], ["dbname", dbname]];
  if (settings.value("password")) values.push(["password", "***"]);
  values.push(["host", hosts.map(({ host }) => host).join(",")]);
  values.push([
    "port",
    ports.size === 1 ? String(hosts[0]!.port) : hosts.map(({ port }) => port).join(","),
  ]);
  return format_dsn(values);
}
