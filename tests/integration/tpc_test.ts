/** Two-phase commit, against a real server. */

import { assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  ConnectionStatus,
  DataError,
  OperationalError,
  ProgrammingError,
  TransactionRollbackError,
  type Xid,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { server_pid } from "../support/sessions.ts";
import { keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
  const setup = await connect(database.url);
  await setup.execute("create table tpc (data text)");
  await setup.close();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url);
});

afterEach(async () => {
  await conn.close();
  const last = await connect(database.url); // a prepared transaction would outlive all
  for (const xid of await mine(last)) await last.tpc_rollback(xid);
  await last.execute("truncate tpc");
  await last.close();
});

/** Those of this database: other files may prepare some too. */
async function mine(connection: Connection): Promise<Xid[]> {
  return (await connection.tpc_recover()).filter(({ database: name }) => name === database.name);
}

async function count(connection: Connection): Promise<number | null> {
  return await connection.fetchval("select count(*)::int from tpc");
}

describe("tpc_prepare()", () => {
  it("keeps a transaction that any connection can end", async () => {
    const xid = conn.xid(1, "gtrid", "bqual");
    await conn.tpc_begin(xid);
    await conn.execute("insert into tpc values ('prepared')");
    await conn.tpc_prepare();
    assertEquals(conn.status, ConnectionStatus.prepared);
    await conn.close();

    await using other = await connect(database.url);
    const [found] = await mine(other);
    assertEquals([...found!], [1, "gtrid", "bqual"]);
    assertEquals(found!.owner, decodeURIComponent(new URL(database.url).username));
    assertEquals(found!.prepared instanceof Date, true);
    assertEquals(await count(other), 0);
    await other.tpc_commit(found);
    assertEquals(await count(other), 1);
    assertEquals(await mine(other), []);
  });

  it("rejects when the transaction had failed, which is over then", async () => {
    await conn.tpc_begin("failed");
    await assertRejects(() => conn.execute("select 1/0"), DataError);
    await assertRejects(() => conn.tpc_prepare(), TransactionRollbackError);
    assertEquals(conn.status, ConnectionStatus.ready);
    assertEquals(await mine(conn), []);
  });

  it("rejects when the name is taken, and rolls back", async () => {
    await using other = await connect(database.url);
    await other.tpc_begin("taken");
    await other.tpc_prepare();
    await conn.tpc_begin("taken");
    await conn.execute("insert into tpc values ('lost')");
    await assertRejects(() => conn.tpc_prepare(), ProgrammingError, "already in use");
    assertEquals(conn.status, ConnectionStatus.ready);
    await other.tpc_commit();
    assertEquals(await count(conn), 0);
  });
});

describe("tpc_commit() and tpc_rollback()", () => {
  const endings: [string, boolean, "tpc_commit" | "tpc_rollback", number][] = [
    ["commit in one phase", false, "tpc_commit", 1],
    ["roll back in one phase", false, "tpc_rollback", 0],
    ["commit in two phases", true, "tpc_commit", 1],
    ["roll back in two phases", true, "tpc_rollback", 0],
  ];
  for (const [name, prepare, method, rows] of endings) {
    it(name, async () => {
      await conn.tpc_begin(conn.xid(0, name.replaceAll(" ", "_"), ""));
      await conn.execute("insert into tpc values ($1)", [name]);
      if (prepare) await conn.tpc_prepare();
      await conn[method]();
      assertEquals(await count(conn), rows);
      assertEquals(conn.status, ConnectionStatus.ready);
      assertEquals(await mine(conn), []);
    });
  }

  it("reject for what the server does not know", async () => {
    await assertRejects(() => conn.tpc_commit("no such"), ProgrammingError, "does not exist");
    await assertRejects(() => conn.tpc_rollback("no such"), ProgrammingError, "does not exist");
  });
});

describe("tpc_recover()", () => {
  it("reads names of any kind, and they end what they name", async () => {
    const names = ["plain", "it's", "back\\slash", "1_YQ==_Yg==", "é".repeat(99), " "];
    for (const name of names) {
      await conn.tpc_begin(name);
      await conn.tpc_prepare();
      assertEquals(await mine(conn), await mine(conn)); // may be asked while one waits
      await conn.close();
      conn = await connect(database.url);
    }
    const found = await mine(conn);
    assertEquals(found.map(String).sort(), names.toSorted());
    assertEquals(found.find(({ format_id }) => format_id !== null)?.gtrid, "a");
    for (const xid of found) await conn.tpc_rollback(xid);
    assertEquals(await mine(conn), []);
  });

  it_where(keeps_sessions, "finds what a connection that was lost had prepared", async () => {
    const pid = await server_pid(conn);
    await conn.tpc_begin("survivor");
    await conn.execute("insert into tpc values ('survives')");
    await conn.tpc_prepare();
    await using other = await connect(database.url);
    await other.execute("select pg_terminate_backend($1)", [pid]);
    await assertRejects(() => conn.tpc_commit(), OperationalError);
    assertEquals((await mine(other)).map(String), ["survivor"]);
    await other.tpc_commit("survivor");
    assertEquals(await count(other), 1);
  });
});
