/** Types and tables that change while connections live that know them: nothing is misread. */

import { assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  create_pool,
  DatabaseError,
  DataError,
  type Pool,
} from "../../mod.ts";
import type { Adapter } from "../../src/adapters/socket.ts";
import { LOOKUP } from "../../src/connection/statement/type_rows.ts";
import { bind_adapter } from "../../src/entries/core.ts";
import { adapter } from "../adapters/here.ts";
import { type Database, fresh_database } from "../support/database.ts";

/** What changes, and what is read before and after. Every name begins with `x_`, which is made unique. */
interface Change {
  readonly name: string;
  readonly setup: string;
  readonly change: string;
  /** Returns one value. */
  readonly query: string;
  readonly before: unknown;
  readonly after: unknown;
  /** Parameters of the query. */
  readonly params?: readonly [before: readonly unknown[], after: readonly unknown[]];
  /** Changes that no connection is told of, if another process makes them. */
  readonly unseen?: boolean;
}

const changes: readonly Change[] = [
  {
    name: "ALTER TYPE ADD VALUE",
    setup: "create type x_mood as enum ('sad')",
    change: "alter type x_mood add value 'ok'",
    query: "select $1::x_mood",
    params: [["sad"], ["ok"]],
    before: "sad",
    after: "ok",
  },
  {
    name: "ALTER TYPE RENAME VALUE",
    setup: "create type x_mood as enum ('sad'); create table x_t as select 'sad'::x_mood as m",
    change: "alter type x_mood rename value 'sad' to 'blue'",
    query: "select m from x_t",
    before: "sad",
    after: "blue",
  },
  {
    name: "ALTER TYPE ADD ATTRIBUTE, read",
    setup: "create type x_c as (a int); create table x_t (c x_c); insert into x_t values (row(1))",
    change: "alter type x_c add attribute b text cascade",
    query: "select c from x_t",
    before: { a: 1 },
    after: { a: 1, b: null },
  },
  {
    name: "ALTER TYPE ADD ATTRIBUTE, read in an array in a record",
    setup: "create type x_c as (a int); create table x_t (c x_c); insert into x_t values (row(1))",
    change: "alter type x_c add attribute b text cascade",
    query: "select row(array[c], 1) from x_t",
    before: [[{ a: 1 }], 1],
    after: [[{ a: 1, b: null }], 1],
  },
  {
    name: "ALTER TYPE ADD ATTRIBUTE, read inside another type",
    setup: `create type x_c as (a int); create type x_d as (c x_c, n int); create table x_t (d x_d);
            insert into x_t values (row(row(1), 2))`,
    change: "alter type x_c add attribute b text cascade",
    query: "select d from x_t",
    before: { c: { a: 1 }, n: 2 },
    after: { c: { a: 1, b: null }, n: 2 },
  },
  {
    name: "ALTER TYPE ADD ATTRIBUTE, written",
    setup: "create type x_c as (a int)",
    change: "alter type x_c add attribute b text",
    query: "select $1::x_c",
    params: [[{ a: 1 }], [{ a: 1, b: "x" }]],
    before: { a: 1 },
    after: { a: 1, b: "x" },
  },
  {
    name: "ALTER TYPE DROP ATTRIBUTE, written",
    setup: "create type x_c as (a int, b text)",
    change: "alter type x_c drop attribute b",
    query: "select $1::x_c",
    params: [[{ a: 1, b: "x" }], [{ a: 2 }]],
    before: { a: 1, b: "x" },
    after: { a: 2 },
  },
  {
    name: "ALTER TYPE ALTER ATTRIBUTE, written as it was",
    setup: "create type x_c as (a int, b int)",
    change: "alter type x_c alter attribute b type text",
    query: "select $1::x_c",
    params: [[{ a: 1, b: 2 }], [{ a: 1, b: "x" }]],
    before: { a: 1, b: 2 },
    after: { a: 1, b: "x" },
  },
  {
    name: "ALTER TYPE ALTER ATTRIBUTE, read",
    setup: `create type x_c as (a int, b int); create function x_f() returns x_c
            language plpgsql as 'declare c x_c; begin c.a := 1; c.b := 2; return c; end'`,
    change: "alter type x_c alter attribute b type text",
    query: "select x_f()",
    before: { a: 1, b: 2 },
    after: { a: 1, b: "2" },
  },
  {
    name: "ALTER TYPE RENAME ATTRIBUTE",
    setup: "create type x_c as (a int)",
    change: "alter type x_c rename attribute a to b",
    query: "select row(1)::x_c",
    before: { a: 1 },
    after: { b: 1 },
    unseen: true,
  },
  {
    name: "a rename that is noticed when a value is written",
    setup: "create type x_c as (a int)",
    change: "alter type x_c rename attribute a to b",
    query: "select $1::x_c",
    params: [[{ a: 1 }], [{ b: 1 }]],
    before: { a: 1 },
    after: { b: 1 },
  },
  {
    name: "DROP TYPE and CREATE TYPE",
    setup: "create type x_c as (a int)",
    change: "drop type x_c; create type x_c as (b text)",
    query: "select $1::x_c",
    params: [[{ a: 1 }], [{ b: "x" }]],
    before: { a: 1 },
    after: { b: "x" },
  },
  {
    name: "DROP TYPE and CREATE TYPE of another kind",
    setup: "create type x_c as (a int)",
    change: "drop type x_c; create type x_c as enum ('x')",
    query: "select $1::x_c",
    params: [[{ a: 1 }], ["x"]],
    before: { a: 1 },
    after: "x",
  },
  {
    name: "ALTER TABLE ADD COLUMN, the row read",
    setup: "create table x_t (a int); insert into x_t values (1)",
    change: "alter table x_t add column b text default 'x'",
    query: "select t from x_t t",
    before: { a: 1 },
    after: { a: 1, b: "x" },
  },
  {
    name: "ALTER TABLE DROP COLUMN, the row read",
    setup: "create table x_t (a int, b text, c int); insert into x_t values (1, 'x', 3)",
    change: "alter table x_t drop column b",
    query: "select t from x_t t",
    before: { a: 1, b: "x", c: 3 },
    after: { a: 1, c: 3 },
  },
  {
    name: "ALTER TABLE ALTER COLUMN, the row read",
    setup: "create table x_t (a int); insert into x_t values (1)",
    change: "alter table x_t alter column a type text",
    query: "select t from x_t t",
    before: { a: 1 },
    after: { a: "1" },
  },
  {
    name: "ALTER TABLE ALTER COLUMN, the column read",
    setup: "create table x_t (a int); insert into x_t values (1)",
    change: "alter table x_t alter column a type text",
    query: "select a from x_t",
    before: 1,
    after: "1",
  },
  {
    name: "ALTER TABLE ALTER COLUMN, the column written",
    setup: "create table x_t (a int)",
    change: "alter table x_t alter column a type float8",
    query: "insert into x_t values ($1) returning a",
    params: [[1], [2]],
    before: 1,
    after: 2,
  },
  {
    name: "a table that is made anew with other types",
    setup: "create table x_t (a int, b text); insert into x_t values (1, 'x')",
    change: "drop table x_t; create table x_t (b text, a int); insert into x_t values ('x', 1)",
    query: "select t from x_t t",
    before: { a: 1, b: "x" },
    after: { b: "x", a: 1 },
  },
  {
    name: "CREATE OR REPLACE VIEW",
    setup: "create view x_v as select 1 as a",
    change: "create or replace view x_v as select 1 as a, 'x'::text as b",
    query: "select v from x_v v",
    before: { a: 1 },
    after: { a: 1, b: "x" },
  },
  {
    name: "a domain made anew over another type",
    setup: "create domain x_d as int",
    change: "drop domain x_d; create domain x_d as text[]",
    query: "select $1::x_d",
    params: [[1], [["x"]]],
    before: 1,
    after: ["x"],
  },
  {
    name: "a function that returns another type",
    setup: "create function x_f() returns int language sql as 'select 1'",
    change: "drop function x_f; create function x_f() returns text language sql as $$select '1'$$",
    query: "select x_f()",
    before: 1,
    after: "1",
  },
];

let database: Database;
let names = 0;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(() => database.drop());

/** Who makes the change. */
const actors = ["another process", "the same connection", "another connection"] as const;

/** Whether the statement was used before. */
const uses = ["warm", "cold", "one of several"] as const;

async function read(conn: Connection, query: string, params?: readonly unknown[]) {
  return await conn.fetchval(query, params);
}

async function check(pool: Pool, change: Change, actor: typeof actors[number], use: string) {
  const takes_parameters = change.params !== undefined;
  const returns_record = Array.isArray(change.before);
  if (use === "one of several" && (takes_parameters || returns_record)) return;
  const rename = (sql: string) => sql.replaceAll(/\bx_/g, `x${names}_`);
  names++;
  const query = rename(change.query);
  const [before, after] = change.params ?? [];
  await using stranger = await connect(database.url);
  await stranger.execute(rename(change.setup));
  await using conn = await pool.acquire();
  await using other = await pool.acquire();
  for (const one of [conn, other, conn]) {
    assertEquals(await read(one, query, before), change.before);
    assertEquals(await read(one, query, before), change.before);
  }
  const by = {
    "another process": stranger,
    "the same connection": conn,
    "another connection": other,
  };
  await by[actor].execute(rename(change.change));
  const again = use === "warm" ? query : use === "cold" ? `${query} -- anew` : `select 1; ${query}`;
  for (const one of [conn, other, conn]) {
    assertEquals(await read(one, again, after), change.after);
  }
}

describe("a change that connections are not asked about", () => {
  for (const change of changes) {
    for (const actor of actors) {
      if (change.unseen && actor === "another process") continue;
      it(`is noticed when made by ${actor}: ${change.name}`, async () => {
        await using pool = await create_pool(database.url, { minsize: 2, maxsize: 2 });
        for (const use of uses) await check(pool, change, actor, use);
      });
    }
  }
});

describe("a change in a transaction", () => {
  it("is noticed when it is made, and when it is undone", async () => {
    await using conn = await connect(database.url);
    await conn.execute("create type undone as (a int); create table undone_t (c undone)");
    await conn.execute("insert into undone_t values (row(1))");
    const read = () => conn.fetchval("select c from undone_t");
    assertEquals([await read(), await read()], [{ a: 1 }, { a: 1 }]);
    const tx = await conn.begin();
    await tx.execute("alter type undone add attribute b text cascade");
    assertEquals([await read(), await read()], [{ a: 1, b: null }, { a: 1, b: null }]);
    await tx.rollback();
    assertEquals([await read(), await read()], [{ a: 1 }, { a: 1 }]);
  });
});

describe("a statement whose result has the shape of what it names", () => {
  const shapes: [select: string, row: Record<string, unknown>][] = [
    ["1 as a", { a: 1 }],
    ["'abcd' as a", { a: "abcd" }], // as many bytes
    ["1.5::float4 as b", { b: 1.5 }],
    ["row(1, 2.5) as a, 3 as b", { a: [1, "2.5"], b: 3 }],
  ];
  const sources: [name: string, define: string, undefine: string, read: string][] = [
    ["a cursor", "declare x cursor with hold for", "close x", "fetch 1 from x"],
    ["a prepared statement", "prepare x as", "deallocate x", "/* it is */ execute x"],
  ];
  for (
    const options of [{}, { statement_cache_size: 0 }, { pooler: "transaction" }] as const
  ) {
    for (const [name, define, undefine, read] of sources) {
      it(`is read in that of now: ${name}, ${JSON.stringify(options)}`, async () => {
        await using conn = await connect(database.url, options);
        for (const [select, row] of [...shapes, ...shapes.toReversed()]) {
          await conn.execute(`${define} select ${select}`);
          assertEquals(await conn.fetchall(read), [row]);
          await conn.execute(undefine);
          await assertRejects(() => conn.fetchall(read), DatabaseError, "does not exist");
        }
      });
    }
  }

  it("may return nothing that it did before, which harms nothing", async () => {
    await using conn = await connect(database.url, { pooler: "transaction" });
    const { sql, calls } = { sql: "call reads(1)", calls: "create or replace procedure reads" };
    await conn.execute(`${calls}(inout a int) language plpgsql as 'begin end'`);
    assertEquals(await conn.fetchall(sql), [{ a: 1 }]);
    await conn.execute("drop procedure reads(int)");
    await conn.execute(`${calls}(a int) language plpgsql as 'begin end'`);
    const { rows, description } = await conn.execute(sql);
    assertEquals([rows, description], [[], null]);
  });
});

describe("a value that never fitted", () => {
  it("is refused at once after the types were looked up in vain", async () => {
    await using conn = await connect(database.url);
    await conn.execute("create type fixed as (a int); create table fixed_t (c fixed)");
    const query = "insert into fixed_t values ($1)";
    await conn.execute(query, [{ a: 1 }]);
    for (let i = 0; i < 5; i++) {
      await assertRejects(() => conn.execute(query, [{ b: 1 }]), DataError, "attributes a, but");
      await conn.execute(query, [{ a: i }]);
    }
    assertEquals(await conn.fetchval("select count(*)::int from fixed_t"), 6);
  });
});

describe("a user's type", () => {
  it("is looked up once for all connections of a pool", async () => {
    let lookups = 0;
    const { create_pool } = bind_adapter(watching((bytes) => lookups += count(bytes)));
    await using stranger = await connect(database.url);
    await stranger.execute(`
      create type colour as enum ('red'); create type paint as (colour colour, shades colour[]);
      create table paints (p paint, c colour); insert into paints values (row('red', '{red}'), 'red')`);
    // No statement is kept, so that each lookup is sent with its text.
    await using pool = await create_pool(database.url, { maxsize: 3, statement_cache_size: 0 });
    const connections = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    const counts: number[] = [];
    for (const conn of connections) {
      for (const query of ["select p, c from paints", "select array[p] from paints"]) {
        await conn.fetchone(query);
        counts.push(lookups);
      }
    }
    // The types of columns; those of attributes; the array of the composite type comes with it.
    assertEquals(counts, Array(6).fill(2));
    await Promise.all(connections.map((conn) => pool.release(conn)));
  });

  it("is looked up once for statements that are sent at once", async () => {
    let lookups = 0;
    const { connect } = bind_adapter(watching((bytes) => lookups += count(bytes)));
    await using conn = await connect(database.url, { statement_cache_size: 0 });
    await conn.execute("create type size as enum ('small'); create domain sizes as size[]");
    const queries = Array.from({ length: 20 }, (_, i) => `select 'small'::size, ${i}`);
    const rows = await Promise.all(queries.map((query) => conn.fetchval(query)));
    assertEquals(rows, Array(20).fill("small"));
    assertEquals(lookups, 1);
  });
});

/** How many times the types are looked up in what is sent. */
function count(bytes: Uint8Array): number {
  return new TextDecoder("latin1").decode(bytes).split(LOOKUP).length - 1;
}

/** The adapter at hand, which shows what is sent. */
function watching(see: (bytes: Uint8Array) => void): Adapter {
  return {
    ...adapter,
    async dial(address, signal) {
      const socket = await adapter.dial(address, signal);
      const writer = socket.writable.getWriter();
      return {
        readable: socket.readable,
        writable: new WritableStream({
          write(chunk) {
            see(chunk);
            return writer.write(chunk);
          },
          close: () => writer.close(),
          abort: (reason) => writer.abort(reason),
        }),
        close: () => socket.close(),
      };
    },
  };
}
