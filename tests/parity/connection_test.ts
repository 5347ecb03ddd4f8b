/** What aiopg's connection does: its facts, its end, deadlines, notifications and loss. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  Connection,
  ConnectionStatus,
  type ConnectOptions,
  Cursor,
  InterfaceError,
  IsolationLevel,
  NotSupportedError,
  object_row,
  OperationalError,
  PgError,
  ProgrammingError,
  TimeoutError,
  TransactionStatus,
} from "../../mod.ts";
import { listen } from "../adapters/peer.ts";
import { Proxy } from "../adversity/proxy.ts";
import { type Cluster, start_cluster } from "../support/cluster.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { server_pid, until_asleep } from "../support/sessions.ts";
import { is_direct, keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";
import { AIOPG, clocked } from "./support.ts";

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await open();
});

afterEach(async () => {
  await conn.close();
});

function open(options: ConnectOptions = {}): Promise<Connection> {
  return connect(database.url, { ...AIOPG, ...options });
}

describe("connect()", () => {
  it("opens a connection that logs nothing", () => {
    assertInstanceOf(conn, Connection);
    assertEquals(conn.closed, false);
    assertEquals(conn.echo, false);
  });

  it("takes echo", async () => {
    const echo = () => {};
    await using conn = await open({ echo });
    assertEquals(conn.echo, echo);
  });

  it("takes a class of cursors", async () => {
    class Mine<R> extends Cursor<R> {}
    await using conn = await open({ cursor_factory: Mine });
    assertEquals(conn.cursor_factory, Mine);
    assertInstanceOf(await conn.cursor(), Mine);
  });

  it("reads hstore as an object on a connection that did not create the extension", async () => {
    await conn.execute(`create extension hstore;
      create table shop (id serial, tags hstore);
      insert into shop (tags) values ('a=>456, b=>zzz')`);
    await using other = await open({ row_factory: object_row });
    await using cur = await other.cursor();
    await cur.execute("select * from shop");
    assertEquals(await cur.fetchone(), { id: 1, tags: { a: "456", b: "zzz" } });
  });

  it("gives its timeout to cursors, whose statements end by it", async () => {
    const { clock, connect } = clocked();
    await using slow = await connect(database.url, { timeout: 0.1 });
    await using cur = await slow.cursor();
    assertEquals([slow.timeout, cur.timeout], [0.1, 0.1]);
    const done = assertRejects(() => cur.execute("select pg_sleep(60)"), TimeoutError);
    await until_asleep(conn);
    clock.advance(0.1);
    await done;
  });

  it("says what is wrong with a dsn that is none", async () => {
    await assertRejects(() => connect("baddsn:1"), InterfaceError, "cannot read the dsn");
  });

  it("rejects where nobody listens", async () => {
    const peer = await listen(() => {});
    const { port } = peer.address as { port: number };
    await peer[Symbol.asyncDispose]();
    const url = new URL(database.url);
    url.port = `${port}`;
    await assertRejects(() => connect(url), OperationalError);
  });

  it("is closed by leaving the scope of what it gives", async () => {
    let kept: Connection;
    {
      await using conn = kept = await open();
      await using cur = await conn.cursor();
      await cur.execute("select 42");
      assertEquals(await cur.fetchone(), [42]);
    }
    assertEquals(kept.closed, true);
  });
});

describe("Connection.cursor()", () => {
  it("runs a statement and fetches its row", async () => {
    const cur = await conn.cursor();
    assertInstanceOf(cur, Cursor);
    await cur.execute("select 42");
    assertEquals(await cur.fetchone(), [42]);
    await cur.close();
  });

  it("takes the shape of its rows", async () => {
    const cur = await conn.cursor({ row_factory: object_row });
    await cur.execute("select 1 as a");
    assertEquals((await cur.fetchone())!.a, 1);
  });

  it("takes a timeout of its own", async () => {
    const { clock, connect } = clocked();
    await using slow = await connect(database.url);
    assertEquals(slow.timeout, 60);
    await using cur = await slow.cursor({ timeout: 0.1 });
    assertEquals(cur.timeout, 0.1);
    const done = assertRejects(() => cur.execute("select pg_sleep(60)"), TimeoutError);
    await until_asleep(conn);
    clock.advance(0.1);
    await done;
  });

  it("runs two statements at once in their order, on one cursor or two", async () => {
    const one = await conn.cursor();
    const two = await conn.cursor();
    await Promise.all([one.execute("select 1"), two.execute("select 2")]);
    assertEquals([await one.fetchone(), await two.fetchone()], [[1], [2]]);
    await Promise.all([one.execute("select 3"), one.execute("select 4")]);
    assertEquals(await one.fetchone(), [4]);
  });

  it("rejects with the server's error in its class", async () => {
    const cur = await conn.cursor();
    await assertRejects(() => cur.execute("select * from unknown_table"), ProgrammingError);
  });
});

describe("Connection.close()", () => {
  it("closes it, also when called again", async () => {
    assertEquals(conn.closed, false);
    await conn.close();
    assertEquals(conn.closed, true);
    await conn.close();
    assertEquals(conn.closed, true);
  });

  it("rejects what still runs, without waiting for it", async () => {
    const cur = await conn.cursor();
    const waiting = assertRejects(() => cur.execute("select pg_sleep(1000)"), InterfaceError);
    await conn.close();
    await waiting;
  });

  it("rejects what is being written", async () => {
    const text = "x".repeat(10_000_000);
    const writing = assertRejects(() => conn.execute("select %s::text", [text]), InterfaceError);
    const closed = conn.close();
    assertEquals(conn.closed, true);
    await Promise.all([writing, closed]);
  });
});

describe("Connection", () => {
  it("commits in two phases", async () => {
    const xid = conn.xid(1, "a", "b");
    assertEquals([xid.format_id, xid.gtrid, xid.bqual], [1, "a", "b"]);
    await conn.execute("create table two_phase (n int)");
    await conn.tpc_begin(xid);
    await conn.execute("insert into two_phase values (1)");
    await conn.tpc_prepare();
    await conn.tpc_rollback();
    await conn.tpc_begin(xid);
    await conn.execute("insert into two_phase values (2)");
    await conn.tpc_prepare();
    const of_this_database = async () =>
      (await conn.tpc_recover()).filter(({ database: name }) => name === database.name);
    assertEquals((await of_this_database()).map(({ gtrid }) => gtrid), ["a"]);
    await conn.tpc_commit();
    assertEquals(await of_this_database(), []);
    assertEquals(await conn.fetchall("select n from two_phase"), [[2]] as unknown);
  });

  it_where(keeps_sessions, "is as good as new after reset()", async () => {
    await conn.execute("set search_path to nowhere");
    await conn.reset();
    assertEquals(await conn.fetchval("show search_path"), '"$user", public');
  });

  it("opens large objects, in a transaction alone", async () => {
    await assertRejects(() => conn.lobject(), ProgrammingError);
    await conn.transaction(async (tx) => {
      const large = await tx.lobject();
      assertEquals(await large.write("four"), 4);
      await large.unlink();
    });
  });

  it_where(keeps_sessions, "sets what its transactions are like", async () => {
    await conn.set_session({ readonly: true });
    await assertRejects(() => conn.execute("create table refused (n int)"), PgError, "read-only");
  });

  it("shows its dsn without the password", async () => {
    const url = new URL(database.url);
    url.password = "secret";
    await using conn = await open({ password: "secret" });
    for (const part of [url.username, url.hostname, url.port, url.pathname.slice(1)]) {
      assert(conn.dsn.includes(part), `${conn.dsn} lacks ${part}`);
    }
    assert(!conn.dsn.includes("secret"), conn.dsn);
  });

  it_where(is_direct, "knows its server process", async () => {
    assertEquals(conn.get_backend_pid(), await conn.fetchval("select pg_backend_pid()"));
  });

  it("knows what the server reports of its settings", () => {
    assertEquals(conn.get_parameter_status("integer_datetimes"), "on");
  });

  it("keeps the server's notices", async () => {
    await conn.execute("drop table if exists nowhere");
    assertEquals(conn.notices.map(({ severity, message_primary }) => [severity, message_primary]), [
      ["NOTICE", 'table "nowhere" does not exist, skipping'],
    ]);
  });

  it("is always in autocommit", () => {
    assertEquals(conn.autocommit, true);
    assertThrows(() => (conn as { autocommit: boolean }).autocommit = false, TypeError);
    assertEquals(conn.autocommit, true);
  });

  it_where(keeps_sessions, "sets its isolation level", async () => {
    assertEquals(conn.isolation_level, IsolationLevel.default);
    await conn.set_isolation_level(IsolationLevel.serializable);
    assertEquals(conn.isolation_level, IsolationLevel.serializable);
    assertEquals(await conn.fetchval("show transaction_isolation"), "serializable");
  });

  it("speaks UTF8, and refuses other encodings", async () => {
    assertEquals(conn.encoding, "UTF8");
    await assertRejects(() => conn.set_client_encoding("ascii"), NotSupportedError);
    assertEquals(conn.encoding, "UTF8");
  });

  it("knows where its transaction stands, in libpq's and psycopg2's numbers", async () => {
    assertEquals(conn.get_transaction_status(), 0);
    assertEquals(conn.status, 1);
    const running = conn.execute("begin");
    assertEquals(conn.get_transaction_status(), TransactionStatus.active);
    await running;
    assertEquals(conn.get_transaction_status(), TransactionStatus.intrans);
    assertEquals(conn.status, ConnectionStatus.begin);
    await assertRejects(() => conn.execute("select 1/0"));
    assertEquals(conn.get_transaction_status(), TransactionStatus.inerror);
  });

  it("knows the versions of protocol and server", async () => {
    assertEquals(conn.protocol_version, 3);
    const number = await conn.fetchval("select current_setting('server_version_num')::int");
    assertEquals(conn.server_version, number);
  });

  it("cancels what runs, and stays usable", async () => {
    const running = assertRejects(() => conn.execute("select pg_sleep(1000)"), OperationalError);
    await conn.cancel();
    await running;
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("stays usable after a statement's deadline", async () => {
    const { clock, connect } = clocked();
    await using slow = await connect(database.url);
    const cur = await slow.cursor({ timeout: 0.01 });
    const done = assertRejects(() => cur.execute("select pg_sleep(10)"), TimeoutError);
    await until_asleep(conn);
    clock.advance(0.01);
    await done;
    assertEquals(slow.closed, false);
    assertEquals(await slow.fetchval("select 1"), 1);
  });
});

describe("Connection.notifies", () => {
  it_where(
    keeps_sessions,
    "gives what LISTEN brings, and rejects once the connection is closed",
    async () => {
      const sender = await open();
      await using listening = await conn.cursor();
      await using sending = await sender.cursor();
      await listening.execute("listen test");
      assertEquals(sender.notifies.empty(), true);
      await sending.execute("notify test, 'hello'");
      const { channel, payload, pid } = await conn.notifies.get();
      assertEquals([channel, payload, pid], ["test", "hello", await server_pid(sender)]);
      await conn.close();
      await assertRejects(() => conn.notifies.get(), InterfaceError);
      await sender.close();
    },
  );

  it("rejects who waits when the connection is lost", async () => {
    await using proxy = await Proxy.open(database);
    await using lost = await connect(proxy.through(database.url));
    const reading = assertRejects(async () => {
      while (true) await lost.notifies.get();
    }, OperationalError);
    await lost.fetchval("select 1");
    for (const tunnel of proxy.tunnels) tunnel.cut();
    await reading;
    assertEquals(lost.closed, true);
  });
});

describe("A connection that is lost", () => {
  it("rejects what is executed when the server has stopped", async () => {
    let cluster: Cluster | null = await start_cluster();
    try {
      await using lost = await connect(cluster.url, AIOPG);
      await using cur = await lost.cursor();
      await cur.execute("select 1");
      assertEquals(await cur.fetchone(), [1]);
      await cluster.stop();
      cluster = null;
      await assertRejects(() => cur.execute("select 1"), OperationalError);
      await assertRejects(() => cur.begin(), OperationalError);
    } finally {
      await cluster?.stop();
    }
  });

  const garbage = new TextEncoder().encode("garbage");
  for (const direction of ["up", "down"] as const) {
    it(`rejects what runs when bytes come between that are nobody's: ${direction}`, async () => {
      await using proxy = await Proxy.open(database);
      await using lost = await connect(proxy.through(database.url));
      await lost.fetchval("select 1");
      proxy.tunnels[0]!.inject(direction, garbage);
      await assertRejects(() => lost.execute("select 1"), OperationalError);
    });
  }
});
