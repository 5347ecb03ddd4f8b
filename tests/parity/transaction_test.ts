/** What aiopg's transactions do, in both of its forms, and what they refuse. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  create_pool,
  type Cursor,
  DataError,
  InternalError,
  IsolationLevel,
  ProgrammingError,
  TimeoutError,
  Transaction,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { collect_until } from "../support/garbage.ts";
import { until_asleep } from "../support/sessions.ts";
import { AIOPG, clocked } from "./support.ts";

type Row = readonly unknown[];

const LEVELS: readonly IsolationLevel[] = [
  IsolationLevel.default,
  IsolationLevel.read_committed,
  IsolationLevel.repeatable_read,
  IsolationLevel.serializable,
];

let database: Database;
let conn: Connection;
let cur: Cursor<Row>;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url, AIOPG);
  await conn.execute("drop table if exists tbl; create table tbl (id int, name varchar(255))");
  await conn.execute("insert into tbl values (22, 'read only')");
  cur = await conn.cursor<Row>();
});

afterEach(async () => {
  await conn.close();
});

async function rows(): Promise<Row[]> {
  await cur.execute("select * from tbl");
  return await cur.fetchall();
}

async function insert(id: number | "1/0", name: string): Promise<void> {
  await cur.execute(`insert into tbl values (${id}, '${name}')`);
}

describe("new Transaction()", () => {
  for (const level of LEVELS) {
    for (const deferrable of [false, true]) {
      it("writes at every isolation level, deferrable or not", async () => {
        const tx = new Transaction(cur, level, false, deferrable);
        await tx.begin();
        assertEquals(tx.is_begin, true);
        await insert(1, "data");
        await cur.execute("select * from tbl where id = 1");
        assertEquals(await cur.fetchone(), [1, "data"]);
        await tx.commit();
        assertEquals(tx.is_begin, false);
      });

      it("refuses to write where it is read-only, at every isolation level", async () => {
        const tx = new Transaction(cur, level, true, deferrable);
        await tx.begin();
        await assertRejects(() => insert(1, "data"), InternalError);
        await tx.rollback();
        assertEquals(await rows(), [[22, "read only"]]);
      });

      it("reads where it is read-only, at every isolation level", async () => {
        const tx = new Transaction(cur, level, true, deferrable);
        await tx.begin();
        await cur.execute("select * from tbl where id = 22");
        assertEquals(await cur.fetchone(), [22, "read only"]);
        await tx.commit();
      });
    }
  }

  const misuses: Record<string, (tx: Transaction) => Promise<unknown>> = {
    "begin() twice": async (tx) => {
      await tx.begin();
      await tx.begin();
    },
    "commit() twice": async (tx) => {
      await tx.begin();
      await tx.commit();
      await tx.commit();
    },
    "rollback() twice": async (tx) => {
      await tx.begin();
      await tx.rollback();
      await tx.rollback();
    },
    "rollback_savepoint() before begin()": (tx) => tx.rollback_savepoint(),
    "release_savepoint() before begin()": (tx) => tx.release_savepoint(),
    "release_savepoint() without a savepoint": async (tx) => {
      await tx.begin();
      await tx.release_savepoint();
    },
    "savepoint() before begin()": (tx) => tx.savepoint(),
    "savepoint() twice": async (tx) => {
      await tx.begin();
      await tx.savepoint();
      await tx.savepoint();
    },
  };
  for (const [name, misuse] of Object.entries(misuses)) {
    it(`refuses to be misused: ${name}`, async () => {
      await using tx = new Transaction(cur, IsolationLevel.read_committed);
      await assertRejects(() => misuse(tx), ProgrammingError);
    });
  }

  it("keeps what was done in one savepoint, and not what was in another", async () => {
    const tx = new Transaction(cur, IsolationLevel.read_committed);
    await tx.begin();
    await insert(1, "data");
    await tx.savepoint();
    await assertRejects(() => insert("1/0", "no data"), DataError);
    await tx.rollback_savepoint();
    await tx.savepoint();
    await insert(2, "data");
    await tx.release_savepoint();
    await insert(3, "data");
    assertEquals(await rows(), [[22, "read only"], [1, "data"], [2, "data"], [3, "data"]]);
    await tx.commit();
  });

  it("warns when it is garbage while it is open, and when its connection is released", async () => {
    const warnings: string[] = [];
    const on_warning = ({ message }: { message: string }) => warnings.push(message);
    await using pool = await create_pool(database.url, { ...AIOPG, on_warning });
    {
      await using conn = await pool.acquire();
      await (async () => {
        const tx = new Transaction(await conn.cursor(), IsolationLevel.read_committed);
        await tx.begin();
        await tx.savepoint();
      })();
      assert(await collect_until(() => warnings.length > 0));
      assert(warnings[0]!.includes("never ended"), warnings[0]);
    }
    assert(warnings[1]!.includes("released in a transaction"), warnings[1]);
  });
});

describe("Connection.transaction()", () => {
  it("commits, and hands on what its function gives", async () => {
    const found = await conn.transaction(async (tx) => {
      const series: unknown[] = [];
      for (const [n] of await tx.fetchall<Row>("select generate_series(1, 5)")) series.push(n);
      assertEquals(tx.is_begin, true);
      return series;
    });
    assertEquals(found, [1, 2, 3, 4, 5]);
  });

  it("rolls back where its function throws, and throws that", async () => {
    let kept: Transaction;
    const boom = async () =>
      await conn.transaction((tx) => {
        kept = tx;
        assertEquals(tx.is_begin, true);
        throw new RangeError("boom");
      });
    await assertRejects(boom, RangeError, "boom");
    assertEquals(kept!.is_begin, false);
  });

  it("rolls back where a statement fails", async () => {
    const failing = () => conn.transaction((tx) => tx.execute("insert into tbl values (1/0, '')"));
    await assertRejects(failing, DataError);
    assertEquals(await rows(), [[22, "read only"]]);
  });

  it("commits once where its function has committed", async () => {
    await conn.transaction((tx) => tx.commit());
    await using tx = await conn.begin();
    assertEquals(tx.is_begin, true);
    await tx.commit();
    assertEquals(tx.is_begin, false);
  });

  it("nests, each ending by itself", async () => {
    await conn.transaction(async (tx) => {
      await tx.begin_nested(async (inner) => {
        assertEquals(await inner.fetchval("select 1"), 1);
        assertEquals([tx.is_begin, inner.is_begin], [true, true]);
      });
      const inner = await tx.begin_nested();
      assertEquals(await inner.fetchval("select 1"), 1);
      await inner.commit();
      assertEquals([tx.is_begin, inner.is_begin], [true, false]);
    });
  });
});

describe("Transaction.point()", () => {
  it("keeps what its function did, or undoes it where that throws", async () => {
    await using tx = new Transaction(cur, IsolationLevel.read_committed);
    await tx.begin();
    await insert(1, "data");
    await assertRejects(() => tx.point(() => insert("1/0", "data")), DataError);
    await tx.point(() => insert(2, "data point"));
    await insert(3, "data");
    assertEquals(await rows(), [[22, "read only"], [1, "data"], [2, "data point"], [3, "data"]]);
    await tx.commit();
  });
});

describe("Cursor.begin()", () => {
  it("commits what its function did", async () => {
    await cur.begin(() => insert(1, "data"));
    assertEquals(await cur.begin(rows), [[22, "read only"], [1, "data"]]);
  });
});

describe("Cursor.begin_nested()", () => {
  it("begins a transaction, and inside of it savepoints", async () => {
    await cur.begin_nested(async () => {
      await insert(1, "data");
      await assertRejects(() => cur.begin_nested(() => insert("1/0", "no data")), DataError);
      await cur.begin_nested(() => insert(2, "data"));
    });
    assertEquals(await cur.begin_nested(rows), [[22, "read only"], [1, "data"], [2, "data"]]);
  });

  it("rolls the transaction back where its function throws", async () => {
    await assertRejects(() => cur.begin_nested(() => insert("1/0", "data")), DataError);
    assertEquals(await cur.begin_nested(rows), [[22, "read only"]]);
  });
});

describe("A statement that is given up", () => {
  for (const nested of [false, true]) {
    const inside = (tx: Transaction, fn: (tx: Transaction) => Promise<unknown>) =>
      nested ? tx.point(fn) : fn(tx);

    it("by its deadline rolls the transaction back, also from a savepoint", async () => {
      const { clock, create_pool } = clocked();
      await using pool = await create_pool(database.url, { ...AIOPG, timeout: 1 });
      await using lent = await pool.acquire();
      const work = lent.transaction((tx) => inside(tx, (tx) => tx.execute("select pg_sleep(10)")));
      const done = assertRejects(() => work, TimeoutError);
      await until_asleep(conn);
      clock.advance(1);
      await done;
      assertEquals(await lent.fetchval("select 1"), 1);
    });

    it("by its signal rolls the transaction back, also from a savepoint", async () => {
      await using pool = await create_pool(database.url, AIOPG);
      await using lent = await pool.acquire();
      const stop = new AbortController();
      const options = { signal: stop.signal };
      const work = lent.transaction((tx) =>
        inside(tx, (tx) => tx.execute("select pg_sleep(10)", null, options))
      );
      const done = assertRejects(() => work, RangeError, "enough");
      await until_asleep(conn);
      stop.abort(new RangeError("enough"));
      await done;
      assertEquals(await lent.fetchval("select 1"), 1);
    });
  }
});

describe("IsolationLevel", () => {
  it("names the levels", () => {
    assertEquals(Object.values(IsolationLevel), [
      "default",
      "read_uncommitted",
      "read_committed",
      "repeatable_read",
      "serializable",
    ]);
  });

  const statements: readonly [IsolationLevel, boolean, boolean, string][] = [
    ["default", false, false, "BEGIN"],
    ["default", true, false, "BEGIN READ ONLY"],
    ["read_committed", false, false, "BEGIN ISOLATION LEVEL READ COMMITTED"],
    ["read_committed", true, false, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"],
    ["repeatable_read", false, false, "BEGIN ISOLATION LEVEL REPEATABLE READ"],
    ["repeatable_read", true, false, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"],
    ["serializable", false, false, "BEGIN ISOLATION LEVEL SERIALIZABLE"],
    ["serializable", true, false, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"],
    ["serializable", true, true, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE"],
  ];
  it("decides, with the other modes, how a transaction is begun", async () => {
    const log: string[] = [];
    await using loud = await connect(database.url, { echo: ({ query }) => log.push(query) });
    const loud_cursor = await loud.cursor();
    for (const [level, readonly, deferrable, statement] of statements) {
      log.length = 0;
      await using _tx = await new Transaction(loud_cursor, level, readonly, deferrable).begin();
      assertEquals(log, [statement]);
    }
  });
});
