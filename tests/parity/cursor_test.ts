/** What aiopg's cursor does, and what it only could with psycopg2's synchronous mode. */

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  type Cursor,
  InterfaceError,
  IsolationLevel,
  TimeoutError,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { until_asleep } from "../support/sessions.ts";
import { AIOPG, clocked } from "./support.ts";

type Row = readonly unknown[];

const ROWS: readonly Row[] = [[1, "a"], [2, "b"], [3, "c"]];

let database: Database;
let conn: Connection;
let cur: Cursor<Row>;

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url, AIOPG);
  await conn.execute(`
    create table tbl (id int, name varchar(255));
    create function inc(val int) returns int language sql as 'select val + 1'`);
  await conn.executemany("insert into tbl values (%s, %s)", ROWS);
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url, AIOPG);
  cur = await conn.cursor<Row>();
});

afterEach(async () => {
  await cur.close();
  await conn.close();
});

describe("Cursor.execute()", () => {
  it("reads the result", async () => {
    await cur.execute("select 1");
    assertEquals(await cur.fetchone(), [1]);
  });

  it("counts what it read, from the first row", async () => {
    assertEquals(cur.rowcount, -1);
    await cur.execute("select * from tbl");
    assertEquals([cur.rowcount, cur.rownumber], [3, 0]);
    await cur.fetchone();
    assertEquals(cur.rownumber, 1);
  });

  it("keeps the query as it was given, without its values", async () => {
    assertEquals(cur.query, null);
    await cur.execute("select %s::int", [1]);
    assertEquals(cur.query, "select %s::int");
  });

  it("keeps the command's tag", async () => {
    assertEquals(cur.statusmessage, null);
    await cur.execute("select 1");
    assertEquals(cur.statusmessage, "SELECT 1");
  });

  for (const where of ["cursor", "call"] as const) {
    it("ends by the timeout of the cursor, or of the call", async () => {
      const { clock, connect } = clocked();
      await using slow = await connect(database.url, AIOPG);
      const cur = await slow.cursor(where === "cursor" ? { timeout: 0.1 } : {});
      assertEquals(cur.timeout, where === "cursor" ? 0.1 : 60);
      const options = where === "call" ? { timeout: 0.1 } : {};
      const call = () => cur.execute("select pg_sleep(60)", null, options);
      const done = assertRejects(call, TimeoutError);
      await until_asleep(conn);
      clock.advance(0.1);
      await done;
    });
  }
});

describe("Cursor.callproc()", () => {
  it("calls a function, whose result is the cursor's", async () => {
    await cur.callproc("inc", [1]);
    assertEquals(await cur.fetchone(), [2]);
    await cur.close();
    await assertRejects(() => cur.callproc("inc", [1]), InterfaceError);
  });

  it("logs the statement", async () => {
    const log: string[] = [];
    await using conn = await connect(database.url, {
      ...AIOPG,
      echo: ({ query }) => log.push(query),
    });
    await using cur = await conn.cursor();
    await cur.callproc("inc", [1]);
    assertEquals(await cur.fetchone(), [2]);
    assertEquals(log.length, 1);
    assertEquals(log[0]!.includes("inc"), true);
  });

  for (const where of ["cursor", "call"] as const) {
    it("ends by the timeout of the cursor, or of the call", async () => {
      const { clock, connect } = clocked();
      await using slow = await connect(database.url, AIOPG);
      const cur = await slow.cursor(where === "cursor" ? { timeout: 0.1 } : {});
      const options = where === "call" ? { timeout: 0.1 } : {};
      const call = () => cur.callproc("pg_sleep", [60], options);
      const done = assertRejects(call, TimeoutError);
      await until_asleep(conn);
      clock.advance(0.1);
      await done;
    });
  }
});

describe("Cursor.executemany()", () => {
  it("runs a statement for each set of parameters", async () => {
    await conn.execute("create table many (n int)");
    await cur.executemany("insert into many values (%s)", [[1], [2]]);
    assertEquals(cur.rowcount, 2);
    assertEquals(await conn.fetchval("select sum(n)::int from many"), 3);
  });
});

describe("Cursor.mogrify()", () => {
  it("quotes as the server does", async () => {
    assertEquals(await cur.mogrify("select %s", ["1"]), "select '1'");
  });
});

describe("Cursor.fetchmany()", () => {
  it("takes arraysize rows, or as many as it is told", async () => {
    await cur.execute("select * from tbl");
    assertEquals(await cur.fetchmany(), ROWS.slice(0, 1));
    await cur.execute("select * from tbl");
    assertEquals(await cur.fetchmany(2), ROWS.slice(0, 2));
  });
});

describe("Cursor.fetchall()", () => {
  it("takes all rows", async () => {
    await cur.execute("select * from tbl");
    assertEquals(await cur.fetchall(), [...ROWS]);
  });
});

describe("Cursor.scroll()", () => {
  it("moves on", async () => {
    await cur.execute("select * from tbl");
    await cur.scroll(1);
    assertEquals(await cur.fetchone(), ROWS[1]!);
  });
});

describe("Cursor.nextset()", () => {
  it("moves on to the next statement's result", async () => {
    await cur.execute("select 1; select 2");
    assertEquals(await cur.fetchone(), [1]);
    assertEquals(await cur.nextset(), true);
    assertEquals(await cur.fetchone(), [2]);
    assertEquals(await cur.nextset(), false);
  });
});

describe("Cursor.copy_from(), copy_to() and copy_expert()", () => {
  it("move rows between streams and tables", async () => {
    await conn.execute("create table copied (id int, name text)");
    await cur.copy_from(bytes("1\ta\n2\tb\n"), "copied");
    assertEquals(await read((into) => cur.copy_to(into, "copied")), "1\ta\n2\tb\n");
    const copy = "copy copied (name) to stdout (format csv, header)";
    assertEquals(await read((into) => cur.copy_expert(copy, into)), "name\na\nb\n");
  });
});

describe("Cursor.setinputsizes() and setoutputsize()", () => {
  it("have no effect", async () => {
    await cur.setinputsizes(10);
    await cur.setoutputsize(4, 1);
    await cur.execute("select 'longer than four'");
    assertEquals(await cur.fetchone(), ["longer than four"]);
  });
});

describe("Cursor[Symbol.asyncIterator]()", () => {
  it("yields the rows", async () => {
    await cur.execute("select * from tbl");
    const rows: Row[] = [];
    for await (const row of cur) rows.push(row);
    assertEquals(rows, [...ROWS]);
  });

  it("yields more rows than there are in a table", async () => {
    await cur.execute("select generate_series(1, 5)");
    const rows: Row[] = [];
    for await (const row of cur) rows.push(row);
    assertEquals(rows, [[1], [2], [3], [4], [5]]);
  });
});

describe("Cursor.close()", () => {
  it("closes it, also when called again, and leaves the connection open", async () => {
    await cur.close();
    assertEquals(cur.closed, true);
    await cur.close();
    await assertRejects(() => cur.execute("select 1"), InterfaceError);
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("is what leaving its scope does", async () => {
    let kept: Cursor<Row>;
    {
      await using cur = kept = await conn.cursor<Row>();
      await cur.execute("select 42");
      assertEquals(await cur.fetchone(), [42]);
      assertEquals(cur.closed, false);
    }
    assertEquals(kept.closed, true);
  });

  it("drops the rows that nobody fetched", async () => {
    let kept: Cursor<Row>;
    {
      await using cur = kept = await conn.cursor<Row>();
      await cur.execute("select 42");
    }
    assertEquals(kept.closed, true);
    await assertRejects(() => kept.fetchone(), InterfaceError);
  });
});

describe("Cursor", () => {
  it("describes its columns in seven items each, and nothing without a result", async () => {
    assertEquals(cur.description, null);
    await cur.execute("select * from tbl");
    const names: unknown[] = [];
    for (const column of cur.description!) {
      assertEquals([...column].length, 7);
      names.push(column[0]);
    }
    assertEquals(names, ["id", "name"]);
    await cur.execute("drop table if exists nowhere");
    assertEquals(cur.description, null);
  });

  it("knows its connection", () => {
    assertStrictEquals(cur.connection, conn);
  });

  it("has no name, neither scrolls on the server nor outlives a transaction", () => {
    assertEquals([cur.name, cur.scrollable, cur.withhold], [null, null, false]);
  });

  it("has an arraysize of 1 and an itersize of 2000, both of which can be set", () => {
    assertEquals([cur.arraysize, cur.itersize], [1, 2000]);
    cur.arraysize = 10;
    cur.itersize = 20;
    assertEquals([cur.arraysize, cur.itersize], [10, 20]);
  });

  it("logs as its connection does", async () => {
    assertEquals(cur.echo, false);
    const echo = () => {};
    await using loud = await connect(database.url, { echo });
    assertEquals((await loud.cursor()).echo, echo);
  });

  it("takes the isolation level of its transactions", async () => {
    await using cur = await conn.cursor<Row>({ isolation_level: IsolationLevel.serializable });
    await cur.begin(async () => {
      await cur.execute("show transaction_isolation");
      assertEquals(await cur.fetchone(), ["serializable"]);
    });
  });
});

function bytes(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}

/** What `copy` writes; it leaves the stream open. */
async function read(copy: (into: WritableStream<Uint8Array>) => Promise<unknown>): Promise<string> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const copied = copy(writable).then(() => writable.close());
  const [text] = await Promise.all([new Response(readable).text(), copied]);
  return text;
}
