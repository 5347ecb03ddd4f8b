/**
 * Values that do not fit, given to every call that takes values: each refuses them alike, by their
 * place, their type and what they are. But for numbers, nothing is sent that would fail the transaction.
 */

import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  create_pool,
  DataError,
  type Pool,
  ProgrammingError,
  type Queryable,
  sql,
  Transaction,
  TransactionStatus,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";

/** `[type, value, what the error says of it]` */
const VALUES: readonly [type: string, value: unknown, said: string][] = [
  ["int4", undefined, "is undefined"],
  ["int2", 40_000, "from -32768 to 32767"],
  ["int4", 2 ** 31, "from -2147483648 to 2147483647"],
  ["int4", 1.5, "a fractional number"],
  ["int4", NaN, "is NaN"],
  ["int8", 2n ** 63n, "9223372036854775807"],
  ["int4", {}, "an object"],
  ["int4", Symbol("s"), "a symbol"],
  ["bool", [], "an empty array"],
  ["text", "a\0b", "NUL"],
  ["text", "\ud800", "lone surrogate"],
  ["text", { a: 1 }, "an object"],
  ["text[]", ["\udfff"], "lone surrogate"],
  ["int4[]", [[1], [2, 3]], "rectangular"],
  ["int4[]", [1, undefined], "undefined"],
  ["int4[]", new Map(), "a Map"],
  ["timestamptz", new Date(NaN), "valid Date"],
  ["bytea", [1], "an array"],
  ["jsonb", { n: 1n }, "JSON can hold"],
  ["uuid", 1n, "a bigint"],
  ["pair", { a: 1 }, "the attributes a, b"],
  ["pair", { a: 1, b: "x", c: 2 }, "the attributes a, b"],
  ["pair[]", [{ a: 1, b: "\0" }], "NUL"],
  ["positive", "1".repeat(3) + "\0", "NUL"],
  ["mood", ["ok"], "an array of strings"],
  ["hstore", { a: 1 }, "strings and nulls"],
  ["hstore", 5, "strings and nulls"],
];

type Call = (on: Queryable, type: string, value: unknown) => Promise<unknown>;

function iterate(rows: AsyncIterable<unknown>): Promise<unknown[]> {
  return Array.fromAsync(rows);
}

/** Calls of pools, connections and transactions that take parameters, the value as `$2`. */
const CALLS: Readonly<Record<string, Call>> = {
  "execute()": (on, type, value) => on.execute(`select $1::int, $2::${type}`, [1, value]),
  "execute() of a template": (on, type, value) =>
    on.execute(sql`select ${1}::int, ${value}::${sql.raw(type)}`),
  "fetchval()": (on, type, value) => on.fetchval(`select $1::int, $2::${type}`, [1, value]),
  "stream()": (on, type, value) => iterate(on.stream(`select $1::int, $2::${type}`, [1, value])),
  "executemany()": (on, type, value) =>
    on.executemany(`select $1::int, $2::${type}`, [[1, null], [2, value]]),
  "one of a pipeline": async (on, type, value) => {
    const text = `select $1::int as n, $2::${type}`;
    const [before, refused, behind] = await Promise.allSettled([
      on.fetchval(text, [1, null]),
      on.fetchval(text, [2, value]),
      on.fetchval(text, [3, null]),
    ]);
    const others = [before, behind].map((one) => one.status === "fulfilled" && one.value);
    if (!(on instanceof Transaction && is_judged(value))) assertEquals(others, [1, 3]);
    if (refused.status === "rejected") throw refused.reason;
  },
};

/** Calls of connections alone. */
const ON_CONNECTIONS: Readonly<
  Record<string, (conn: Connection, type: string, value: unknown) => Promise<unknown>>
> = {
  "cursor.execute()": async (conn, type, value) => {
    const cursor = await conn.cursor();
    await cursor.execute(`select $1::int, $2::${type}`, [1, value]);
  },
  "cursor.executemany()": async (conn, type, value) => {
    const cursor = await conn.cursor();
    await cursor.executemany(`select $1::int, $2::${type}`, [[1, null], [2, value]]);
  },
  "cursor.stream()": async (conn, type, value) => {
    const cursor = await conn.cursor();
    await iterate(cursor.stream(`select $1::int, $2::${type}`, [1, value]));
  },
  "a named cursor": async (conn, type, value) => {
    const cursor = await conn.cursor({ name: "refused" });
    await cursor.execute(`select $1::int, $2::${type}`, [1, value]);
  },
};

let database: Database;
let conn: Connection;
let pool: Pool;

/** Fails unless the call is refused with this in the error's text; true if the server was not asked. */
async function refused(call: () => Promise<unknown>, said: readonly string[]): Promise<boolean> {
  try {
    await call();
  } catch (error) {
    assert(error instanceof DataError || error instanceof ProgrammingError, String(error));
    for (const part of said) assert(error.message.includes(part), `${part}: ${error.message}`);
    return error.sqlstate === null;
  }
  throw new Error("it was taken");
}

/** Numbers are for the server to judge, as it knows best what fits a type. */
function is_judged(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint";
}

describe("a value that cannot be", () => {
  beforeAll(async () => {
    database = await fresh_database();
    conn = await connect(database.url);
    await conn.execute(`create type pair as (a int, b text); create domain positive as text;
    create type mood as enum ('ok'); create extension hstore`);
    pool = await create_pool(database.url, { maxsize: 1, on_warning() {} });
  });

  afterAll(async () => {
    await pool[Symbol.asyncDispose]();
    await conn.close();
    await database.drop();
  });

  for (const [name, call] of Object.entries(CALLS)) {
    it(`is refused by ${name}, on pools, connections and in transactions`, async () => {
      for (const [type, value, said] of VALUES) {
        const parts = ["$2", said];
        for (const _ of ["cold", "warm"]) {
          await refused(() => call(pool, type, value), parts);
          await refused(() => call(conn, type, value), parts);
          assertEquals(conn.get_transaction_status(), TransactionStatus.idle, type);
        }
        await using tx = await conn.begin();
        if (name === "executemany()") continue; // its first set has run, and all are undone
        const unasked = await refused(() => call(tx, type, value), parts);
        assert(unasked || is_judged(value), type);
        if (!unasked) continue;
        assertEquals(conn.get_transaction_status(), TransactionStatus.intrans, type);
        assertEquals(await tx.fetchval("select 1"), 1);
      }
      assertEquals([pool.size, pool.freesize], [1, 1]);
    });
  }

  for (const [name, call] of Object.entries(ON_CONNECTIONS)) {
    it(`is refused by ${name}`, async () => {
      for (const [type, value, said] of VALUES) {
        await using _tx = await conn.begin();
        await refused(() => call(conn, type, value), ["$2", said]);
      }
    });
  }

  it("is refused by copy_records_from(), with its record and column", async () => {
    for (const [type, value, said] of VALUES) {
      await conn.execute(`create table refused (n int, v ${type})`);
      for (const on of [conn, pool] as const) {
        const records = [[1, null], [2, value]];
        await refused(() => on.copy_records_from("refused", records), ["record 1", "v", said]);
      }
      assertEquals(await conn.fetchval("select count(*)::int from refused"), 0);
      await conn.execute("drop table refused");
    }
  });
});
