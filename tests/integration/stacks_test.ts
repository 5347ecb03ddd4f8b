/** Wherever an error is made, its stack shows who made the call. */

import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect, type Connection, create_pool, PgError, type Pool } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";

/** Runs something that fails, under a name that a stack must show. */
async function the_caller(fails: () => unknown): Promise<unknown> {
  try {
    await fails();
  } catch (error) {
    return error;
  }
}

async function iterate(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of rows);
}

/** Calls that fail, by what they are. */
const CALLS: Readonly<Record<string, (conn: Connection, pool: Pool) => unknown>> = {
  "execute()": (conn) => conn.execute("select 1/0"),
  "execute() with parameters": (conn) => conn.execute("select 1/$1::int", [0]),
  "execute() of a value that does not fit": (conn) => conn.execute("select $1::int", ["x"]),
  "fetchval()": (conn) => conn.fetchval("select 1/0"),
  "executemany()": (conn) => conn.executemany("select 1/$1::int", [[1], [0]]),
  "stream()": (conn) => iterate(conn.stream("select 1/0")),
  "stream(), after some rows": (conn) =>
    iterate(conn.stream("select 1/(9 - n) from generate_series(1, 9) n", null, { itersize: 2 })),
  "copy_to()": (conn) => iterate(conn.copy_to("copy (select 1/0) to stdout")),
  "copy_from()": async (conn) => {
    const writer = conn.copy_from("copy copied from stdin").getWriter();
    writer.closed.catch(() => {});
    await writer.write(new TextEncoder().encode("x\n"));
    await writer.close();
  },
  "cursor.copy_to()": async (conn) =>
    await (await conn.cursor()).copy_to(new WritableStream(), "is_not_there"),
  "copy_records_to()": (conn) => iterate(conn.copy_records_to("select 1/0")),
  "copy_records_from()": (conn) => conn.copy_records_from("copied", [["x"]]),
  "cursor.execute()": async (conn) => await (await conn.cursor()).execute("select 1/0"),
  "cursor.callproc()": async (conn) => await (await conn.cursor()).callproc("sqrt", [-1]),
  "cursor.mogrify()": async (conn) => await (await conn.cursor()).mogrify("select $1", []),
  "cursor.fetchone() too early": async (conn) => await (await conn.cursor()).fetchone(),
  "fetchone() of a named cursor": async (conn) => {
    await using _tx = await conn.begin();
    const cursor = await conn.cursor({ name: "fails" });
    await cursor.execute("select 1/(n - 1) from generate_series(1, 2) n");
    await cursor.fetchone();
  },
  "iterating a named cursor": async (conn) => {
    await using _tx = await conn.begin();
    const cursor = await conn.cursor({ name: "fails", itersize: 2 });
    await cursor.execute("select 1/(9 - n) from generate_series(1, 9) n");
    await iterate(cursor);
  },
  "transaction()": (conn) => conn.transaction((tx) => tx.execute("select 1/0")),
  "commit()": async (conn) => {
    await using tx = await conn.begin();
    await the_caller(() => tx.execute("select 1/0"));
    await tx.commit();
  },
  "listen()": (conn) => conn.listen("x".repeat(64)),
  "lobject()": async (conn) => {
    await using tx = await conn.begin();
    await tx.lobject(4_294_967_295);
  },
  "rollback()": async (conn) => {
    const tx = await conn.begin();
    await tx.rollback();
    await tx.rollback();
  },
  "begin() on a lost connection": async (conn) => {
    await using lost = await connect(conn.dsn);
    await the_caller(() => lost.execute("select pg_terminate_backend(pg_backend_pid())"));
    await lost.begin();
  },
  "tpc_commit()": (conn) => conn.tpc_commit(conn.xid(1, "none", "")),
  "pool.execute()": (_, pool) => pool.execute("select 1/0"),
  "pool.stream()": (_, pool) => iterate(pool.stream("select 1/0")),
  "pool.executemany()": (_, pool) => pool.executemany("select 1/$1::int", [[0]]),
  "listen() of a pool that cannot connect": async (conn) => {
    await using none = await create_pool(conn.dsn, { dbname: "is_not_there", minsize: 0 });
    await none.listen("x");
  },
  "copy_to() of a pool that cannot connect": async (conn) => {
    await using none = await create_pool(conn.dsn, { dbname: "is_not_there", minsize: 0 });
    await iterate(none.copy_to("copy (select 1) to stdout"));
  },
  "copy_from() of a pool that cannot connect": async (conn) => {
    await using none = await create_pool(conn.dsn, { dbname: "is_not_there", minsize: 0 });
    const writer = none.copy_from("copy copied from stdin").getWriter();
    writer.closed.catch(() => {});
    await writer.write(new Uint8Array(1));
  },
  "a deadline": (conn) => conn.execute("select pg_sleep(9)", null, { timeout: 0.01 }),
  "pool.acquire()": async (_, pool) => {
    await using _lent = await pool.acquire();
    await pool.acquire({ timeout: 0.01 });
  },
  "connect()": (conn) => connect(conn.dsn, { dbname: "is_not_there" }),
  "create_pool()": (conn) => create_pool(conn.dsn, { dbname: "is_not_there" }),
};

let database: Database;
let conn: Connection;
let pool: Pool;

describe("an error's stack", () => {
  beforeAll(async () => {
    database = await fresh_database();
    conn = await connect(database.url);
    pool = await create_pool(database.url, { maxsize: 1 });
    await conn.execute("create table copied (n int)");
  });

  afterAll(async () => {
    await pool[Symbol.asyncDispose]();
    await conn.close();
    await database.drop();
  });

  for (const [name, call] of Object.entries(CALLS)) {
    it(`shows who called ${name}`, async () => {
      const error = await the_caller(() => call(conn, pool));
      assertInstanceOf(error, PgError);
      assertStringIncludes(error.stack!, "the_caller");
    });
  }

  it("stays as it was where the error is the user's own", async () => {
    const stop = new AbortController();
    stop.abort(new RangeError("mine"));
    const own = { stack: stop.signal.reason.stack };
    const aborted = await the_caller(() => conn.execute("select 1", null, { signal: stop.signal }));
    assertEquals((aborted as Error).stack, own.stack);

    const failing = () => {
      throw new RangeError("mine");
    };
    const thrown = await the_caller(() =>
      conn.execute("select 1", null, { row_factory: () => failing })
    );
    assertStringIncludes((thrown as Error).stack!, "failing");
  });
});
