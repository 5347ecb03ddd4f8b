/** Where connection parameters come from, what they may be, and that secrets stay in. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inspect } from "node:util";
import type { ConnectOptions } from "../../../src/connection/options/connect_options.ts";
import { resolve_options, type ResolvedOptions } from "../../../src/connection/options/options.ts";
import { InterfaceError, NotSupportedError, PgError } from "../../../src/errors.ts";
import { fake_adapter, type FakeHost } from "../fake_adapter.ts";

const SECRET = "hunter2";
const PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";
const KEY_PEM = `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`;

/** Resolves on a host with a user and nothing else. */
function resolve(
  dsn?: string | URL | ConnectOptions,
  options?: ConnectOptions,
  host: FakeHost = {},
): Promise<ResolvedOptions> {
  return resolve_options(dsn, options, fake_adapter({ user: "me", ...host }));
}

/** Options that no compiler would let through. */
function any(options: Record<string, unknown>): ConnectOptions {
  return options as ConnectOptions;
}

describe("resolve_options()", () => {
  it("has libpq's defaults", async () => {
    const options = await resolve();
    assertEquals(options.hosts, [
      {
        host: "localhost",
        port: 5432,
        address: { hostname: "localhost", port: 5432 },
        named: true,
      },
    ]);
    assertEquals([options.user, options.dbname], ["me", "me"]);
    assertEquals([...options.startup], [
      ["user", "me"],
      ["database", "me"],
      ["client_encoding", "UTF8"],
    ]);
    assertEquals([options.timeout, options.connect_timeout], [60, Infinity]);
    assertEquals([options.sslmode, options.sslnegotiation], ["prefer", "postgres"]);
    assertEquals([options.channel_binding, options.require_auth.size], ["prefer", 7]);
    assertEquals([options.min_protocol_version, options.max_protocol_version], [0x30000, 0x30002]);
    assertEquals([options.target_session_attrs, options.load_balance_hosts], ["any", "disable"]);
    assertEquals([options.enable_json, options.enable_hstore, options.temporal], [
      true,
      true,
      false,
    ]);
    assertEquals([options.int8, options.paramstyle, options.pooler], [
      "bigint",
      "native",
      "session",
    ]);
    assertEquals([options.statement_cache_size, options.echo], [100, false]);
    assertEquals(await options.password_for(options.hosts[0]!), null);
  });

  it("prefers options to dsn to service to environment to defaults", async () => {
    const host = {
      env: {
        PGUSER: "env",
        PGDATABASE: "env",
        PGHOST: "env",
        PGPORT: "1",
        PGSERVICE: "s",
        HOME: "/h",
      },
      files: { "/h/.pg_service.conf": "[s]\nuser=service\ndbname=service\nhost=service" },
    };
    const options = await resolve("dbname=dsn user=dsn", { user: "options" }, host);
    assertEquals(options.user, "options");
    assertEquals(options.dbname, "dsn");
    assertEquals(options.hosts[0]!.host, "service");
    assertEquals(options.hosts[0]!.port, 1);
  });

  it("prefers the second options to the first", async () => {
    const options = await resolve({ user: "a", dbname: "a" }, { user: "b" });
    assertEquals([options.user, options.dbname], ["b", "a"]);
  });

  it("takes a URL object", async () => {
    const options = await resolve(new URL("postgres://u:p%40ss@h:5433/db?application_name=x"));
    assertEquals([options.user, options.dbname, options.hosts[0]!.port], ["u", "db", 5433]);
    assertEquals(await options.password_for(options.hosts[0]!), "p@ss");
    assertEquals(options.startup.get("application_name"), "x");
  });

  it("takes application_name among the server's settings, but its own option before", async () => {
    const server_settings = { application_name: "a" };
    const named = async (options: ConnectOptions) =>
      (await resolve("", { ...options, server_settings })).startup.get("application_name");
    assertEquals(await named({}), "a");
    assertEquals(await named({ fallback_application_name: "b" }), "a");
    assertEquals(await named({ application_name: "c" }), "c");
  });

  it("takes undefined and null for options that were not given", async () => {
    const options = await resolve("user=u", any({ user: undefined, password: null, port: null }));
    assertEquals(options.user, "u");
  });

  it("reads every environment variable by its own name", async () => {
    const env = {
      PGHOST: "h1,h2",
      PGPORT: "5433",
      PGUSER: "u",
      PGPASSWORD: SECRET,
      PGDATABASE: "d",
      PGAPPNAME: "app",
      PGOPTIONS: "-c geqo=off",
      PGCONNECT_TIMEOUT: "7",
      PGSSLMODE: "require",
      PGCHANNELBINDING: "disable",
      PGREQUIREAUTH: "scram-sha-256",
      PGTARGETSESSIONATTRS: "standby",
      PGLOADBALANCEHOSTS: "random",
      PGMAXPROTOCOLVERSION: "3.0",
      PGTZ: "UTC",
      PGCLIENTENCODING: "",
    };
    const options = await resolve_options(undefined, undefined, fake_adapter({ env }));
    assertEquals(options.hosts.map(({ host, port }) => [host, port]), [["h1", 5433], ["h2", 5433]]);
    assertEquals(await options.password_for(options.hosts[1]!), SECRET);
    assertEquals(options.connect_timeout, 7);
    assertEquals([options.sslmode, options.channel_binding], ["require", "disable"]);
    assertEquals([...options.require_auth], ["scram-sha-256"]);
    assertEquals([options.target_session_attrs, options.load_balance_hosts], ["standby", "random"]);
    assertEquals(options.max_protocol_version, 0x30000);
    assertEquals(Object.fromEntries(options.startup), {
      user: "u",
      database: "d",
      client_encoding: "UTF8",
      timezone: "UTC",
      application_name: "app",
      options: "-c geqo=off",
    });
  });

  it("reads PGREQUIRESSL where nothing else says how to encrypt", async () => {
    const env = { PGREQUIRESSL: "1" };
    assertEquals((await resolve("", {}, { env })).sslmode, "require");
    assertEquals((await resolve("sslmode=disable", {}, { env })).sslmode, "disable");
  });

  it("asks for a user where nobody knows one", async () => {
    const resolving = () => resolve_options("host=h", undefined, fake_adapter());
    await assertRejects(resolving, InterfaceError, "user must be given");
  });

  it("takes an empty PGUSER for none", async () => {
    assertEquals((await resolve("", {}, { env: { PGUSER: "" } })).user, "me");
  });

  it("falls back from an empty user to the environment", async () => {
    assertEquals((await resolve("user=''", {}, { env: { PGUSER: "env" } })).user, "env");
    assertEquals((await resolve("postgres://@h", {}, {})).user, "me");
  });

  it("is frozen, hosts and all", async () => {
    const options = await resolve("host=a,b");
    for (const part of [options, options.hosts, options.hosts[0], options.codecs]) {
      assert(Object.isFrozen(part));
    }
    assertThrows(() => Object.assign(options, { user: "other" }), TypeError);
  });

  it("keeps what only an object can hold", async () => {
    const row_factory = () => () => 1;
    const echo = () => {};
    const { signal } = new AbortController();
    const options = await resolve({ row_factory, echo, signal });
    assertStrictEquals(options.row_factory, row_factory);
    assertStrictEquals(options.echo, echo);
    assertStrictEquals(options.signal, signal);
  });

  const numbers: [ConnectOptions | string, keyof ResolvedOptions, unknown][] = [
    [{ timeout: 0.5 }, "timeout", 0.5],
    [{ timeout: Infinity }, "timeout", Infinity],
    [{ timeout: " 5 " }, "timeout", 5],
    ["timeout=Infinity", "timeout", Infinity],
    ["timeout=2.5", "timeout", 2.5],
    [{ connect_timeout: 0 }, "connect_timeout", Infinity],
    ["connect_timeout=-1", "connect_timeout", Infinity],
    ["connect_timeout=10", "connect_timeout", 10],
    [{ statement_cache_size: 0 }, "statement_cache_size", 0],
    ["statement_cache_size=7", "statement_cache_size", 7],
    [{ scram_max_iterations: 1 }, "scram_max_iterations", 1],
    ["enable_json=false", "enable_json", false],
    ["temporal=on", "temporal", true],
    ["echo=1", "echo", true],
    ["int8=number", "int8", "number"],
    ["paramstyle=pyformat", "paramstyle", "pyformat"],
    ["pooler=transaction", "pooler", "transaction"],
  ];
  for (const [given, name, value] of numbers) {
    it(`reads ${JSON.stringify(given)}`, async () => {
      assertEquals((await resolve(given))[name], value);
    });
  }
});

// What must not be accepted, the parameter it is about, and the rule.
const INVALID: [ConnectOptions | string, string][] = [
  [{ timeout: 0 }, "timeout must be a positive number of seconds"],
  [{ timeout: -1 }, "timeout must be a positive number of seconds"],
  [{ timeout: NaN }, "timeout must be a positive number of seconds"],
  ["timeout=soon", "timeout must be a positive number of seconds"],
  ["timeout=''", "timeout must be a positive number of seconds"],
  ["timeout=-Infinity", "timeout must be a positive number of seconds"],
  [{ connect_timeout: NaN }, "connect_timeout must be a number of seconds"],
  ["connect_timeout=0x10", "connect_timeout must be a number of seconds"],
  [{ statement_cache_size: -1 }, "statement_cache_size must be an integer of 0 or more, but is -1"],
  [{ statement_cache_size: 1.5 }, "statement_cache_size must be an integer of 0 or more"],
  [{ scram_max_iterations: 0 }, "scram_max_iterations must be an integer from 1 to 2147483647"],
  ["sslmode=full", "cannot read the dsn: sslmode must be one of disable, allow"],
  ["sslmode=verify_full", "HINT: did you mean verify-full?"],
  ["sslmode=''", "sslmode must be one of"],
  ["channel_binding=yes", "channel_binding must be one of disable, prefer, require"],
  ["target_session_attrs=rw", "target_session_attrs must be one of any, read-write"],
  ["load_balance_hosts=yes", "load_balance_hosts must be one of disable, random"],
  ["gssencmode=maybe", "gssencmode must be one of disable, prefer, require"],
  ["max_protocol_version=3.1", "max_protocol_version must be one of 3.0, 3.2, latest"],
  ["min_protocol_version=3.2 max_protocol_version=3.0", "must not exceed max_protocol_version"],
  ["require_auth=scram", "require_auth must be methods of password, md5"],
  ["require_auth=md5,!none", "require_auth must be methods of"],
  ["sslrootcert=system sslmode=require", "sslmode must be verify-full with sslrootcert=system"],
  ["sslnegotiation=direct", "sslnegotiation must not be direct unless"],
  ["hostaddr=127.0.0.1 sslmode=verify-full", "host must be given for sslmode=verify-full"],
  ["port=0", "port must be an integer from 1 to 65535"],
  ["port=65536", "port must be an integer from 1 to 65535"],
  ["port=5432x", "port must be an integer from 1 to 65535"],
  [{ port: 5432.5 }, "port must be an integer from 1 to 65535"],
  ["host=a,b port=1,2,3", "port must have one number, or one for each host (2), but has 3"],
  ["host=a,b hostaddr=::1", "host must have a name for each hostaddr (1), but has 2"],
  ["hostaddr=localhost", "hostaddr must be an IP address, but is not"],
  ["host=a@b", "host must be a name, an address or the path of a directory, but is not"],
  ["host='a b'", "host must be a name, an address or the path of a directory, but is not"],
  ["replication=maybe", "replication must be true, false or database"],
  ["enable_json=maybe", "enable_json must be true or false"],
  ["keepalives=maybe", "keepalives must be true or false"],
  ["keepalives_idle=x", "keepalives_idle must be an integer"],
  ["sslcompression=maybe", "sslcompression must be true or false"],
  ["gssdelegation=maybe", "gssdelegation must be true or false"],
  [any({ krbsrvname: {} }), "krbsrvname must be a text"],
  [any({ gsslib: 1n }), "gsslib must be a text, but is of type bigint"],
  ["sslcert=/missing", "sslcert must be a PEM text, or the path of a file, but cannot be read"],
  ["sslrootcert=/missing", "sslrootcert must be a PEM text, or the path of a file"],
  [{ sslcert: PEM }, "sslkey must be given with sslcert"],
  [{ sslmode: "require", sslrootcert: KEY_PEM }, "sslrootcert must have a certificate in PEM"],
  [{ sslcert: KEY_PEM, sslkey: KEY_PEM }, "sslcert must have a certificate in PEM, but has none"],
  [{ sslcert: PEM, sslkey: PEM }, "sslkey must have a private key in PEM, but has none"],
  [any({ sslmod: "require" }), '"sslmod" is none\nHINT: did you mean sslmode?'],
  [any({ username: "u" }), '"username" is none'],
  [any({ maxsize: 1 }), '"maxsize" is none'],
  [any({ constructor: 1 }), '"constructor" is none'],
  [{ dbname: "a", database: "b" }, "dbname and database are given"],
  [any({ user: {} }), "user must be a text, but is of type object"],
  [any({ user: ["a"] }), "user must be a text, but is of type object"],
  [any({ host: [] }), "host must be a text or a list of texts"],
  [any({ host: [{}] }), "host must be a text or a list of texts"],
  [any({ password: {} }), "password must be a text"],
  [any({ row_factory: 1 }), "row_factory must be a function, but is 1"],
  [any({ codecs: {} }), "codecs must be an array"],
  [any({ signal: {} }), "signal must be an AbortSignal"],
  [any({ echo: {} }), "echo must be true or false"],
  [any({ server_settings: [] }), "server_settings must be an object"],
  [any({ server_settings: { user: "postgres" } }), "server_settings must not have user"],
  [
    any({ server_settings: { Client_Encoding: "x" } }),
    "server_settings must not have Client_Encoding",
  ],
  [any({ server_settings: { "a\0b": 1 } }), "server_settings must have names of settings"],
  [any({ server_settings: { "_pq_.x": 1 } }), "server_settings must have names of settings"],
  [any({ server_settings: { a: {} } }), "a is none"],
  [any({ server_settings: { a: "x\0user\0admin" } }), "a is none"],
  [any({ service: {} }), "service must be a text, but is of type object"],
  [any({ service: "s", servicefile: {} }), "servicefile must be a text, but is of type object"],
  ["service=nosuch", "it must have the service that was named"],
];

const UNSUPPORTED: [ConnectOptions | string, string][] = [
  ["gssencmode=require", "cannot use gssencmode of the dsn"],
  ["requirepeer=postgres", "cannot use requirepeer"],
  ["sslcrl=/x", "cannot use sslcrl"],
  ["sslcrldir=/x", "cannot use sslcrldir"],
  ["sslpassword=x", "cannot use sslpassword"],
  ["sslcertmode=require", "cannot use sslcertmode"],
  ["sslsni=0", "cannot use sslsni"],
  ["sslkeylogfile=/x", "cannot use sslkeylogfile"],
  ["ssl_min_protocol_version=TLSv1.3", "cannot use ssl_min_protocol_version"],
  ["ssl_max_protocol_version=TLSv1.2", "cannot use ssl_max_protocol_version"],
  ["scram_client_key=x", "cannot use scram_client_key"],
  ["oauth_issuer=x", "cannot use oauth_issuer"],
  ["client_encoding=latin1", "cannot use client_encoding of the dsn: all text is UTF-8 here"],
  ["host=@abstract", "cannot use host"],
  [{ sslcert: PEM, sslkey: "-----BEGIN ENCRYPTED PRIVATE KEY-----" }, "must not be encrypted"],
];

const HARMLESS = [
  "gssencmode=prefer krbsrvname=x gsslib=y gssdelegation=1",
  "client_encoding=auto",
  "client_encoding=UTF-8",
  "sslcertmode=disable sslcompression=1 sslsni=1",
  "ssl_min_protocol_version=TLSv1.2 ssl_max_protocol_version=tlsv1.3",
  "keepalives=0 keepalives_idle=1 keepalives_interval=1 keepalives_count=1 tcp_user_timeout=-1",
  "enable_uuid=false",
  "sslmode=require sslnegotiation=direct",
];

describe("resolve_options(), given something that it must not take,", () => {
  for (const [given, message] of INVALID) {
    it(`refuses ${inspect(given, { breakLength: Infinity })}`, async () => {
      await assertRejects(() => resolve(given), InterfaceError, message);
    });
  }

  for (const [given, message] of UNSUPPORTED) {
    it(`cannot honour ${JSON.stringify(given)}`, async () => {
      await assertRejects(() => resolve(given), NotSupportedError, message);
    });
  }

  for (const given of HARMLESS) {
    it(`takes ${given}`, async () => assertInstanceOf(await resolve(given), Object));
  }

  it("refuses a dsn that is neither text nor options", async () => {
    await assertRejects(() => resolve(5 as never), InterfaceError, "must be an object");
  });

  it("refuses NUL and lone surrogates in every text", async () => {
    const names = ["user", "dbname", "host", "password", "application_name", "options", "passfile"];
    for (const name of names) {
      await assertRejects(() => resolve(any({ [name]: "a\0user\0admin" })), InterfaceError, name);
      await assertRejects(() => resolve(any({ [name]: "a\ud800" })), InterfaceError, name);
    }
  });

  it("names where the value came from", async () => {
    const env = { PGSSLMODE: "full" };
    await assertRejects(() => resolve("", {}, { env }), InterfaceError, "cannot read PGSSLMODE:");
    const files = { "/s": "[s]\nsslmode=full" };
    const dsn = { service: "s", servicefile: "/s" };
    await assertRejects(() => resolve(dsn, {}, { files }), InterfaceError, "the service file:");
    await assertRejects(
      () => resolve(any({ sslmode: 1 })),
      InterfaceError,
      "cannot read the options:",
    );
  });
});

describe("ResolvedOptions.hosts", () => {
  const tcp = (host: string, port = 5432, hostname = host) => ({
    host,
    port,
    address: { hostname, port },
    named: true,
  });
  const socket = (host: string, port = 5432) => ({
    host,
    port,
    address: { path: `${host}/.s.PGSQL.${port}` },
    named: true,
  });
  const hosts: [ConnectOptions | string, unknown[]][] = [
    ["host=a,b", [tcp("a"), tcp("b")]],
    ["host=a,b port=1", [tcp("a", 1), tcp("b", 1)]],
    ["host=a,b port=1,2", [tcp("a", 1), tcp("b", 2)]],
    ["postgres://h1,h2:5433", [tcp("h1"), tcp("h2", 5433)]],
    ["postgres://h1,,h3", [tcp("h1"), tcp("localhost"), tcp("h3")]],
    ["host=a port=", [tcp("a")]],
    [{ host: ["a", "b"], port: [1, "2"] }, [tcp("a", 1), tcp("b", 2)]],
    [{ host: "a", port: 1 }, [tcp("a", 1)]],
    ["host=/tmp port=5433", [socket("/tmp", 5433)]],
    ["postgres://%2Fvar%2Frun%2Fpostgresql/db", [socket("/var/run/postgresql")]],
    ["postgres://[::1]:5433", [tcp("::1", 5433)]],
    ["host=a hostaddr=10.0.0.1", [tcp("a", 5432, "10.0.0.1")]],
    ["host=a,b hostaddr=10.0.0.1,::1", [tcp("a", 5432, "10.0.0.1"), tcp("b", 5432, "::1")]],
    ["host=/tmp hostaddr=::1", [tcp("/tmp", 5432, "::1")]],
    ["hostaddr=10.0.0.1", [{ ...tcp("10.0.0.1"), named: false }]],
    ["hostaddr=,10.0.0.1 host=a,", [tcp("a"), { ...tcp("10.0.0.1"), named: false }]],
  ];
  for (const [given, expected] of hosts) {
    it(`are read from ${JSON.stringify(given)}`, async () => {
      assertEquals((await resolve(given)).hosts, expected as ResolvedOptions["hosts"]);
    });
  }

  it("shadow PGPORT where the dsn has an empty port", async () => {
    const env = { PGPORT: "6000" };
    assertEquals((await resolve("host=a port=''", {}, { env })).hosts[0]!.port, 5432);
    assertEquals((await resolve("host=a", {}, { env })).hosts[0]!.port, 6000);
  });
});

describe("ResolvedOptions.startup", () => {
  it("has settings, but not over those with an option of their own", async () => {
    const options = await resolve({
      application_name: "mine",
      server_settings: { search_path: "a, b", jit: false, work_mem: 64, application_name: "x" },
    });
    assertEquals(Object.fromEntries(options.startup), {
      user: "me",
      database: "me",
      client_encoding: "UTF8",
      search_path: "a, b",
      jit: "false",
      work_mem: "64",
      application_name: "mine",
    });
  });

  const names: [string, string | undefined][] = [
    ["fallback_application_name=f", "f"],
    ["fallback_application_name=f application_name=a", "a"],
    ["", undefined],
  ];
  for (const [dsn, name] of names) {
    it(`has the application_name of ${JSON.stringify(dsn)}`, async () => {
      assertEquals((await resolve(dsn)).startup.get("application_name"), name);
    });
  }

  const replications: [ConnectOptions["replication"], string | undefined][] = [
    [true, "true"],
    ["on", "true"],
    ["database", "database"],
    [false, undefined],
    ["off", undefined],
  ];
  for (const [replication, value] of replications) {
    it(`has replication for ${replication}`, async () => {
      const options = await resolve({ ...(replication !== undefined && { replication }) });
      assertEquals(options.startup.get("replication"), value);
    });
  }
});

describe("ResolvedOptions.password_for()", () => {
  const files = { "/h/.pgpass": "a:*:*:*:pw-a\nb:*:*:*:pw-b\n", "/open": "*:*:*:*:pw" };
  const env = { HOME: "/h" };

  it("gives each host its own password of the passfile", async () => {
    const options = await resolve("host=a,b,c", {}, { env, files });
    const passwords = await Promise.all(options.hosts.map((host) => options.password_for(host)));
    assertEquals(passwords, ["pw-a", "pw-b", null]);
  });

  it("looks a server up by its name, not by its address", async () => {
    const options = await resolve("host=a hostaddr=10.0.0.1", {}, { env, files });
    assertEquals(await options.password_for(options.hosts[0]!), "pw-a");
  });

  it("prefers a password to the passfile, unless it is empty", async () => {
    for (const [dsn, expected] of [["password=x", "x"], ["password=''", "pw-a"]]) {
      const options = await resolve(`host=a ${dsn}`, {}, { env, files });
      assertEquals(await options.password_for(options.hosts[0]!), expected);
    }
  });

  it("does not read a passfile that others can read", async () => {
    const options = await resolve("passfile=/open", {}, { files });
    assertEquals(await options.password_for(options.hosts[0]!), null);
  });

  it("reads PGPASSFILE instead of the default", async () => {
    const options = await resolve("host=a", {}, { env: { ...env, PGPASSFILE: "/none" }, files });
    assertEquals(await options.password_for(options.hosts[0]!), null);
  });

  it("refuses a passfile that is named where there are no files, when it is needed", async () => {
    const { read_text: _, ...adapter } = fake_adapter();
    const options = await resolve_options("user=me passfile=/p", {}, adapter);
    await assertRejects(
      () => options.password_for(options.hosts[0]!),
      NotSupportedError,
      "cannot use passfile of the dsn: there are no files on fake",
    );
  });

  it("calls a function each time", async () => {
    let calls = 0;
    const options = await resolve({ password: () => Promise.resolve(`token ${++calls}`) });
    assertEquals(calls, 0);
    assertEquals(await options.password_for(options.hosts[0]!), "token 1");
    assertEquals(await options.password_for(options.hosts[0]!), "token 2");
  });

  it("refuses what is no password", async () => {
    for (const bad of [undefined, null, 5, {}, `${SECRET}\0`]) {
      const options = await resolve({ password: () => bad as string });
      const error = await assertRejects(
        () => options.password_for(options.hosts[0]!),
        InterfaceError,
      );
      assertEquals(error.message.includes(SECRET), false);
    }
  });
});

describe("ResolvedOptions.tls_for()", () => {
  const [roots, home_roots, cert] = ["roots", "home roots", "cert"].map((name) => name + PEM);
  const key = KEY_PEM;
  const files = {
    "/ca": roots!,
    "/h/.postgresql/root.crt": home_roots!,
    "/h/.postgresql/postgresql.crt": cert!,
    "/h/.postgresql/postgresql.key": key,
    "/open.key": key,
  };
  const home = { HOME: "/h" };
  const common = { hostname: "h", alpn: ["postgresql"], want_certificate: true };
  const cases: [string, Record<string, string>, Record<string, unknown>][] = [
    ["sslmode=prefer", {}, { verify: "none" }],
    ["sslmode=require", {}, { verify: "none" }],
    ["sslmode=require sslrootcert=/ca", {}, { verify: "ca", ca: [roots] }],
    ["sslmode=verify-ca", {}, { verify: "ca" }],
    ["sslmode=verify-full", {}, { verify: "full" }],
    ["sslmode=verify-full sslrootcert=/ca", {}, { verify: "full", ca: [roots] }],
    ["sslrootcert=system", home, { verify: "full", cert, key }],
    ["sslmode=verify-full", home, { verify: "full", ca: [home_roots], cert, key }],
    ["sslmode=require", home, { verify: "ca", ca: [home_roots], cert, key }],
    ["sslmode=prefer sslcertmode=disable", home, { verify: "none" }],
    ["sslmode=disable", home, { verify: "none" }],
    ["sslmode=require channel_binding=disable", {}, { verify: "none", want_certificate: false }],
    ["sslmode=require sslnegotiation=direct", {}, { verify: "none", alpn_required: true }],
  ];
  for (const [dsn, env, expected] of cases) {
    it(`follows ${dsn}${env === home ? " and files at home" : ""}`, async () => {
      const options = await resolve(`host=h ${dsn}`, {}, { env, files });
      const tls: unknown = options.tls_for(options.hosts[0]!);
      assertEquals(tls, { ...common, ...expected });
    });
  }

  it("takes PEM texts for files", async () => {
    const options = await resolve({
      sslmode: "verify-full",
      sslrootcert: PEM,
      sslcert: PEM,
      sslkey: KEY_PEM,
    });
    const { ca, cert, key } = options.tls_for(options.hosts[0]!);
    assertEquals([ca, cert, key], [[PEM], PEM, KEY_PEM]);
  });

  it("does not read a key that others can read", async () => {
    const given = { sslcert: PEM, sslkey: "/open.key" };
    await assertRejects(
      () => resolve(given, {}, { files }),
      InterfaceError,
      "only its owner may use",
    );
  });

  it("verifies the name that was given, not the address that is dialled", async () => {
    const options = await resolve("host=db.example hostaddr=10.0.0.1 sslmode=verify-full");
    assertEquals(options.tls_for(options.hosts[0]!).hostname, "db.example");
  });
});

describe("ResolvedOptions.dsn", () => {
  const dsns: [ConnectOptions | string, string][] = [
    ["postgres://u:hunter2@h:5433/db", "user=u dbname=db password=*** host=h port=5433"],
    [
      "postgres://u@h1:1,h2:2/my%20db?sslmode=require",
      "user=u dbname='my db' host=h1,h2 port=1,2",
    ],
    [
      { user: "u", password: () => SECRET },
      "user=u dbname=u password=*** host=localhost port=5432",
    ],
    ["host=/tmp", "user=me dbname=me host=/tmp port=5432"],
  ];
  for (const [given, dsn] of dsns) {
    it(`says ${dsn}`, async () => assertEquals((await resolve(given)).dsn, dsn));
  }
});

// Each has the password somewhere, and each is refused.
const LEAKS: (string | ConnectOptions)[] = [
  `postgres://u:${SECRET}@h:port/db`,
  `postgres://u:x/${SECRET}@h/db`,
  `postgres://u:${SECRET}/x@h/db`,
  `postgres://u:1@${SECRET}@h/db`,
  `postgres://u:5/${SECRET}?x@h/db`,
  `postgres://u:5/x?${SECRET}=y@h/db`,
  `postgres://u:5/x?sslmode=${SECRET}@h/db`,
  `postgres://u:%zz${SECRET}@h/db`,
  `postgres://u:${SECRET}%00@h/db`,
  `postgres://u:a ${SECRET}@h/db`,
  `postgres://u:[${SECRET}`,
  `postgres://h/db?password=${SECRET}&nosuch=x`,
  `postgres://h/db?password=${SECRET}=x`,
  `postgres://h/db?pass%77ord=${SECRET}&sslmode=x`,
  `postgres://h:${SECRET}/db`,
  `mysql://u:${SECRET}@h/db`,
  `password=${SECRET} sslmode=x`,
  `password='${SECRET}`,
  `password=a ${SECRET}`,
  `port=${SECRET}`,
  `sslmode=${SECRET}`,
  `timeout=${SECRET}`,
  `require_auth=${SECRET}`,
  `hostaddr=${SECRET}`,
  `host=u:${SECRET}@h`,
  `sslpassword=${SECRET}`,
  `client_encoding=${SECRET}`,
  `sslkey=${SECRET} sslcert=/x`,
  { password: `${SECRET}\0` },
  { password: `${SECRET}\ud800` },
  any({ password: { value: SECRET } }),
  any({ password: [SECRET] }),
  { sslcert: PEM, sslkey: KEY_PEM.replace("PRIVATE", "ENCRYPTED PRIVATE") },
  { sslcert: PEM, sslkey: `${SECRET} without a header` },
  any({ server_settings: { a: `${SECRET}\0` } }),
];

describe("a password", () => {
  for (const given of LEAKS) {
    it(`is in no error about ${JSON.stringify(given).slice(0, 60)}`, async () => {
      const error = await assertRejects(() => resolve(given));
      const shown = `${error}\n${(error as Error).stack}\n${inspect(error, { depth: 9 })}\n${
        JSON.stringify(error)
      }`;
      assertEquals(shown.includes(SECRET), false, shown);
    });
  }

  it("is in no error about a dsn with one character too many or too few", async () => {
    const dsns = [
      `postgres://user:${SECRET}@host:5432/db?sslmode=require`,
      `host=h password='${SECRET}' user=u`,
    ];
    let refused = 0;
    for (const dsn of dsns) {
      for (let at = 0; at <= dsn.length; at++) {
        const shorter = dsn.slice(0, at) + dsn.slice(at + 1);
        const longer = Array.from("@/:?&='% ", (c) => dsn.slice(0, at) + c + dsn.slice(at));
        for (const text of [shorter, ...longer]) {
          const error = await resolve(text).then(() => null, (error: unknown) => error);
          if (error === null || !text.includes(SECRET)) continue;
          refused++;
          assertInstanceOf(error, PgError, text);
          assertEquals(String(error).includes(SECRET), false, text);
        }
      }
    }
    assert(refused > 100, `${refused}`);
  });

  it("is in no inspection and no JSON of what was resolved", async () => {
    const given: (string | ConnectOptions)[] = [
      `postgres://u:${SECRET}@h/db`,
      `password=${SECRET}`,
      { password: SECRET },
      { sslmode: "require", sslcert: PEM, sslkey: KEY_PEM },
    ];
    for (const dsn of given) {
      const options = await resolve(dsn, {}, { env: { PGPASSWORD: SECRET } });
      await options.password_for(options.hosts[0]!);
      for (
        const shown of [
          inspect(options, { depth: Infinity, showHidden: true }),
          JSON.stringify(options),
          JSON.stringify({ ...options }),
          String(options),
          options.dsn,
        ]
      ) assertEquals(shown.includes(SECRET), false, shown);
    }
  });
});
