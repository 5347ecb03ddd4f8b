/**
 * What `connect()` takes. Times are seconds.
 *
 * Names and meanings are libpq's, where it has them:
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
 *
 * @module
 */

import type { Codec } from "../../codecs/codec.ts";
import type { RowFactory } from "../../rows/factories.ts";
import type { EchoEvent, WarningEvent } from "../base/warnings.ts";
import type { Connection } from "../handle/connection.ts";
import type { CursorFactory } from "../handle/cursor.ts";

export type { WarningEvent };

/** A password, or what gives it: called anew for each connection, so that tokens may expire. */
export type Password = string | (() => string | Promise<string>);

/** Where the server is, and who logs in. */
export interface ServerOptions {
  /**
   * Names or addresses of servers, or directories of Unix sockets (`/run/postgresql`), as a list
   * or between commas: tried in order. Default: `PGHOST`, else `localhost`, where libpq would try a
   * Unix socket.
   */
  readonly host?: string | readonly string[] | undefined;
  /** IP addresses to dial instead of looking `host` up; `host` is still what the certificate must carry. */
  readonly hostaddr?: string | readonly string[] | undefined;
  /** One port, or one for each host, as a list or between commas. Default: `PGPORT`, else 5432. */
  readonly port?: number | string | readonly (number | string)[] | undefined;
  /** The database. Default: `PGDATABASE`, else the user's name. */
  readonly dbname?: string | undefined;
  /** Another name for `dbname`; give one of them. */
  readonly database?: string | undefined;
  /** Who logs in. Default: `PGUSER`, else the operating system's user. */
  readonly user?: string | undefined;
  /** The password, or a function that gives it. Default: `PGPASSWORD`, else what `passfile` has for the host. */
  readonly password?: Password | undefined;
  /**
   * A file of passwords, which only its owner may use. Default: `PGPASSFILE`, else `~/.pgpass`, or
   * `%APPDATA%\postgresql\pgpass.conf`. One that cannot be read is as good as none.
   */
  readonly passfile?: string | undefined;
  /** A group of parameters in a service file, for what neither options nor dsn say. Default: `PGSERVICE`. */
  readonly service?: string | undefined;
  /** The service file. Default: `PGSERVICEFILE`, else `~/.pg_service.conf`; then `PGSYSCONFDIR/pg_service.conf`. */
  readonly servicefile?: string | undefined;
  /** Which servers will do. Default: `PGTARGETSESSIONATTRS`, else `any`. */
  readonly target_session_attrs?: TargetSessionAttrs | undefined;
  /** Whether hosts and their addresses are tried in order, or at random. Default: `PGLOADBALANCEHOSTS`, else `disable`. */
  readonly load_balance_hosts?: "disable" | "random" | undefined;
}

/** Which servers will do; `prefer-standby`: any, if no standby does. */
export type TargetSessionAttrs =
  | "any"
  | "read-write"
  | "read-only"
  | "primary"
  | "standby"
  | "prefer-standby";

/** How the connection and the login are protected. */
export interface SecurityOptions {
  /**
   * `disable`: no TLS. `allow`: TLS if the server refuses to do without. `prefer`: TLS if the server
   * has it. `require`: TLS; with `sslrootcert`, as `verify-ca`. `verify-ca`: and a certificate of an
   * authority that is trusted. `verify-full`: and for this host. Default: `PGSSLMODE`, else `prefer`,
   * which protects from nobody who is in the way; `verify-full` with `sslrootcert: "system"`. Has no
   * effect on Unix sockets. On workerd all TLS is as `verify-full`.
   */
  readonly sslmode?: SslMode | undefined;
  /** `direct` begins with TLS at once, which saves a round trip; takes PostgreSQL 17. Default: `PGSSLNEGOTIATION`, else `postgres`. */
  readonly sslnegotiation?: "postgres" | "direct" | undefined;
  /**
   * Authorities to trust: the path of a PEM file, or the PEM text itself, or `system` for the
   * runtime's own. Default: `PGSSLROOTCERT`, else `~/.postgresql/root.crt` if it exists, else the runtime's own.
   */
  readonly sslrootcert?: string | undefined;
  /** The client's certificate: a path, or the PEM text. Default: `PGSSLCERT`, else `~/.postgresql/postgresql.crt` if it exists. */
  readonly sslcert?: string | undefined;
  /** The key of `sslcert`, not encrypted: a path of a file that only its owner may use, or the PEM text. Default: `PGSSLKEY`, else `~/.postgresql/postgresql.key`. */
  readonly sslkey?: string | undefined;
  /** `disable`: no client certificate is sent. Default: `PGSSLCERTMODE`, else `allow`. */
  readonly sslcertmode?: "disable" | "allow" | undefined;
  /** Whether a SCRAM login is tied to the TLS connection. Default: `PGCHANNELBINDING`, else `prefer`. */
  readonly channel_binding?: "disable" | "prefer" | "require" | undefined;
  /** Methods between commas that the server may ask for, such as `scram-sha-256`; or, each with `!`, may not. Default: `PGREQUIREAUTH`, else all. */
  readonly require_auth?: string | undefined;
  /** Most SCRAM iterations to hash for: more would let a server keep this process busy. Default: 100,000. */
  readonly scram_max_iterations?: number | string | undefined;
  /** Oldest protocol to speak. Default: `PGMINPROTOCOLVERSION`, else `3.0`. */
  readonly min_protocol_version?: ProtocolVersion | undefined;
  /** Newest protocol to ask for. Default: `PGMAXPROTOCOLVERSION`, else `latest`, which is 3.2. */
  readonly max_protocol_version?: ProtocolVersion | undefined;
  /** Has no effect: there is no GSSAPI here. `require` is refused. Default: `PGGSSENCMODE`. */
  readonly gssencmode?: "disable" | "prefer" | undefined;
  /** Has no effect: there is no GSSAPI here. */
  readonly krbsrvname?: string | undefined;
  /** Has no effect: there is no GSSAPI here. */
  readonly gsslib?: string | undefined;
  /** Has no effect: there is no GSSAPI here. */
  readonly gssdelegation?: boolean | number | string | undefined;
  /** Has no effect: nobody compresses TLS any more. */
  readonly sslcompression?: boolean | number | string | undefined;
}

/** How TLS is used; see `SecurityOptions.sslmode`. */
export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

/** A version of the frontend/backend protocol. */
export type ProtocolVersion = "3.0" | "3.2" | "latest";

/** What the session is told at its start, and how long things may take. */
export interface StartupOptions {
  /** Shown in `pg_stat_activity`. Default: `PGAPPNAME`, else `fallback_application_name`. */
  readonly application_name?: string | undefined;
  /** The `application_name` if nobody gives one. */
  readonly fallback_application_name?: string | undefined;
  /** Command-line options for the server, such as `-c geqo=off`. Poolers refuse it. Default: `PGOPTIONS`. */
  readonly options?: string | undefined;
  /** Settings to begin with, such as `{ search_path: "app" }`; `reset()` goes back to them. Poolers refuse most. */
  readonly server_settings?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** `UTF8` or `auto`, which is the same here. */
  readonly client_encoding?: string | undefined;
  /** `true` for physical, `database` for logical replication. Default: false. */
  readonly replication?: boolean | string | undefined;
  /** Seconds for each server to be tried, within `timeout`; 0 for no limit of its own. Default: `PGCONNECT_TIMEOUT`. */
  readonly connect_timeout?: number | string | undefined;
  /** Seconds until an operation is given up: connect, acquire, each statement. `Infinity`: never. Default: 60. */
  readonly timeout?: number | string | undefined;
  /** Has no effect: no runtime lets it be set. */
  readonly keepalives?: boolean | number | string | undefined;
  /** Has no effect: no runtime lets it be set. */
  readonly keepalives_idle?: number | string | undefined;
  /** Has no effect: no runtime lets it be set. */
  readonly keepalives_interval?: number | string | undefined;
  /** Has no effect: no runtime lets it be set. */
  readonly keepalives_count?: number | string | undefined;
  /** Has no effect: no runtime lets it be set. */
  readonly tcp_user_timeout?: number | string | undefined;
  /** Aborts connecting. */
  readonly signal?: AbortSignal | undefined;
}

/** What statements, parameters and rows look like. */
export interface DataOptions {
  /** Parse `json` and `jsonb`; otherwise they stay text. Default: true. */
  readonly enable_json?: boolean | undefined;
  /** Read `hstore` as an object; otherwise it stays text. Default: true. */
  readonly enable_hstore?: boolean | undefined;
  /** Has no effect, as uuids are strings; taken for aiopg's sake. Default: true. */
  readonly enable_uuid?: boolean | undefined;
  /** How `int8` and `xid8` are read. Default: `bigint`. */
  readonly int8?: "bigint" | "number" | "string" | undefined;
  /** Read dates and times as `Temporal` objects. Default: false. */
  readonly temporal?: boolean | undefined;
  /** Conversions of one's own, in front of the builtin ones. */
  readonly codecs?: readonly Codec[] | undefined;
  /** The shape of rows. Default: `object_row`. */
  // deno-lint-ignore no-explicit-any -- any row: the caller's type comes with each call
  readonly row_factory?: RowFactory<any> | undefined;
  /** `native`: `$1` and an array. `pyformat`: `%s` and an array, or `%(name)s` and an object. Default: `native`. */
  readonly paramstyle?: "native" | "pyformat" | undefined;
  /**
   * Most prepared statements to keep per connection; 0: none has a name. A statement keeps the types of
   * its parameters for as long: where a column's type is altered, those that write it go on writing
   * the old one, which the server converts. Default: 100.
   */
  readonly statement_cache_size?: number | string | undefined;
  /** `transaction` behind a pooler that shares sessions (PgBouncer, Supavisor): nothing is kept on the server between transactions. Default: `session`. */
  readonly pooler?: "session" | "transaction" | undefined;
  /** True logs each statement by `console.debug`; a function receives it. Never parameter values. Default: false. */
  readonly echo?: boolean | ((event: EchoEvent) => void) | undefined;
  /** Receives warnings instead of `console.warn`. */
  readonly on_warning?: ((event: WarningEvent) => void) | undefined;
  /** The class of connections: `Connection` or a subclass, to which callers cast what they get. */
  readonly connection_factory?: typeof Connection | undefined;
  /** The class of cursors: `Cursor` or a subclass. Those with a name are `NamedCursor`s in any case. */
  readonly cursor_factory?: CursorFactory | undefined;
}

/** Everything that `connect()` takes. */
export interface ConnectOptions
  extends ServerOptions, SecurityOptions, StartupOptions, DataOptions {}
