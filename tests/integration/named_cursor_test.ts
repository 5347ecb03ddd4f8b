/** Cursors on the server, by `cursor({ name })`. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  create_pool,
  type Cursor,
  DataError,
  InterfaceError,
  NamedCursor,
  OperationalError,
  ProgrammingError,
  scalar_row,
  sql,
  TransactionStatus,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { server_pid } from "../support/sessions.ts";
import { keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";

const COUNT = "select g from generate_series(1, $1::int) g";

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

function open(options: Parameters<Connection["cursor"]>[0] = {}): Promise<Cursor<number>> {
  return conn.cursor<number>({ name: "c", row_factory: scalar_row, ...options });
}

async function rest(cursor: Cursor<number>): Promise<number[]> {
  const rows: number[] = [];
  for await (const row of cursor) rows.push(row);
  return rows;
}

/** How many rows the server has given, which a sequence counts. */
async function given(): Promise<bigint | null> {
  return await conn.fetchval("select last_value from taps");
}

function up_to(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

describe("Connection.cursor({ name })", () => {
  it("opens a NamedCursor that says what it is", async () => {
    const plain = await conn.cursor();
    assertEquals([plain.name, plain.scrollable, plain.withhold, plain.itersize], [
      null,
      null,
      false,
      2000,
    ]);
    const named = await open({ scrollable: true, withhold: true, itersize: 7 });
    assertInstanceOf(named, NamedCursor);
    assertEquals([named.name, named.scrollable, named.withhold, named.itersize], [
      "c",
      true,
      true,
      7,
    ]);
  });

  it("refuses a name or an itersize that cannot be one", async () => {
    await assertRejects(() => conn.cursor({ name: "" }), ProgrammingError, "empty");
    await assertRejects(() => conn.cursor({ name: "a\0b" }), ProgrammingError, "NUL");
    await assertRejects(() => conn.cursor({ itersize: 0 }), InterfaceError, "itersize");
  });
});

describe("NamedCursor", () => {
  it_where(keeps_sessions, "needs a transaction, unless it is withhold", async () => {
    const named = await open();
    await assertRejects(() => named.execute(COUNT, [3]), ProgrammingError, "transaction");
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
    await using kept = await open({ withhold: true });
    await kept.execute(COUNT, [3]);
    assertEquals(await kept.fetchall(), [1, 2, 3]);
  });

  it("describes its columns, and fetches by one, by many, and all", async () => {
    await conn.transaction(async () => {
      const cursor = await open();
      await cursor.execute(COUNT, [10]);
      assertEquals(cursor.description?.map(({ name, type_code }) => [name, type_code]), [[
        "g",
        23,
      ]]);
      assertEquals([cursor.rowcount, cursor.rownumber], [-1, 0]);
      assertEquals(cursor.statusmessage, "DECLARE CURSOR");
      assertEquals(await cursor.fetchone(), 1);
      assertEquals(await cursor.fetchmany(3), [2, 3, 4]);
      assertEquals(await cursor.fetchmany(), [5]);
      assertEquals(await cursor.fetchmany(0), []);
      assertEquals([cursor.rowcount, cursor.rownumber], [-1, 5]);
      assertEquals(await cursor.fetchall(), [6, 7, 8, 9, 10]);
      assertEquals([cursor.rowcount, cursor.rownumber], [10, 10]);
      assertEquals(cursor.statusmessage, "FETCH 5");
      assertEquals([await cursor.fetchone(), await cursor.fetchall()], [null, []]);
    });
  });

  it("gives the values that a plain cursor gives", async () => {
    await conn.execute("create type mood as enum ('sad', 'ok')");
    await conn.execute("create type pair as (a int, b mood)");
    const query =
      "select $1::timestamptz t, $2::jsonb j, row(1, 'ok')::pair p, array['sad'::mood] m";
    const params = [new Date(0), { deep: [1] }];
    const plain = await conn.cursor();
    await plain.execute(query, params);
    const expected = await plain.fetchall();
    assertEquals(expected.length, 1);
    await conn.transaction(async () => {
      const named = await conn.cursor({ name: "values" });
      await named.execute(query, params);
      assertEquals(await named.fetchall(), expected);
      await named.execute(sql`select ${2}::int as two`);
      assertEquals(await named.fetchall(), [{ two: 2 }]);
    });
  });

  it("iterates by itersize, and reads one batch ahead", async () => {
    await conn.execute("create sequence taps");
    await conn.transaction(async () => {
      const cursor = await open({ itersize: 10 });
      await cursor.execute("select nextval('taps')::int from generate_series(1, 95)");
      assertEquals(await given(), 1n);
      const rows: number[] = [];
      for await (const row of cursor) {
        rows.push(row);
        const ahead = Number(await given()) - row;
        assert(ahead <= 20, `${ahead} rows ahead of row ${row}`);
      }
      assertEquals(rows, up_to(95));
      assertEquals([cursor.rowcount, cursor.rownumber], [95, 95]);
    });
  });

  it("can be read on after break, by any method", async () => {
    await conn.transaction(async () => {
      const cursor = await open({ itersize: 4 });
      await cursor.execute(COUNT, [20]);
      for await (const row of cursor) if (row === 3) break;
      assertEquals(cursor.rownumber, 3);
      assertEquals(await cursor.fetchone(), 4);
      assertEquals(await cursor.fetchmany(5), [5, 6, 7, 8, 9]);
      for await (const row of cursor) if (row === 12) break;
      assertEquals(await cursor.fetchall(), [13, 14, 15, 16, 17, 18, 19, 20]);
      assertEquals(await rest(cursor), []);
    });
  });

  it("serves calls that are made at once in their order", async () => {
    await conn.transaction(async () => {
      const cursor = await open();
      const executed = cursor.execute(COUNT, [9]);
      const rows = await Promise.all([
        cursor.fetchone(),
        cursor.fetchmany(2),
        cursor.fetchone(),
        cursor.fetchall(),
      ]);
      await executed;
      assertEquals(rows, [1, [2, 3], 4, [5, 6, 7, 8, 9]]);
    });
  });

  const scrolls: [
    how: string,
    value: number,
    mode: "relative" | "absolute",
    next: number | null,
  ][] = [
    ["on within what is here", 1, "relative", 6],
    ["on beyond what is here", 5, "relative", 10],
    ["nowhere", 0, "relative", 5],
    ["back within what is here", -1, "relative", 4],
    ["back beyond what is here", -3, "relative", 2],
    ["to the first row", 0, "absolute", 1],
    ["to a row here", 4, "absolute", 5],
    ["to a row ahead", 17, "absolute", 18],
    ["behind the last row", 20, "absolute", null],
    ["far behind the last row", 99, "relative", null],
  ];
  for (const itersize of [2, 3, 100]) {
    for (const [how, value, mode, next] of scrolls) {
      it(`scrolls ${how}, with batches of ${itersize}`, async () => {
        await conn.transaction(async () => {
          const cursor = await open({ scrollable: true, itersize });
          await cursor.execute(COUNT, [20]);
          for await (const row of cursor) if (row === 4) break;
          await cursor.scroll(value, mode);
          assertEquals(await cursor.fetchone(), next);
          assertEquals(cursor.rownumber, next ?? 20);
          if (next === null) assertEquals(cursor.rowcount, 20);
          await cursor.scroll(1, "absolute");
          assertEquals(await rest(cursor), up_to(20).slice(1));
          assertEquals(cursor.rowcount, 20);
          await cursor.scroll(-20);
          assertEquals(await cursor.fetchall(), up_to(20));
        });
      });
    }
  }

  it("refuses to scroll before the first row, or nowhere that is a row", async () => {
    await conn.transaction(async () => {
      const cursor = await open({ scrollable: true });
      await cursor.execute(COUNT, [20]);
      await cursor.fetchmany(3);
      await assertRejects(() => cursor.scroll(-4), ProgrammingError, "cannot scroll");
      await assertRejects(() => cursor.scroll(-1, "absolute"), ProgrammingError, "cannot scroll");
      await assertRejects(() => cursor.scroll(1.5), ProgrammingError, "cannot scroll");
      await assertRejects(
        () => cursor.scroll(1, "sideways" as "relative"),
        ProgrammingError,
        "mode",
      );
      assertEquals(await cursor.fetchone(), 4);
    });
  });

  it("refuses to go back where scrollable is false, and leaves the transaction alone", async () => {
    await conn.transaction(async () => {
      const cursor = await open({ scrollable: false });
      await cursor.execute(COUNT, [20]);
      await cursor.fetchmany(3);
      await assertRejects(() => cursor.scroll(-1), ProgrammingError, "goes forward");
      await cursor.scroll(2);
      assertEquals(await cursor.fetchone(), 6);
      const [declared] = await conn.fetchall(
        "select is_scrollable from pg_cursors where name = 'c'",
      );
      assertEquals(declared, { is_scrollable: false });
    });
  });

  it("closes and declares anew when it executes again, with other columns", async () => {
    await conn.transaction(async () => {
      const cursor = await conn.cursor({ name: "again", itersize: 2 });
      await cursor.execute(COUNT, [20]);
      for await (const _ of cursor) break;
      await cursor.execute("select 'text' as t, 2.50::numeric as n");
      assertEquals(cursor.description?.map(({ name }) => name), ["t", "n"]);
      assertEquals(await cursor.fetchall(), [{ t: "text", n: "2.50" }]);
      await cursor.execute("select 1 as one");
      assertEquals([cursor.rownumber, cursor.rowcount], [0, -1]);
      assertEquals(await cursor.fetchall(), [{ one: 1 }]);
    });
  });

  it("runs beside others", async () => {
    await conn.transaction(async () => {
      const cursors = await Promise.all(up_to(5).map((n) => open({ name: `c ${n}`, itersize: n })));
      await Promise.all(cursors.map((cursor, i) => cursor.execute(COUNT, [10 * i])));
      const rows = await Promise.all(cursors.map(rest));
      assertEquals(rows.map(({ length }) => length), [0, 10, 20, 30, 40]);
    });
  });

  it("quotes its name", async () => {
    const name = 'a "b"; drop table x; -- \u00e9';
    await conn.transaction(async () => {
      const cursor = await open({ name });
      await cursor.execute(COUNT, [2]);
      assertEquals(await conn.fetchval("select name from pg_cursors where name <> ''"), name);
      assertEquals(await rest(cursor), [1, 2]);
    });
  });

  it("closes its cursor on the server, and only its own", async () => {
    const names = () =>
      conn.fetchall("select name from pg_cursors where name <> '' order by name", null, {
        row_factory: scalar_row,
      });
    const first = await open({ name: "first" });
    await conn.transaction(async () => {
      const second = await open({ name: "second" });
      await first.execute(COUNT, [3]);
      await second.execute(COUNT, [3]);
      assertEquals(await names(), ["first", "second"]);
      await second.close();
      await second.close();
      assertEquals(await names(), ["first"]);
      assert(second.closed);
      await assertRejects(() => second.fetchone(), InterfaceError, "closed");
      await assertRejects(() => second.execute(COUNT, [3]), InterfaceError, "closed");
    });
    await conn.transaction(async (tx) => {
      await tx.execute("declare first cursor for select 1"); // of the same name, but not the same
      await first.close();
      assertEquals(await names(), ["first"]);
    });
  });

  it("ends with its transaction, which it says without sending anything", async () => {
    const cursor = await open();
    await conn.transaction(() => cursor.execute(COUNT, [3]));
    await conn.transaction(async (tx) => {
      for (
        const fetch of [() => cursor.fetchone(), () => cursor.fetchall(), () => cursor.scroll(1)]
      ) {
        await assertRejects(fetch, ProgrammingError, "ended with its transaction");
      }
      await assertRejects(() => rest(cursor), ProgrammingError, "ended with its transaction");
      assertEquals(await tx.fetchval("select 1"), 1);
      await cursor.execute(COUNT, [2]);
      assertEquals(await rest(cursor), [1, 2]);
    });
    await cursor.close();
  });

  it_where(
    keeps_sessions,
    "outlives its transaction when it is withhold, until it is closed",
    async () => {
      const cursor = await open({ withhold: true, itersize: 3 });
      await conn.transaction(() => cursor.execute(COUNT, [10]));
      assertEquals(await cursor.fetchmany(2), [1, 2]);
      assertEquals(await rest(cursor), [3, 4, 5, 6, 7, 8, 9, 10]);
      assertEquals(await conn.fetchval("select count(*) from pg_cursors where name = 'c'"), 1n);
      await cursor.close();
      assertEquals(await conn.fetchval("select count(*) from pg_cursors where name = 'c'"), 0n);
    },
  );

  it("is gone with a transaction that is rolled back although it is withhold, and says so", async () => {
    const cursor = await open({ withhold: true });
    const tx = await conn.begin();
    await cursor.execute("select 1");
    await tx.rollback();
    await assertRejects(() => cursor.fetchone(), ProgrammingError, "was rolled back");
    await cursor.close();
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("is gone with a savepoint that is rolled back, and another may have its name", async () => {
    const tx = await conn.begin();
    const nested = await tx.begin_nested();
    const cursor = await open();
    await cursor.execute(COUNT, [3]);
    const stream = conn.stream("select generate_series(1, 30)", null, { itersize: 5 });
    await stream.next();
    await nested.rollback();
    const other = await open();
    await other.execute(COUNT, [3]);
    await assertRejects(() => cursor.fetchone(), ProgrammingError, "ended with its transaction");
    await cursor.close();
    const read_on = async () => {
      for await (const _ of stream);
    };
    await assertRejects(read_on, ProgrammingError, "ended with its transaction");
    assertEquals(await other.fetchall(), [1, 2, 3]);
    await tx.commit();
  });

  it("cannot be read by a number of rows that is none", async () => {
    const cursor = await open({ withhold: true });
    await cursor.execute(COUNT, [3]);
    for (const itersize of [0, -1, 1.5, NaN]) {
      cursor.itersize = itersize;
      await assertRejects(() => cursor[Symbol.asyncIterator]().next(), Error, "itersize");
    }
    cursor.itersize = 2;
    assertEquals(await rest(cursor), [1, 2, 3]);
    await cursor.close();
  });

  it("says what is wrong with its statement, and can be executed again", async () => {
    const cursor = await open();
    await assertRejects(() => cursor.fetchone(), ProgrammingError, "no statement was executed");
    await assertRejects(() => conn.transaction(() => cursor.execute("selec 1")), ProgrammingError);
    await assertRejects(() => cursor.fetchone(), ProgrammingError, "no statement was executed");
    await assertRejects(
      () => conn.transaction(() => cursor.execute("select $1::int", [])),
      ProgrammingError,
      "takes 1 parameter, but 0 were given",
    );
    await conn.transaction(async () => {
      await cursor.execute(COUNT, [1]);
      assertEquals(await rest(cursor), [1]);
    });
  });

  it("gives an error in the middle to whoever reads that far, and closes quietly", async () => {
    await assertRejects(
      () =>
        conn.transaction(async () => {
          const cursor = await open({ itersize: 2 });
          await cursor.execute("select 10 / (6 - g) from generate_series(1, 9) g");
          const rows: number[] = [];
          try {
            for await (const row of cursor) rows.push(row);
          } finally {
            assertEquals(rows, [2, 2, 3, 5]);
            await cursor.close();
          }
        }),
      Error,
      "division by zero",
    );
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("passes rows that it could not read, or that came too late, and knows where it stands", async () => {
    await using exact = await connect(database.url, { int8: "number", row_factory: scalar_row });
    await using tx = await exact.begin();
    for (const itersize of [2, 2000]) {
      const cursor = await exact.cursor<number>({ name: "n", scrollable: true, itersize });
      await cursor.execute(
        "select case when g = 3 then 9007199254740993 else g end from generate_series(1::int8, 20) g",
      );
      assertEquals(await cursor.fetchmany(2), [1, 2]);
      await assertRejects(() => cursor.fetchmany(2), DataError);
      assertEquals([cursor.rownumber, await cursor.fetchone(), cursor.rownumber], [4, 5, 5]);
      await cursor.scroll(10, "absolute");
      assertEquals(await cursor.fetchone(), 11);
      await cursor.fetchall();
      assertEquals(cursor.rowcount, 20);
      await cursor.close();
    }
    await tx.rollback();
  });

  it("knows where it stands after a row factory that threw for rows read ahead", async () => {
    await using tx = await conn.begin();
    const factory = () => ([value]: readonly unknown[]) => {
      if (value === 4) throw new Error("no four");
      return value as number;
    };
    const cursor = await open({ row_factory: factory, itersize: 2 });
    await cursor.execute(COUNT, [9]);
    const iterator = cursor[Symbol.asyncIterator]();
    assertEquals((await iterator.next()).value, 1); // 3 and 4 are asked for
    await assertRejects(() => cursor.fetchmany(2), Error, "no four");
    assertEquals([cursor.rownumber, await cursor.fetchmany(2)], [4, [5, 6]]);
    await tx.rollback();
  });

  it_where(keeps_sessions, "rejects when its server process dies, and closes quietly", async () => {
    const victim = await connect(database.url);
    const cursor = await victim.cursor({ name: "c", withhold: true, itersize: 2 });
    await cursor.execute(COUNT, [9999]);
    await cursor.fetchone();
    await conn.execute("select pg_terminate_backend($1, 5000)", [await server_pid(victim)]);
    await assertRejects(() => cursor.fetchall(), OperationalError);
    await cursor.close();
    await victim.close();
  });

  it_where(keeps_sessions, "gives a pool's connection back when it is closed", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1 });
    const cursor = await pool.cursor({ name: "c", withhold: true });
    await cursor.execute(COUNT, [3]);
    assertEquals(pool.freesize, 0);
    await cursor.close();
    assertEquals(pool.freesize, 1);
    assertEquals(await pool.fetchval("select count(*) from pg_cursors where name = 'c'"), 0n);
  });
});

describe("Cursor.scroll()", () => {
  for (const [value, fact] of [[1n, "a bigint"], ["1", "a string"], [null, "null"]] as const) {
    it(`refuses ${fact}, and moves nothing`, async () => {
      await conn.transaction(async (tx) => {
        for (const cursor of [await conn.cursor(), await conn.cursor({ name: "named" })]) {
          await cursor.execute("select generate_series(1, 3)");
          const scroll = () => cursor.scroll(value as unknown as number);
          await assertRejects(scroll, ProgrammingError, fact);
          assertEquals(cursor.rownumber, 0);
        }
        assertEquals(await tx.fetchval("select 1"), 1);
      });
    });
  }
});

describe("Cursor.stream()", () => {
  it("streams in the cursor's shape, and leaves its result alone", async () => {
    const cursor = await conn.cursor<number>({ row_factory: scalar_row, itersize: 3 });
    await cursor.execute(COUNT, [2]);
    const rows: number[] = [];
    for await (const row of cursor.stream(COUNT, [8])) rows.push(row);
    assertEquals(rows, up_to(8));
    assertEquals(await cursor.fetchall(), [1, 2]);
    await cursor.close();
    try {
      cursor.stream("select 1");
    } catch (error) {
      return assertInstanceOf(error, InterfaceError);
    }
    throw new Error("a closed cursor streamed");
  });
});
