/** stream() on connections, transactions and pools, against a real server. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  create_pool,
  DataError,
  InterfaceError,
  OperationalError,
  type Queryable,
  type RowFactory,
  scalar_row,
  sql,
  TimeoutError,
  TransactionStatus,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { kill_busy } from "../support/sessions.ts";

const COUNT = "select g from generate_series(1, $1::int) g";
/** 2000 rows at once, then one in a minute. */
const STALLING =
  "select g, case when g > 2000 then pg_sleep(60) end from generate_series(1, 9999) g";

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url);
});

afterEach(async () => {
  await conn.close();
});

/** Counts to `n`, by a stream. */
async function count(on: Queryable, n: number, itersize?: number): Promise<number> {
  let rows = 0;
  for await (const { g } of on.stream(COUNT, [n], { itersize })) assertEquals(g, ++rows);
  return rows;
}

/** The portals that are open, but for that of this statement. */
function portals(on: Queryable): Promise<string[]> {
  return on.fetchall("select name from pg_cursors where name <> ''", null, {
    row_factory: scalar_row,
  });
}

describe("Connection.stream()", () => {
  const sizes: [rows: number, itersize: number][] = [
    [0, 10],
    [1, 10],
    [9, 10],
    [10, 10],
    [11, 10],
    [35, 10],
    [3, 1],
    [4500, 2000],
  ];
  for (const [rows, itersize] of sizes) {
    it(`yields ${rows} rows in batches of ${itersize}, cold and warm, in a transaction and outside`, async () => {
      assertEquals(await count(conn, rows, itersize), rows);
      assertEquals(await count(conn, rows, itersize), rows);
      await conn.transaction(async (tx) => {
        assertEquals(await count(tx, rows, itersize), rows);
        assertEquals(await portals(tx), []);
      });
      assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
    });
  }

  it("gives the values that execute() gives", async () => {
    const query = "select $1::int as n, $2::timestamptz as t, $3::jsonb as j, '{1,2}'::int[] as a";
    const params = [7, new Date(0), { deep: [1] }];
    const expected = await conn.fetchall(query, params);
    for (let i = 0; i < 2; i++) {
      const rows = [];
      for await (const row of conn.stream(`${query} -- anew`, params)) rows.push(row);
      assertEquals(rows, expected);
    }
  });

  it("takes a sql template and a row factory", async () => {
    const rows = [];
    const query = sql`select generate_series(1, ${3}::int), 'x'`;
    for await (const row of conn.stream(query, null, { row_factory: scalar_row })) rows.push(row);
    assertEquals(rows, [1, 2, 3]);
  });

  it("ends at once for a statement that returns no rows", async () => {
    await conn.execute("create table nothing (a int)");
    const { done } = await conn.stream("insert into nothing values (1)").next();
    assertEquals(done, true);
    assertEquals(await conn.fetchval("select count(*) from nothing"), 1n);
  });

  it("holds two batches at most, whatever the size of the result", async () => {
    let made = 0;
    let most = 0;
    let taken = 0;
    const counting: RowFactory<number> = () => (values) => {
      most = Math.max(most, ++made - taken);
      return values[0] as number;
    };
    const options = { itersize: 10_000, row_factory: counting };
    for await (const g of conn.stream("select generate_series(1, 2000000)", null, options)) {
      if (g !== ++taken) throw new Error(`row ${taken} is ${g}`);
    }
    assertEquals(taken, 2_000_000);
    assert(most <= 20_000, `${most} rows were waiting`);
  });

  it("serves calls of next() that are made at once in their order", async () => {
    const rows = conn.stream(COUNT, [5], { itersize: 2, row_factory: scalar_row });
    const taken = await Promise.all(Array.from({ length: 7 }, () => rows.next()));
    assertEquals(taken.map(({ value }) => value), [1, 2, 3, 4, 5, undefined, undefined]);
  });

  it("leaves the connection usable after break, return(), throw() and disposal", async () => {
    for await (const _ of conn.stream("select generate_series(1, 100000000)")) break;
    assertEquals(await conn.fetchval("select 1"), 1);
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle); // its end may come after the break

    const returned = conn.stream(COUNT, [9999]);
    await returned.next();
    assertEquals(await returned.return(), { done: true, value: undefined });
    assertEquals(await returned.next(), { done: true, value: undefined });
    assertEquals(await returned.return(), { done: true, value: undefined });
    assertEquals(await conn.fetchval("select 2"), 2);

    const thrown = conn.stream(COUNT, [9999]);
    await thrown.next();
    await assertRejects(() => thrown.throw(new RangeError("enough")), RangeError, "enough");
    assertEquals(await thrown.next(), { done: true, value: undefined });
    assertEquals(await conn.fetchval("select 3"), 3);
    {
      await using left = conn.stream(COUNT, [9999]);
      await left.next();
    }
    assertEquals(await conn.fetchval("select 4"), 4);
  });

  it("does not wait for rows that nobody wants", async () => {
    for await (const _ of conn.stream(STALLING)) break;
    assertEquals(await conn.fetchval("select 1", null, { timeout: 10 }), 1);
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
  });

  it("sends nothing before the first row is asked for, or if none is", async () => {
    const rows = conn.stream("this is not SQL");
    assertEquals(await rows.return(), { done: true, value: undefined });
    assertEquals(await rows.next(), { done: true, value: undefined });
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("refuses other statements and streams while it is open, and goes on", async () => {
    const rows = conn.stream(COUNT, [3], { itersize: 1, row_factory: scalar_row });
    assertEquals((await rows.next()).value, 1);
    const refused = [
      () => conn.execute("select 1"),
      () => conn.stream("select 1").next(),
      () => conn.begin(),
      () => conn.execute("select 1; select 2"),
    ];
    for (const run of refused) {
      const error = await assertRejects(run, InterfaceError, "a stream is open on it");
      assert(error.message.includes("transaction") && error.message.includes("second connection"));
    }
    assertEquals(conn.get_transaction_status(), TransactionStatus.active);
    assertEquals((await rows.next()).value, 2);
    assertEquals((await rows.next()).value, 3);
    assertEquals((await rows.next()).done, true);
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("refuses what was called while it waited for its turn", async () => {
    const before = conn.execute("select 1");
    const rows = conn.stream(COUNT, [3]);
    const first = rows.next();
    const after = assertRejects(() => conn.execute("select 2"), InterfaceError, "a stream");
    assertEquals((await before).rowcount, 1);
    assertEquals((await first).value, { g: 1 });
    await after;
    await rows.return();
  });

  it("yields the rows before an error, then throws it, and leaves no transaction", async () => {
    let last = 0;
    const error = await assertRejects(
      async () => {
        const query = "select g, 1 / (35 - g) from generate_series(1, 50) g";
        for await (const { g } of conn.stream(query, null, { itersize: 10 })) last = g;
      },
      DataError,
      "division by zero",
    );
    assertEquals(error.sqlstate, "22012");
    assertEquals(last, 34);
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  const failures: [name: string, query: string, params: unknown[], message: string][] = [
    ["a syntax error", "selec 1", [], "syntax error"],
    ["a parameter that is undefined", "select $1", [undefined], "is undefined"],
    ["too few parameters", "select $1::int, $2::int", [1], "takes 2 parameters, but 1 was given"],
    ["several statements", "select 1; select 2", [], "multiple commands"],
    ["COPY", "copy (select 1) to stdout", [], "its data needs a stream"],
  ];
  for (const [name, query, params, message] of failures) {
    it(`throws ${name} from next(), and leaves the connection usable`, async () => {
      await assertRejects(() => conn.stream(query, params).next(), Error, message);
      assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
      assertEquals(await conn.fetchval("select 1"), 1);
    });
  }

  it("throws what the row factory throws", async () => {
    const failing: RowFactory<number> = () => (values) => {
      if (values[0] === 15) throw new RangeError("15 is too much");
      return values[0] as number;
    };
    let last = 0;
    const options = { itersize: 10, row_factory: failing };
    await assertRejects(
      async () => {
        for await (const g of conn.stream(COUNT, [100], options)) last = g;
      },
      RangeError,
      "15 is too much",
    );
    assertEquals(last, 14);
    await conn.transaction(async (tx) => {
      await assertRejects(async () => {
        for await (const g of tx.stream(COUNT, [100], options)) last = g;
      }, RangeError);
      assertEquals(await portals(tx), []);
    });
  });

  it("refuses an itersize that is no number of rows", () => {
    for (const itersize of [0, -1, 1.5, NaN, Infinity, 2 ** 31]) {
      try {
        conn.stream("select 1", null, { itersize });
      } catch (error) {
        assertInstanceOf(error, InterfaceError);
        continue;
      }
      throw new Error(`${itersize} was taken`);
    }
  });

  it("keeps what a statement with RETURNING changed, also after break", async () => {
    await conn.execute("create table kept (a int)");
    const query = "insert into kept select generate_series(1, 100) returning a";
    for await (const _ of conn.stream(query, null, { itersize: 10 })) break;
    assertEquals(await conn.fetchval("select count(*) from kept"), 100n);
  });

  it("throws at its end what the server finds wrong only then", async () => {
    await conn.execute("create table late (a int unique deferrable initially deferred)");
    let rows = 0;
    const error = await assertRejects(
      async () => {
        for await (const _ of conn.stream("insert into late values (1), (1) returning a")) rows++;
      },
      Error,
      "duplicate key",
    );
    assertEquals([rows, (error as OperationalError).sqlstate], [2, "23505"]);
    assertEquals(await conn.fetchval("select count(*) from late"), 0n);
  });

  it("runs a prepared statement anew whose table has changed", async () => {
    await conn.execute("create table changing (a int)");
    await conn.execute("insert into changing values (1)");
    const read = async () => {
      for await (const row of conn.stream("select * from changing")) return row;
    };
    assertEquals(await read(), { a: 1 });
    await conn.execute("alter table changing add b text default 'new'");
    assertEquals(await read(), { a: 1, b: "new" });
    await conn.execute("deallocate all");
    assertEquals(await read(), { a: 1, b: "new" });
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("rejects with the signal's reason: before, while it waits, and between rows", async () => {
    const reason = new Error("enough");
    const aborted = conn.stream(COUNT, [9], { signal: AbortSignal.abort(reason) });
    assertEquals(await assertRejects(() => aborted.next()), reason);

    const waiting = new AbortController();
    const never = conn.stream("select pg_sleep(60)", null, { signal: waiting.signal }).next();
    waiting.abort(reason);
    assertEquals(await assertRejects(() => never), reason);
    assertEquals(await conn.fetchval("select 1"), 1);

    const between = new AbortController();
    const rows = conn.stream(COUNT, [9999], { itersize: 10, signal: between.signal });
    await rows.next();
    between.abort(reason);
    assertEquals(await conn.fetchval("select 2"), 2);
    assertEquals(await assertRejects(() => rows.next()), reason);
    assertEquals(await rows.next(), { done: true, value: undefined });
    assertEquals(await conn.fetchval("select 3"), 3);
  });

  it("throws TimeoutError for a batch that takes too long, and cancels it", async () => {
    let rows = 0;
    await assertRejects(async () => {
      for await (const _ of conn.stream(STALLING, null, { timeout: 0.2 })) rows++;
    }, TimeoutError);
    assertEquals(rows, 2000);
    assertEquals(await conn.fetchval("select 1"), 1);
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
  });

  it("ends with QueryCanceledError when the connection is told to cancel", async () => {
    const rows = conn.stream(COUNT, [9999], { itersize: 1 });
    await rows.next();
    await rows.next();
    await conn.cancel();
    await rows.next(); // came before
    await assertRejects(() => rows.next(), OperationalError, "cancel");
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("throws when its connection is closed in the middle", async () => {
    const rows = conn.stream(COUNT, [9999], { itersize: 1 });
    await rows.next();
    await conn.close();
    await assertRejects(
      async () => {
        for (;;) if ((await rows.next()).done) break;
      },
      InterfaceError,
      "closed",
    );
    assertEquals((await rows.return()).done, true);
  });

  it("throws OperationalError when its server process dies in the middle", async () => {
    for (const itersize of [1, 10]) {
      const victim = await connect(database.url);
      const rows = victim.stream(COUNT, [9999], { itersize });
      await rows.next();
      await kill_busy(conn);
      await assertRejects(async () => {
        for (;;) if ((await rows.next()).done) break;
      }, OperationalError);
      assertEquals((await rows.return()).done, true);
      await victim.close();
    }
  });
});

describe("Transaction.stream()", () => {
  it("lets other statements run between rows, and sees none of their changes", async () => {
    await conn.execute("create table numbers as select generate_series(1, 25) as n");
    await conn.transaction(async (tx) => {
      let sum = 0;
      for await (const { n } of tx.stream("select n from numbers", null, { itersize: 4 })) {
        sum += await tx.fetchval<number>("select $1::int", [n]) ?? 0;
        await tx.execute("insert into numbers values ($1)", [n + 100]);
      }
      assertEquals(sum, 325);
      assertEquals(await tx.fetchval("select count(*)::int from numbers"), 50);
    });
  });

  it("runs beside other streams on the same connection", async () => {
    await conn.transaction(async (tx) => {
      const counts = await Promise.all([7, 100, 33, 64, 1].map((n) => count(tx, n, 3)));
      assertEquals(counts, [7, 100, 33, 64, 1]);
      for await (const { g } of tx.stream(COUNT, [20], { itersize: 3 })) {
        assertEquals(await count(tx, g, 3), g);
      }
      assertEquals(await portals(tx), []);
    });
  });

  it("keeps the transaction when break cancels the batch that runs", async () => {
    await conn.execute("create table log (a int)");
    await conn.transaction(async (tx) => {
      await tx.execute("insert into log values (1)");
      for await (const _ of tx.stream(STALLING)) break;
      await tx.execute("insert into log values (2)", null, { timeout: 10 });
      assertEquals(await portals(tx), []);
    });
    assertEquals(await conn.fetchval("select count(*)::int from log"), 2);
  });

  it("closes its portal at break, and when its signal aborts", async () => {
    await conn.transaction(async (tx) => {
      for await (const _ of tx.stream(COUNT, [99], { itersize: 10 })) break;
      assertEquals(await portals(tx), []);
      const controller = new AbortController();
      const rows = tx.stream(COUNT, [99], { itersize: 10, signal: controller.signal });
      await rows.next();
      assertEquals((await portals(tx)).length, 1);
      controller.abort();
      assertEquals(await portals(tx), []);
      await assertRejects(() => rows.next(), DOMException);
    });
  });

  it("closes its portal at break while the next batch waits for its turn", async () => {
    await conn.transaction(async (tx) => {
      const rows = tx.stream(COUNT, [99], { itersize: 10 });
      const first = rows.next();
      const others = tx.execute("select $1::jsonb, pg_sleep(0.2)", [{}]); // goes before that batch
      assertEquals((await first).value, { g: 1 });
      await rows.return();
      await others;
      assertEquals(await portals(tx), []);
    });
  });

  it("fails with its transaction when the server finds an error", async () => {
    const error = await assertRejects(() =>
      conn.transaction(async (tx) => {
        const query = "select 1 / (15 - g) from generate_series(1, 50) g";
        for await (const _ of tx.stream(query, null, { itersize: 10 })) { /* read on */ }
      }), DataError);
    assertEquals(error.sqlstate, "22012");
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("throws when the transaction has ended", async () => {
    const tx = await conn.begin();
    const rows = tx.stream(COUNT, [99], { itersize: 1 });
    await rows.next();
    await tx.commit();
    await assertRejects(
      async () => {
        for (;;) if ((await rows.next()).done) break;
      },
      Error,
      "the transaction has ended",
    );
    assertEquals((await rows.return()).done, true);
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("throws OperationalError when its server process dies in the middle", async () => {
    const victim = await connect(database.url);
    const tx = await victim.begin();
    const rows = tx.stream(COUNT, [9999], { itersize: 10 });
    await rows.next();
    await kill_busy(conn);
    await assertRejects(async () => {
      for (;;) if ((await rows.next()).done) break;
    }, OperationalError);
    assertEquals((await rows.return()).done, true);
    await victim.close();
  });
});

describe("Pool.stream()", () => {
  it("finishes more streams than there are connections", async () => {
    await using pool = await create_pool(database.url, { minsize: 5, maxsize: 5 });
    const streams = Array.from({ length: 20 }, () => pool.stream(COUNT, [500], { itersize: 50 }));
    assertEquals(pool.stats().used, 0);
    const counts = await Promise.all(streams.map(async (rows) => {
      let n = 0;
      for await (const _ of rows) n++;
      return n;
    }));
    assertEquals(counts, Array(20).fill(500));
    assertEquals([pool.size, pool.freesize], [5, 5]);
  });

  it("gives its connection back at the end, at break, and after an error", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1 });
    const pid = await pool.fetchval("select pg_backend_pid()");
    assertEquals(await count(pool, 10), 10);
    for await (const _ of pool.stream(COUNT, [9999], { itersize: 1 })) break;
    assertEquals(await pool.fetchval("select pg_backend_pid()"), pid);
    for await (const _ of pool.stream(STALLING)) break;
    assertEquals(await pool.fetchval("select pg_backend_pid()"), pid);
    await assertRejects(() => pool.stream("selec").next());
    await assertRejects(() => pool.stream("select $1", [undefined]).next());
    const signal = AbortSignal.timeout(50);
    await assertRejects(() => pool.stream("select pg_sleep(60)", null, { signal }).next());
    assertEquals(await pool.fetchval("select pg_backend_pid()"), pid);
    assertEquals(pool.freesize, 1);
  });

  it("throws where a borrower gives the connection back in the middle", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1 });
    for (const itersize of [1, 10]) {
      const lent = await pool.acquire();
      const outside = lent.stream(COUNT, [9999], { itersize });
      await outside.next();
      await pool.release(lent);
      const next = await pool.acquire();
      await assertRejects(async () => {
        for (;;) if ((await outside.next()).done) break;
      }, InterfaceError);
      assertEquals((await outside.return()).done, true);
      assertEquals(await next.fetchval("select 1"), 1);
      assertEquals(next.get_transaction_status(), TransactionStatus.idle);
      await pool.release(next);
    }
  });

  it("works behind a transaction pooler", async () => {
    await using pool = await create_pool(database.url, { maxsize: 2, pooler: "transaction" });
    assertEquals(await count(pool, 4500), 4500);
    for await (const _ of pool.stream(COUNT, [9999], { itersize: 10 })) break;
    const params = [{ a: 1 }];
    for await (const row of pool.stream("select $1::jsonb as j", params)) {
      assertEquals(row, { j: { a: 1 } });
    }
    await using lent = await pool.acquire();
    await lent.transaction(async (tx) => {
      for await (const { g } of tx.stream(COUNT, [10], { itersize: 3 })) {
        assertEquals(await tx.fetchval("select $1::int", [g]), g);
      }
    });
  });
});
