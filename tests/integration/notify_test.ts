/** LISTEN and NOTIFY on connections, against a real server. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  InterfaceError,
  type Notification,
  OperationalError,
  TimeoutError,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { kill_busy, server_pid } from "../support/sessions.ts";
import { keeps_sessions } from "../support/through.ts";
import { describe_where } from "../support/where.ts";

let database: Database;
let conn: Connection;
let other: Connection;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url);
  other = await connect(database.url);
});

afterEach(async () => {
  await conn.close();
  await other.close();
});

describe_where(keeps_sessions, "Connection.listen()", () => {
  it("brings what others send, with who sent it", async () => {
    await conn.listen("test");
    assert(other.notifies.empty());
    await other.notify("test", "hello");
    const expected: Notification = {
      channel: "test",
      payload: "hello",
      pid: await server_pid(other),
    };
    assertEquals(await conn.notifies.get(), expected);
    assert(conn.notifies.empty());
    assert(other.notifies.empty());
  });

  const channels = ["Mixed Case", "a.b", 'quo"te', "naïve", "semi;colon", "x".repeat(63)];
  for (const channel of channels) {
    it(`takes the name ${channel.slice(0, 20)} as it is`, async () => {
      await conn.listen(channel);
      await other.notify(channel);
      assertEquals(await conn.notifies.get(), {
        channel,
        payload: "",
        pid: await server_pid(other),
      });
      await conn.unlisten(channel);
      assertEquals(await conn.fetchall("select pg_listening_channels()"), []);
    });
  }

  it("loses nothing that arrives during other statements, and keeps the order", async () => {
    await conn.listen("order");
    for (let i = 0; i < 100; i++) {
      await other.notify("order", String(i));
      if (i % 10 === 0) await conn.fetchall("select generate_series(1, 100)");
    }
    const payloads: string[] = [];
    for await (const { payload } of conn.notifies) {
      payloads.push(payload);
      if (payload === "99") break;
    }
    assertEquals(payloads, Array.from({ length: 100 }, (_, i) => String(i)));
  });

  it("brings what a transaction sent when it commits, and nothing when it rolls back", async () => {
    await conn.listen("later");
    await other.transaction(async (tx) => {
      await tx.execute("select pg_notify('later', 'lost')");
      await tx.rollback();
    });
    await other.transaction(async () => {
      await other.notify("later", "kept");
      assertEquals(await conn.fetchval("select 1"), 1);
      assertEquals(conn.notifies.get_nowait(), null);
    });
    assertEquals((await conn.notifies.get()).payload, "kept");
    assertEquals(await conn.fetchval("select 1"), 1);
    assertEquals(conn.notifies.qsize(), 0);
  });

  it("brings what the connection sends itself", async () => {
    await conn.listen("self");
    await conn.notify("self", "x".repeat(7999));
    assertEquals((await conn.notifies.get()).payload.length, 7999);
  });
});

describe_where(keeps_sessions, "Connection.unlisten()", () => {
  it("without a channel means all", async () => {
    await conn.listen("a");
    await conn.listen("b");
    await conn.unlisten();
    assertEquals(await conn.fetchall("select pg_listening_channels()"), []);
  });
});

describe_where(keeps_sessions, "Connection.notifies", () => {
  it("rejects who waits when the session ends", async () => {
    const pid = await server_pid(conn);
    const waiting = assertRejects(() => conn.notifies.get(), OperationalError);
    await other.execute("select pg_terminate_backend($1)", [pid]);
    await waiting;
  });

  it("tells what had come before the session ended", async () => {
    await conn.listen("c");
    await other.notify("c", "before");
    await conn.execute("select 1"); // whose answer comes after the notification
    const ended = assertRejects(() => conn.execute("select pg_sleep(60)"), OperationalError);
    await kill_busy(other);
    await ended;
    assertEquals((await conn.notifies.get()).payload, "before");
    await assertRejects(() => conn.notifies.get(), OperationalError);
    await assertRejects(() => conn.notifies[Symbol.asyncIterator]().next(), OperationalError);
  });

  it("rejects after close() of the connection", async () => {
    const waiting = assertRejects(() => conn.notifies.get(), InterfaceError);
    await conn.close();
    await waiting;
    await assertRejects(() => conn.notifies.get(), InterfaceError);
    for await (const _ of conn.notifies) assert(false, "nothing comes any more");
  });

  it("can be closed without the connection", async () => {
    await conn.listen("c");
    conn.notifies.close();
    await other.notify("c");
    await assertRejects(() => conn.notifies.get(), InterfaceError, "queue was closed");
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("waits no longer than it is told", async () => {
    await assertRejects(() => conn.notifies.get({ timeout: 0.01 }), TimeoutError, "within 0.01 s");
  });
});
