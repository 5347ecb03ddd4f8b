/** The `postgres` package over our sockets, against a real server. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, describe, it } from "@std/testing/bdd";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";
import { start_ws_proxy, type WsProxy } from "../../examples/ws_proxy.ts";
import {
  type Adapter,
  socket_for,
  type SocketOptions,
  websocket_adapter,
} from "../../src/entries/postgres.ts";
import { adapter as here } from "../adapters/here.ts";
import { listen, no_escapes, Valve } from "../adapters/peer.ts";
import { type Cluster, start_cluster } from "../support/cluster.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { TlsCluster } from "../support/tls_cluster.ts";

/** The package's types lack `socket`, and lists of hosts. */
type Options = Omit<postgres.Options<Record<string, never>>, "host" | "port"> & {
  readonly host?: string | readonly string[];
  readonly port?: number | readonly number[];
  readonly socket?: unknown;
};

let database: Database;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

/** Clients that a test has opened, closed when it is over. */
const clients: postgres.Sql[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((sql) => sql.end({ timeout: 1 })));
});

/** A client over our sockets; counts those it asks for. */
function client(
  more: Options = {},
  tls: SocketOptions = {},
  adapter: Adapter = here,
): postgres.Sql & { sockets: () => number } {
  const { host, port, user, password, name } = database;
  const make = socket_for(adapter, tls);
  let sockets = 0;
  const options = {
    ...{ host, port, user, password, database: name, max: 3, onnotice: () => {} },
    socket: (given: Parameters<typeof make>[0]) => (sockets++, make(given)),
    ...more,
  };
  const sql = postgres(options as postgres.Options<Record<string, never>>);
  clients.push(sql);
  return Object.assign(sql, { sockets: () => sockets });
}

/** Why a promise rejects. */
async function failure(promise: PromiseLike<unknown>): Promise<Error & { code?: string }> {
  return await assertRejects(async () => await promise, Error);
}

function suite(name: string, adapter: () => Adapter): void {
  describe(`the postgres package over ${name}`, () => {
    no_escapes();
    const open = (more: Options = {}) => client(more, {}, adapter());

    it("runs queries, many at once", async () => {
      const sql = open();
      const rows = await Promise.all(
        Array.from({ length: 100 }, (_, i) => sql`select ${i}::int as i, ${"text" + i} as t`),
      );
      assertEquals(rows.map(([row]) => row), rows.map((_, i) => ({ i, t: `text${i}` })));
      assert(sql.sockets() <= 3);
    });

    it("carries values of 20 MB both ways", async () => {
      const sql = open();
      const text = "0123456789".repeat(2_000_000);
      const [row] = await sql<[{ hash: string; same: string }]>`
        select md5(${text}::text) as hash, ${text}::text as same`;
      assertEquals(row.hash, createHash("md5").update(text).digest("hex"));
      assert(row.same === text);
    });

    it("runs transactions, nested ones too, and rolls back", async () => {
      const sql = open();
      await sql`create table account (id int primary key, sum int)`;
      await sql.begin(async (sql) => {
        await sql`insert into account values (1, 10)`;
        await sql.savepoint(async (sql) => {
          await sql`update account set sum = 0`;
          throw new Error("undo");
        }).catch(() => {});
      });
      const thrown = await failure(sql.begin(async (sql) => {
        await sql`delete from account`;
        await sql`select 1/0`;
      }));
      assertEquals(thrown.code, "22012");
      assertEquals([...await sql`select * from account`], [{ id: 1, sum: 10 }]);
      await sql`drop table account`;
    });

    it("reads by cursor, and leaves early", async () => {
      const sql = open();
      let sum = 0;
      for await (const rows of sql`select generate_series(1, 100000) as n`.cursor(1000)) {
        for (const { n } of rows) sum += n;
        if (sum > 1_000_000) break;
      }
      assertEquals(sum, 2000 * 2001 / 2);
      assertEquals((await sql`select 1 as one`)[0]!.one, 1);
    });

    it("copies in and out, faster than it is read", async () => {
      const sql = open({ max: 1 });
      await sql`create temp table measure (n int, note text)`;
      const note = "x".repeat(1000);
      function* lines() {
        for (let n = 0; n < 20_000; n++) yield `${n}\t${note}\n`;
      }
      await pipeline(Readable.from(lines()), await sql`copy measure from stdin`.writable());
      assertEquals((await sql`select count(*)::int as n from measure`)[0]!.n, 20_000);

      let size = 0;
      for await (const chunk of await sql`copy measure to stdout`.readable()) {
        if (size % 100_000 < chunk.length) await new Promise((resolve) => setTimeout(resolve));
        size += chunk.length;
      }
      assertEquals(size, [...lines()].join("").length);
      assertEquals((await sql`select 1 as one`)[0]!.one, 1);
    });

    it("hears notifications", async () => {
      const sql = open();
      const heard = new Promise<string>((resolve) => void sql.listen("news", resolve));
      const { unlisten } = await sql.listen("other", () => {});
      await sql.notify("news", "paper");
      assertEquals(await heard, "paper");
      await unlisten();
    });

    it("cancels a query, and goes on", async () => {
      const sql = open({ max: 1 });
      const query = sql`select pg_sleep(60)`.execute();
      const other = open();
      while (
        !(await other`select 1 from pg_stat_activity where query like 'select pg_sleep(60)%'
        and state = 'active' and datname = current_database()`).length
      );
      query.cancel();
      assertEquals((await failure(query)).code, "57014");
      assertEquals((await sql`select 1 as one`)[0]!.one, 1);
      assertEquals(sql.sockets(), 2); // one was for the cancel
    });

    it("opens a new socket when the server ends the session", async () => {
      const sql = open({ max: 1 });
      const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
      await open()`select pg_terminate_backend(${pid}, 10000)`;
      const [{ now }] = await sql<[{ now: number }]>`select pg_backend_pid() as now`;
      assert(now !== pid);
      assertEquals(sql.sockets(), 2);
    });

    it("rejects what was under way when the connection is cut, and opens a new one", async () => {
      await using valve = await Valve.open({ hostname: database.host, port: database.port });
      const { port } = valve.address as { port: number };
      const sql = open({ max: 1, port });
      await sql`select 1`;
      const cut = [sql`select pg_sleep(1)`.execute(), sql`select 2`.execute()].map(failure);
      for (const net of valve.peer.open) net.resetAndDestroy();
      for (const { code } of await Promise.all(cut)) {
        assertMatch(code!, /^(CONNECTION_CLOSED|ECONNRESET)$/);
      }
      assertEquals((await sql`select 1 as one`)[0]!.one, 1);
      assertEquals(sql.sockets(), 2);
      await sql.end();
    });

    it("closes every session on end()", async () => {
      const application_name = crypto.randomUUID();
      const sql = open({ connection: { application_name } });
      await Promise.all([1, 2, 3].map((n) => sql`select ${n}::int, pg_sleep(0.01)`));
      await sql.end();
      const other = open();
      while (
        (await other`select 1 from pg_stat_activity where application_name = ${application_name}`)
          .length
      );
    });
  });
}

suite("the runtime's sockets", () => here);

describe("a WebSocket proxy", () => {
  let proxy: WsProxy;
  let valve: Valve;
  beforeAll(async () => {
    proxy = await start_ws_proxy({ allow: () => true });
    valve = await Valve.open({ hostname: "127.0.0.1", port: proxy.port });
  });
  afterAll(async () => {
    await valve.peer.until(() => valve.peer.open.size === 0); // a WebSocket takes long to close
    await valve[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  suite("WebSockets", () => {
    const { port } = valve.address as { port: number };
    return websocket_adapter(`ws://127.0.0.1:${port}/`);
  });
});

describe("socket_for()", () => {
  no_escapes();

  it("needs no adapter on a runtime that it knows", async () => {
    const sql = client({ socket: socket_for() });
    assertEquals((await sql`select 1 as one`)[0]!.one, 1);
  });

  it("says whom it could not reach, with the system's code, every time", async () => {
    const port = await unused_port();
    const sql = client({ port, max: 1, backoff: () => 0 });
    for (let i = 0; i < 4; i++) {
      const error = await failure(sql`select 1`);
      assertEquals(error.code, "ECONNREFUSED");
      assertMatch(
        error.message,
        new RegExp(`^cannot connect to 127.0.0.1:${port}: connection refu`),
      );
    }
  });

  it("gives the attempt up after the package's connect_timeout", async () => {
    await using silent = await listen((net) => net.resume());
    const { port } = silent.address as { port: number };
    const sql = client({ port, connect_timeout: 0.2 });
    assertEquals((await failure(sql`select 1`)).code, "CONNECT_TIMEOUT");
    await silent.deserted();
  });

  it("says so when the package has TLS of its own", async () => {
    for (const host of [database.host, [database.host, database.host]]) {
      const port = Array.isArray(host) ? [database.port, database.port] : database.port;
      const sql = client({ ssl: "require", host, port });
      assertMatch(
        (await failure(sql`select 1`)).message,
        /^cannot open a socket: TLS must be left/,
      );
    }
  });

  it("says so when an option is none", async () => {
    const sql = client({}, { sslmode: "verify" as "verify-full" });
    assertMatch((await failure(sql`select 1`)).message, /sslmode must be one of/);
  });

  it("takes the next host when one cannot be reached, or does not answer", async () => {
    const dead = await unused_port();
    await using silent = await listen((net) => net.resume());
    const { port } = silent.address as { port: number };
    const hosts = [database.host, "127.0.0.1", database.host];
    const sql = client({ host: hosts, port: [dead, port, database.port], connect_timeout: 0.6 });
    assertEquals((await sql`select inet_server_port() as port`)[0]!.port, database.port);
    await sql.listen("channel", () => {}); // a client of its own, made of this one's options
    assertEquals(hosts.length, 3);
  });

  it("says why none of several hosts could be reached, every time", async () => {
    const [one, two] = [await unused_port(), await unused_port()];
    const sql = client({ host: ["127.0.0.1", "127.0.0.1"], port: [one, two], max: 1 });
    for (let i = 0; i < 2; i++) {
      const { message, code } = await failure(sql`select 1`);
      assertMatch(message, /^cannot connect: no host could be reached\nDETAIL: .*\n.*refused$/);
      assertEquals(code, "ECONNREFUSED");
    }
  });

  it("reaches a Unix socket", async () => {
    const { socket_dir, port } = database;
    if (socket_dir === null) return;
    const sql = client({ path: `${socket_dir}/.s.PGSQL.${port}` });
    assertEquals((await sql`select inet_server_port() as port`)[0]!.port, null);
    const other = client({ host: socket_dir });
    assertEquals((await other`select inet_server_port() as port`)[0]!.port, null);
  });
});

describe("socket_for() with target_session_attrs", () => {
  let replica: Cluster; // as good as one: it takes no writes

  beforeAll(async () => {
    replica = await start_cluster({ settings: { default_transaction_read_only: "on" } });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
  });

  it("gives the next host when the package does not take one", async () => {
    const options = {
      host: [replica.host, database.host],
      port: [replica.port, database.port],
      database: "postgres",
      target_session_attrs: "read-write",
    } as const;
    const sql = client(options);
    const rows = await Promise.all(
      [1, 2, 3].map(() => sql`select inet_server_port() as port, pg_sleep(0.05)`),
    );
    assertEquals(rows.map(([row]) => row!.port), rows.map(() => database.port));
  });
});

describe("socket_for() and TLS", () => {
  no_escapes();
  const ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
  let tls: TlsCluster;

  beforeAll(async () => {
    const setup = "create role secret login password 'secret'; create role certified login";
    tls = await TlsCluster.start([
      "hostssl all secret all scram-sha-256",
      "hostssl all certified all cert",
      "host all all all trust",
    ], setup);
  });
  afterAll(async () => {
    await tls[Symbol.asyncDispose]();
  });

  function secure(options: SocketOptions, more: Options = {}) {
    const { host, port } = tls.cluster;
    return client({ host, port, user: "postgres", database: "postgres", ...more }, options);
  }

  const MODES: Record<string, boolean> = {
    "disable": false,
    "prefer": true,
    "require": true,
    "verify-ca": true,
    "verify-full": true,
  };
  for (const [sslmode, encrypted] of Object.entries(MODES)) {
    it(`is encrypted as sslmode says: ${sslmode}`, async () => {
      const sql = secure({ sslmode, sslrootcert: tls.authority.pem } as SocketOptions);
      assertEquals([...await sql.unsafe(ENCRYPTED)], [{ ssl: encrypted }]);
    });
  }

  it("begins with TLS at once where it is told to", async () => {
    const sql = secure({ sslmode: "require", sslnegotiation: "direct" });
    assertEquals([...await sql.unsafe(ENCRYPTED)], [{ ssl: true }]);
  });

  it("logs in by password and by certificate, and carries 20 MB", async () => {
    const sslmode = "verify-full";
    const sslrootcert = tls.authority.pem;
    const sql = secure({ sslmode, sslrootcert }, { user: "secret", password: "secret" });
    const text = "0123456789".repeat(2_000_000);
    const [row] = await sql`select ${text}::text as same`;
    assert(row!.same === text);
    const { cert: sslcert, key: sslkey } = await tls.authority.issue({ name: "certified" });
    const other = secure({ sslmode, sslrootcert, sslcert, sslkey }, { user: "certified" });
    assertEquals((await other`select current_user as who`)[0]!.who, "certified");
  });

  it("cancels over TLS", async () => {
    const sql = secure({ sslmode: "require" });
    const query = sql`select pg_sleep(60)`.execute();
    while (!await tls.ask("select 1 from pg_stat_activity where wait_event = 'PgSleep'"));
    query.cancel();
    assertEquals((await failure(query)).code, "57014");
  });

  it("refuses a server that it cannot verify, or that has no TLS", async () => {
    const unknown = secure({ sslmode: "verify-full" });
    assertMatch((await failure(unknown`select 1`)).message, /certificate cannot be verified/);
    const plain = client({}, { sslmode: "require" });
    assertMatch((await failure(plain`select 1`)).message, /sslmode=require needs TLS/);
  });
});

async function unused_port(): Promise<number> {
  await using peer = await listen(() => {});
  return (peer.address as { port: number }).port;
}
