/** Logging in to a real server: by every method, with what proves the user from everywhere. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { chmodSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import {
  connect,
  type ConnectOptions,
  create_pool,
  InterfaceError,
  OperationalError,
  PgError,
  TimeoutError,
} from "../../mod.ts";
import { no_escapes, temporary } from "../adapters/peer.ts";
import { make_authority, type Signature, type Subject } from "../support/authority.ts";
import { run_program } from "../support/program.ts";
import { TlsCluster } from "../support/tls_cluster.ts";
import { TlsMiddleman } from "../support/tls_middleman.ts";

const PASSWORD = "correct horse battery staple";
const HBA = [
  "host all truster all trust",
  "host all clear all password",
  "host all digest all md5",
  "host all scram,prepared all scram-sha-256",
  "hostssl all certified all cert",
];
const SETUP = `
  create role truster login;
  create role prepared login;
  create role certified login;
  create role clear login password '${PASSWORD}';
  create role scram login password '${PASSWORD}';
  set password_encryption = md5;
  create role digest login password '${PASSWORD}'`;

/** Users, each with the method that the server asks of it. */
const USERS = {
  truster: "none",
  clear: "password",
  digest: "md5",
  scram: "scram-sha-256",
} as const;

let tls: TlsCluster;

beforeAll(async () => {
  tls = await TlsCluster.start(HBA, SETUP);
});

afterAll(async () => {
  await tls[Symbol.asyncDispose]();
});

/** Over a network that nobody guards. */
const PLAIN: ConnectOptions = { sslmode: "disable" };
/** Encrypted, but to whomever. */
const TLS: ConnectOptions = { sslmode: "require" };

async function log_in(user: string, more: ConnectOptions): Promise<void> {
  await using conn = await connect(tls.options(user, { password: PASSWORD, ...more }));
  assertEquals(await conn.fetchval("select current_user"), user);
}

/** Why the login fails. Whatever it is, it does not show the password. */
async function refusal(user: string, more: ConnectOptions): Promise<PgError> {
  const error = await assertRejects(() => log_in(user, more), PgError);
  assertFalse(error.message.includes(PASSWORD));
  return error;
}

/** Sessions of anyone but the superuser. */
function sessions(): Promise<unknown> {
  return tls.ask(`select count(*)::int from pg_stat_activity
    where backend_type = 'client backend' and usename is distinct from 'postgres'`);
}

describe("a login", () => {
  no_escapes();

  for (const [user, method] of Object.entries(USERS)) {
    for (const [how, more] of Object.entries({ PLAIN, TLS })) {
      it(`by ${method}, ${how}, takes the right password and no other`, async () => {
        await log_in(user, more);
        if (user === "truster") return await log_in(user, { ...more, password: "" });
        const error = await refusal(user, { ...more, password: `${PASSWORD}!` });
        assert(error instanceof OperationalError);
        assertEquals([error.sqlstate, error.condition], ["28P01", "invalid_password"]);
        const missing = await refusal(user, { ...more, password: "" });
        assertStringIncludes(missing.message, "asks for a password, but none was given");
      });
    }
  }

  it("is refused where pg_hba.conf has no line for the user", async () => {
    const error = await refusal("nobody_at_all", TLS);
    assertEquals(error.sqlstate, "28000");
    assertStringIncludes(error.message, "no pg_hba.conf entry");
  });

  it("to a database that does not exist is an OperationalError", async () => {
    const error = await refusal("truster", { ...TLS, dbname: "nowhere" });
    assert(error instanceof OperationalError);
    assertEquals(error.sqlstate, "3D000");
  });

  it("leaves nothing behind when it fails", async () => {
    await assertRejects(() => log_in("scram", { ...TLS, password: "wrong" }));
    while (await sessions() !== 0);
  });
});

describe("require_auth", () => {
  no_escapes();

  for (const [user, method] of Object.entries(USERS)) {
    it(`lets a server ask for ${method} where that is allowed, and else not`, async () => {
      const others = Object.values(USERS).filter((other) => other !== method);
      for (const require_auth of [method, `${method},gss`, others.map((m) => `!${m}`).join()]) {
        await log_in(user, { ...TLS, require_auth });
      }
      for (const require_auth of [others.join(), `!${method}`]) {
        const error = await refusal(user, { ...TLS, require_auth });
        assertEquals(error.sqlstate, "28000");
        assertStringIncludes(error.message, "require_auth");
      }
    });
  }

  it("none is what a certificate is to it, too", async () => {
    const { cert, key } = await tls.authority.issue({ name: "certified" });
    const proof = { ...TLS, sslcert: cert, sslkey: key };
    await log_in("certified", { ...proof, require_auth: "none" });
    await refusal("certified", { ...proof, require_auth: "scram-sha-256" });
  });
});

describe("channel_binding", () => {
  no_escapes();
  const BINDABLE: [Signature, Subject["key"]][] = [
    ["rsa-sha256", "rsa"],
    ["rsa-sha384", "rsa"],
    ["rsa-sha512", "rsa"],
    ["rsa-pss-sha384", "rsa"],
    ["ecdsa-sha256", "ec"],
    ["ecdsa-sha384", "ec"],
    ["ecdsa-sha512", "ec"],
  ];
  const SUBJECT: Subject = { name: "localhost", dns: ["localhost"], ips: ["127.0.0.1"] };

  afterAll(() => tls.present(tls.credentials));

  for (const [signature, key] of BINDABLE) {
    it(`binds to a certificate signed with ${signature}, and verifies it`, async () => {
      const authority = await make_authority(signature);
      await tls.present(await authority.issue({ ...SUBJECT, ...key && { key } }));
      const verified = { sslmode: "verify-full", sslrootcert: authority.pem } as const;
      for (const channel_binding of ["require", "prefer", "disable"] as const) {
        await log_in("scram", { ...verified, channel_binding });
      }
    });
  }

  for (const key of ["ec", "ed25519"] as const) {
    it(`does without where an ${key} certificate's signature has no hash, or refuses to`, async () => {
      const authority = await make_authority("ed25519");
      await tls.present(await authority.issue({ ...SUBJECT, key }));
      const verified = { sslmode: "verify-full", sslrootcert: authority.pem } as const;
      await log_in("scram", { ...verified, channel_binding: "prefer" });
      await assertRejects(
        () => log_in("scram", { ...verified, channel_binding: "require" }),
        OperationalError,
        "a hash of the server's certificate",
      );
    });
  }

  it("require refuses every other way in, and a connection without TLS", async () => {
    await tls.present(tls.credentials);
    for (const user of ["truster", "clear", "digest"]) {
      const error = await refusal(user, { ...TLS, channel_binding: "require" });
      assertEquals(error.sqlstate, "28000");
      assertStringIncludes(error.message, "channel_binding=require");
    }
    await refusal("scram", { ...PLAIN, channel_binding: "require" });
  });
});

describe("a middleman with a certificate that nobody checks", () => {
  no_escapes();
  let middleman: TlsMiddleman;

  beforeEach(async () => {
    const stranger = await make_authority();
    const credentials = await stranger.issue({ name: "localhost", dns: ["localhost"] });
    middleman = await TlsMiddleman.start(credentials, tls.cluster);
  });

  afterEach(async () => {
    await middleman[Symbol.asyncDispose]();
  });

  const through = (more: ConnectOptions) => ({ ...TLS, port: middleman.port, ...more });

  for (const channel_binding of ["require", "prefer"] as const) {
    it(`is found out by channel_binding=${channel_binding}`, async () => {
      const error = await refusal("scram", through({ channel_binding }));
      assert(error instanceof OperationalError);
      assertStringIncludes(error.message, "channel binding check failed");
    });
  }

  it("is not found out without, but gets no password from SCRAM either", async () => {
    await log_in("scram", through({ channel_binding: "disable" }));
    assertFalse(new TextDecoder().decode(middleman.seen[0]!.first).includes(PASSWORD));
  });

  it("is kept out by verify-full", async () => {
    const verified = through({ sslmode: "verify-full", sslrootcert: tls.authority.pem });
    const error = await refusal("clear", verified);
    assertStringIncludes(error.message, "its certificate cannot be verified");
    assertEquals(middleman.seen, []);
  });
});

describe("a password", () => {
  no_escapes();

  // What the server was told, and what is as good (RFC 4013).
  const texts: [told: string, given: string][] = [
    ["pässwörd", "pässwörd"],
    ["pässwörd", "pa\u0308sswo\u0308rd"], // composed
    ["\u2168", "IX"], // ROMAN NUMERAL NINE
    ["I\u00adX", "IX"], // SOFT HYPHEN
    ["a\u00a0b", "a b"], // NO-BREAK SPACE
    ["пароль 密码", "пароль 密码"],
    ["🐘🔑", "🐘🔑"], // unassigned in Unicode 3.2, so taken as it is
    ["\u0627\u0031", "\u0627\u0031"], // breaks the rule for right-to-left text, likewise
    ["\u0007bell", "\u0007bell"], // prohibited, likewise
    ["a,b=c", "a,b=c"],
    ["x".repeat(900), "x".repeat(900)],
  ];

  for (const [told, given] of texts) {
    const name = JSON.stringify(told.slice(0, 20));
    it(`of ${name} is prepared as the server does`, async () => {
      const statement = await tls.ask(
        "select format('alter role prepared password %L', $1::text)",
        [
          told,
        ],
      );
      await tls.ask(String(statement));
      await log_in("prepared", { ...TLS, password: given });
      await log_in("prepared", { ...PLAIN, password: given });
    });
  }

  const functions: Record<string, () => string | Promise<string>> = {
    "a function": () => PASSWORD,
    "an async function": () => Promise.resolve(PASSWORD),
  };
  for (const [name, password] of Object.entries(functions)) {
    it(`may come from ${name}, which is asked for each connection that needs it`, async () => {
      let asked = 0;
      const counted = () => (asked++, password());
      await log_in("scram", { ...TLS, password: counted });
      await log_in("truster", { ...TLS, password: counted });
      await using pool = await create_pool(tls.options("clear", { password: counted }), {
        minsize: 2,
      });
      assertEquals([pool.size, asked], [2, 3]);
    });
  }

  const reason = new Error("the vault is closed");
  const failures: Record<string, () => string | Promise<string>> = {
    throws: () => {
      throw reason;
    },
    rejects: () => Promise.reject(reason),
  };
  for (const [how, password] of Object.entries(failures)) {
    it(`function that ${how} gives its error to who connects, and leaves nothing open`, async () => {
      const options = tls.options("scram", { ...TLS, password });
      assertStrictEquals(await assertRejects(() => connect(options)), reason);
      assertStrictEquals(await assertRejects(() => create_pool(options)), reason);
      await using pool = await create_pool({ ...options, minsize: 0 });
      assertStrictEquals(await assertRejects(() => pool.acquire()), reason);
      assertEquals(pool.size, 0);
      while (await sessions() !== 0);
    });
  }

  it("function that never answers is given up in time", async () => {
    const password = () => new Promise<string>(() => {});
    const options = tls.options("scram", { ...TLS, password });
    await assertRejects(() => connect({ ...options, timeout: 0.05 }), TimeoutError);
    const stop = new AbortController();
    const opening = connect({
      ...options,
      password: () => (stop.abort(reason), password()),
      signal: stop.signal,
    });
    assertStrictEquals(await assertRejects(() => opening), reason);
    while (await sessions() !== 0);
  });

  it("function that gives no text is misused", async () => {
    const password = () => 42 as unknown as string;
    await assertRejects(() => log_in("scram", { ...TLS, password }), InterfaceError);
  });
});

describe("a passfile", () => {
  no_escapes();
  const directory = temporary();
  const passfile = join(directory.path, "passfile");

  afterAll(() => directory[Symbol.dispose]());

  const given = (port: number) => ({ ...TLS, port, password: "", passfile });

  it("has the password for its own host, port, database and user", async () => {
    const { host, port } = tls.cluster;
    const lines = [`${host}:1:*:*:wrong`, `*:${port}:postgres:scram:${PASSWORD}`, "*:*:*:*:wrong"];
    writeFileSync(passfile, lines.join("\n"), { mode: 0o600 });
    await log_in("scram", given(port));
    assertEquals((await refusal("clear", given(port))).sqlstate, "28P01");
  });

  it("that others can read is not read", async () => {
    writeFileSync(passfile, `*:*:*:*:${PASSWORD}`);
    for (const mode of [0o640, 0o604]) {
      chmodSync(passfile, mode);
      const error = await refusal("scram", given(tls.cluster.port));
      assertStringIncludes(error.message, "none was given");
    }
    chmodSync(passfile, 0o600);
    await log_in("scram", given(tls.cluster.port));
  });
});

describe("a process", () => {
  const directory = temporary();
  const service_file = join(directory.path, "services.conf");
  const passfile = join(directory.path, "passfile");
  const program = new URL("programs/open_session.ts", import.meta.url);
  let env: Record<string, string>; // what gets a session by itself

  beforeAll(() => {
    const { host, port } = tls.cluster;
    const service = { host, port, dbname: "postgres", user: "clear", application_name: "service" };
    const lines = Object.entries(service).map(([name, value]) => `${name}=${value}`);
    writeFileSync(service_file, ["[other]", "host=nowhere", "[edgepg]", ...lines].join("\n"));
    writeFileSync(passfile, `*:*:*:*:${PASSWORD}`, { mode: 0o600 });
    env = {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: "scram",
      PGDATABASE: "postgres",
      PGPASSWORD: PASSWORD,
      PGAPPNAME: "environment",
      PGSSLMODE: "require",
    };
  });

  afterAll(() => directory[Symbol.dispose]());

  /** What a process of its own prints: who it became, or why it failed. */
  async function session(
    options: ConnectOptions,
    env: Record<string, string>,
  ): Promise<Record<string, unknown>> {
    const { output } = await run_program(program, { args: [JSON.stringify(options)], env });
    return JSON.parse(output);
  }

  it("finds everything in libpq's variables", async () => {
    assertEquals(await session({}, env), {
      user: "scram",
      dbname: "postgres",
      application_name: "environment",
      ssl: true,
    });
  });

  it("prefers options to a service, and a service to the environment", async () => {
    const all = { ...env, PGSERVICEFILE: service_file, PGSERVICE: "edgepg" };
    const options = { user: "digest" };
    const { user, application_name } = await session(options, all);
    assertEquals([user, application_name], ["digest", "service"]);
  });

  it("obeys what its environment says of security", async () => {
    const { error } = await session({}, { ...env, PGREQUIREAUTH: "md5" });
    assertStringIncludes(String(error), "require_auth allows md5");
  });

  it("takes the password from the file that PGPASSFILE names", async () => {
    const { PGPASSWORD: _, ...rest } = env;
    assertEquals((await session({}, { ...rest, PGPASSFILE: passfile })).user, "scram");
  });

  it("takes its operating system's user for its own", async () => {
    const { PGUSER: _, ...rest } = env;
    const { error } = await session({}, rest);
    assertStringIncludes(String(error), `for host "127.0.0.1", user "${userInfo().username}"`);
  });
});
