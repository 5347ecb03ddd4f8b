/** TLS to a real server: whom each sslmode believes, and that nothing else changes by it. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  connect,
  type Connection,
  type ConnectOptions,
  create_pool,
  OperationalError,
  QueryCanceledError,
  TimeoutError,
} from "../../mod.ts";
import { no_escapes, temporary } from "../adapters/peer.ts";
import { type Authority, make_authority, type Subject } from "../support/authority.ts";
import { start_cluster } from "../support/cluster.ts";
import { run_program } from "../support/program.ts";
import { TlsCluster } from "../support/tls_cluster.ts";
import { TlsMiddleman } from "../support/tls_middleman.ts";

const HBA = [
  "hostssl all tls_only all trust",
  "hostnossl all plain_only all trust",
  "host all either all trust",
  "hostssl all certified all cert",
];
const ROLES = ["tls_only", "plain_only", "either", "certified"];
const IS_ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
const MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

let tls: TlsCluster;
let stranger: Authority; // whom nobody trusts

beforeAll(async () => {
  stranger = await make_authority("ecdsa-sha256", "edgepg other authority");
  tls = await TlsCluster.start(HBA, ROLES.map((role) => `create role ${role} login`).join("; "));
});

afterAll(async () => {
  await tls[Symbol.asyncDispose]();
});

/** What verify-full needs. */
function verified(user: string, more: ConnectOptions = {}): ConnectOptions {
  return tls.options(user, {
    sslmode: "verify-full",
    sslrootcert: tls.authority.pem,
    ...more,
  });
}

/** Connects, asks one thing, and closes. */
async function ask(options: ConnectOptions, question = IS_ENCRYPTED): Promise<unknown> {
  await using conn = await connect(options);
  return await conn.fetchval(question);
}

/** Why a connection cannot be made. */
async function refusal(options: ConnectOptions): Promise<OperationalError> {
  return await assertRejects(() => connect(options), OperationalError);
}

/** Settles when the server no longer has the session. */
async function gone(pid: number): Promise<void> {
  while (await tls.ask("select 1 from pg_stat_activity where pid = $1", [pid]));
}

/** Settles when a session waits for this, as pg_stat_activity says. */
async function waits_for(event: string, pid: number): Promise<void> {
  const query = "select wait_event from pg_stat_activity where pid = $1";
  while (await tls.ask(query, [pid]) !== event);
}

describe("sslmode", () => {
  no_escapes();

  type Outcome = "tls" | "plain" | "refused";
  const outcomes: Record<string, readonly Outcome[]> = {
    either: ["plain", "plain", "tls", "tls", "tls", "tls"],
    tls_only: ["refused", "tls", "tls", "tls", "tls", "tls"],
    plain_only: ["plain", "plain", "plain", "refused", "refused", "refused"],
  };
  for (const [user, by_mode] of Object.entries(outcomes)) {
    for (const [at, sslmode] of MODES.entries()) {
      const outcome = by_mode[at]!;
      it(`${sslmode} as the user ${user}: ${outcome}`, async () => {
        const options = verified(user, { sslmode });
        if (outcome === "refused") assertEquals((await refusal(options)).sqlstate, "28000");
        else assertEquals(await ask(options), outcome === "tls");
      });
    }
  }

  it("from require on is refused by a server without TLS, and below goes on without", async () => {
    await using plain = await start_cluster();
    for (const [at, sslmode] of MODES.entries()) {
      const { port } = plain;
      const options = verified("postgres", { sslmode, port });
      if (at < 3) assertEquals(await ask(options), false);
      else assertStringIncludes((await refusal(options)).message, `sslmode=${sslmode} needs TLS`);
    }
  });

  it("has no effect on a Unix socket", async () => {
    const { socket_dir: host } = tls.cluster;
    assertEquals(await ask(verified("either", { host })), false);
  });
});

describe("the server's certificate", () => {
  no_escapes();

  const LOCAL: Subject = { name: "localhost", dns: ["localhost"], ips: ["127.0.0.1"] };
  const EXAMPLE: Subject = { name: "x", dns: ["db.example.com"] };
  const WILDCARD: Subject = { name: "x", dns: ["*.example.com"] };
  type Row = [subject: Subject, host: string, refused_by: "" | "full"];
  const names: readonly Row[] = [
    [LOCAL, "localhost", ""],
    [LOCAL, "127.0.0.1", ""],
    [LOCAL, "db.example.com", "full"],
    [EXAMPLE, "db.example.com", ""],
    [EXAMPLE, "DB.Example.COM", ""],
    [EXAMPLE, "example.com", "full"],
    [EXAMPLE, "127.0.0.1", "full"],
    [WILDCARD, "db.example.com", ""],
    [WILDCARD, "a.b.example.com", "full"],
    [WILDCARD, "example.com", "full"],
    [{ name: "x", dns: ["*"] }, "localhost", "full"],
    [{ name: "x", dns: ["localhost\0.evil.example"] }, "localhost", "full"],
    [{ name: "x", dns: ["127.0.0.1"] }, "127.0.0.1", "full"], // an address is no name
    // As in libpq: without alternative names the common name counts, but for no address.
    [{ name: "db.example.com" }, "db.example.com", ""],
    [{ name: "127.0.0.1" }, "127.0.0.1", "full"],
    [{ name: "db.example.com", dns: ["other.example.com"] }, "db.example.com", "full"],
  ];
  for (const [subject, host, refused_by] of names) {
    const { name, dns = [], ips = [] } = subject;
    const shown = JSON.stringify([name, ...dns, ...ips]);
    it(`for ${shown} is ${refused_by ? "not " : ""}that of ${host}`, async () => {
      await tls.present(await tls.authority.issue(subject));
      const options = verified("tls_only", { host, hostaddr: "127.0.0.1" });
      assertEquals(await ask({ ...options, sslmode: "verify-ca" }), true);
      if (refused_by === "") return assertEquals(await ask(options), true);
      const error = await refusal(options);
      assertStringIncludes(error.message, "its certificate is for another name");
      assert(error.safe_to_retry);
    });
  }

  afterAll(async () => {
    await tls.present(tls.credentials);
  });
});

describe("sslrootcert", () => {
  no_escapes();
  const directory = temporary();
  const path = join(directory.path, "roots.pem");

  afterAll(() => directory[Symbol.dispose]());

  const trusts: [name: string, roots: () => string, trusted: boolean][] = [
    ["the text of the authority", () => tls.authority.pem, true],
    ["a file of the authority", () => (writeFileSync(path, tls.authority.pem), path), true],
    ["several authorities", () => stranger.pem + tls.authority.pem, true],
    ["another authority", () => stranger.pem, false],
    ["a file of another one", () => (writeFileSync(path, stranger.pem), path), false],
  ];
  for (const [name, roots, trusted] of trusts) {
    it(`${name} is ${trusted ? "" : "not "}enough, from require on`, async () => {
      for (const sslmode of ["require", "verify-ca", "verify-full"] as const) {
        const options = tls.options("tls_only", { sslmode, sslrootcert: roots() });
        if (trusted) assertEquals(await ask(options), true);
        else assertStringIncludes((await refusal(options)).message, "cannot be verified");
      }
    });
  }

  it("is not looked at by allow and prefer, which protect from nobody in the way", async () => {
    for (const sslmode of ["allow", "prefer"] as const) {
      const sslrootcert = stranger.pem;
      assertEquals(await ask(tls.options("tls_only", { sslmode, sslrootcert })), true);
    }
  });

  it("where it is absent leaves require without a check, and verify-* to the runtime's own", async () => {
    assertEquals(await ask(tls.options("tls_only", { sslmode: "require" })), true);
    for (const sslmode of ["verify-ca", "verify-full"] as const) {
      const error = await refusal(tls.options("tls_only", { sslmode }));
      assertStringIncludes(error.message, "cannot be verified");
    }
  });

  it("system means the authorities that the runtime trusts, and the name must be right", async () => {
    writeFileSync(path, tls.authority.pem);
    const program = new URL("programs/open_session.ts", import.meta.url);
    const session = async (host: string, env: Record<string, string>) => {
      const options = tls.options("tls_only", { host, sslrootcert: "system" });
      const { output } = await run_program(program, { args: [JSON.stringify(options)], env });
      return JSON.parse(output);
    };
    const trusting = { NODE_EXTRA_CA_CERTS: path };
    assertEquals((await session("127.0.0.1", trusting)).ssl, true);
    assertStringIncludes((await session("127.0.0.1", {})).error, "cannot be verified");
  });
});

describe("a client's certificate", () => {
  no_escapes();
  const QUESTION = "select client_dn from pg_stat_ssl where pid = pg_backend_pid()";
  const directory = temporary();

  afterAll(() => directory[Symbol.dispose]());

  for (const sslnegotiation of ["postgres", "direct"] as const) {
    it(`proves the user, with sslnegotiation=${sslnegotiation}`, async () => {
      const { cert, key } = await tls.authority.issue({ name: "certified" });
      const options = verified("certified", { sslnegotiation, sslcert: cert, sslkey: key });
      assertEquals(await ask(options, QUESTION), "/CN=certified");
    });
  }

  it("is read from files", async () => {
    const { cert, key } = await tls.authority.issue({ name: "certified", key: "rsa" });
    const [sslcert, sslkey] = ["client.pem", "client.key"].map((name) =>
      join(directory.path, name)
    ) as [string, string];
    writeFileSync(sslcert, cert);
    writeFileSync(sslkey, key, { mode: 0o600 });
    assertEquals(await ask(verified("certified", { sslcert, sslkey }), QUESTION), "/CN=certified");
  });

  it("is what the server misses", async () => {
    const { cert, key } = await tls.authority.issue({ name: "certified" });
    const withheld = { sslcert: cert, sslkey: key, sslcertmode: "disable" } as const;
    for (const more of [{}, withheld]) {
      const error = await refusal(verified("certified", more));
      assertEquals([error.sqlstate, error.diag?.message_primary], [
        "28000",
        "connection requires a valid client certificate",
      ]);
    }
  });

  it("of someone else is refused", async () => {
    const { cert, key } = await tls.authority.issue({ name: "mallory" });
    const error = await refusal(verified("certified", { sslcert: cert, sslkey: key }));
    assertEquals(error.sqlstate, "28000");
  });

  it("of an authority that the server does not trust is refused, and that is said", async () => {
    const { cert, key } = await stranger.issue({ name: "certified" });
    const error = await refusal(verified("certified", { sslcert: cert, sslkey: key }));
    assertStringIncludes(error.message, "the connection was lost during the login");
    assert(error.safe_to_retry);
  });
});

describe("connect() through a middleman", () => {
  no_escapes();
  let middleman: TlsMiddleman;

  beforeEach(async () => {
    middleman = await TlsMiddleman.start(tls.credentials, tls.cluster);
  });

  afterEach(async () => {
    await middleman[Symbol.asyncDispose]();
  });

  // SNI takes no addresses (RFC 6066, section 3). Bun sends them, and cannot be told not to.
  const address = "Bun" in globalThis ? "127.0.0.1" : null;
  for (const [host, sni] of [["localhost", "localhost"], ["127.0.0.1", address]] as const) {
    it(`names ${host} by SNI as ${sni}, asking for TLS or not`, async () => {
      for (const sslnegotiation of ["postgres", "direct"] as const) {
        const { port } = middleman;
        const options = verified("tls_only", { host, hostaddr: "127.0.0.1", port, sslnegotiation });
        assertEquals(await ask(options), true);
        const { direct, ...seen } = middleman.seen.pop()!;
        assertEquals([seen.sni, direct], [sni, sslnegotiation === "direct"]);
      }
    });
  }

  it("cancels over TLS", async () => {
    for (const sslnegotiation of ["postgres", "direct"] as const) {
      const { port } = middleman;
      middleman.seen.length = 0;
      await using conn = await connect(verified("tls_only", { port, sslnegotiation }));
      const pid = conn.get_backend_pid();
      const stuck = conn.execute("select pg_sleep(60)");
      const outcome = assertRejects(() => stuck, QueryCanceledError);
      await waits_for("PgSleep", pid);
      await conn.cancel();
      await outcome;
      const slow = conn.execute("select pg_sleep(60)", [], { timeout: 0.05 });
      await assertRejects(() => slow, TimeoutError);
      assertEquals(await conn.fetchval("select pg_backend_pid()"), pid);
      const codes = middleman.seen.map(({ first }) => new DataView(first.buffer).getUint16(6));
      assertEquals(codes, [2, 5678, 5678]); // protocol 3.2, and two CancelRequests
    }
  });
});

describe("a session over TLS", () => {
  no_escapes();

  it("carries values of 64 MB both ways", async () => {
    const size = 64 * 1024 * 1024;
    await using conn = await connect(verified("tls_only"));
    const text = await conn.fetchval<string>("select repeat('edgepg, ', $1)", [size / 8]);
    assertEquals([text!.length, text!.slice(-8)], [size, "edgepg, "]);
    assertEquals(
      await conn.fetchval("select md5($1) = md5(repeat('edgepg, ', $2))", [text, size / 8]),
      true,
    );
  });

  it("streams as any other", async () => {
    await using conn = await connect(verified("tls_only"));
    const query = "select g, repeat('x', 1000) as x from generate_series(1, 50000) g";
    let rows = 0;
    for await (const { g, x } of conn.stream<{ g: number; x: string }>(query)) {
      assertEquals([g, x.length], [++rows, 1000]);
    }
    assertEquals(rows, 50_000);
    for await (const _ of conn.stream(query)) break;
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("holds the server back while nobody reads", async () => {
    await using conn = await connect(verified("tls_only"));
    const { wire } = conn.lend().session;
    const pid = conn.get_backend_pid();
    wire.pause();
    const result = conn.fetchall("select repeat('x', 1000) from generate_series(1, 100000)");
    await waits_for("ClientWrite", pid);
    for (let i = 0; i < 20; i++) { // it stays so
      await tls.ask("select pg_sleep(0.01)");
      await waits_for("ClientWrite", pid);
    }
    wire.resume();
    assertEquals((await result).length, 100_000);
  });

  it("serves a pool", async () => {
    await using pool = await create_pool(verified("tls_only", { sslnegotiation: "direct" }), {
      maxsize: 4,
    });
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const answers = await Promise.all(numbers.map((n) => pool.fetchval("select $1::int", [n])));
    assertEquals(answers, numbers);
  });

  it("gives up a server that never ends its handshake, and leaves nothing open", async () => {
    let open = 0;
    const mute = createServer((socket) => {
      open++;
      socket.once("data", () => socket.write("S"));
      socket.on("error", () => {});
      socket.on("close", () => open--);
    });
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    await assertRejects(
      () => connect(verified("tls_only", { port, timeout: 0.1 })),
      TimeoutError,
      "0.1 s",
    );
    const stop = new AbortController();
    const opening = connect(verified("tls_only", { port, signal: stop.signal }));
    const outcome = assertRejects(() => opening, Error, "never mind");
    while (open === 0) await tls.ask("select 1");
    stop.abort(new Error("never mind"));
    await outcome;
    while (open > 0) await tls.ask("select 1");
    await new Promise((resolve) => mute.close(resolve));
  });

  // What the session does when it ends; what its promise must then be.
  type State = (conn: Connection) => Promise<unknown>[];
  const states: Record<string, State> = {
    "at rest": () => [],
    "while a statement runs": (conn) => [conn.execute("select pg_sleep(60)")],
    "while statements wait": (conn) => [
      conn.execute("select pg_sleep(60)"),
      conn.execute("select 1"),
      conn.execute("select $1::text", ["x".repeat(4_000_000)]),
    ],
    "while a stream is open": (conn) => {
      const rows = conn.stream(
        "select pg_sleep(case when g > 5000 then 60 end) from " +
          "generate_series(1, 9999) g",
      );
      const all = async () => {
        for await (const _ of rows);
      };
      return [all()];
    },
    "while nobody reads a large result": (conn) => {
      conn.lend().session.wire.pause();
      return [conn.execute("select repeat('x', 1000) from generate_series(1, 100000)")];
    },
    "in a transaction": (conn) => [
      conn.transaction((tx) => tx.execute("select pg_sleep(60)")),
    ],
  };
  const ends: Record<string, (conn: Connection, pid: number) => Promise<unknown>> = {
    "is closed": (conn) => conn.close(),
    "is killed": (_, pid) => tls.ask("select pg_terminate_backend($1)", [pid]),
  };
  for (const [state, begin] of Object.entries(states)) {
    for (const [end, finish] of Object.entries(ends)) {
      it(`${end} ${state}: all that is pending rejects, and the backend is gone`, async () => {
        const conn = await connect(verified("tls_only"));
        const pid = conn.get_backend_pid();
        const pending = begin(conn).map((promise) => assertRejects(() => promise));
        if (pending.length > 0) {
          const query = "select state <> 'idle' from pg_stat_activity where pid = $1";
          while (!await tls.ask(query, [pid]));
        }
        await finish(conn, pid);
        if (end === "is killed") conn.lend().session.wire.resume();
        await Promise.all(pending);
        await gone(pid);
        await conn.close();
        await assertRejects(() => conn.execute("select 1"));
      });
    }
  }
});
