/** Of which types rows are. */

import {
  class_row,
  type Connection,
  type Cursor,
  object_row,
  type ObjectRow,
  type Pool,
  type Queryable,
  type Result,
  type RowFactory,
  type RowIterator,
  scalar_row,
  sql,
  type Transaction,
  tuple_row,
} from "../../mod.ts";
import { expect_type } from "./expect.ts";

interface City {
  id: number;
  name: string;
}

class User {
  readonly id: number;
  constructor(row: { id: number }) {
    this.id = row.id;
  }
}

declare const conn: Connection;
declare const pool: Pool;
declare const tx: Transaction;
declare const any_of_them: Queryable;
// deno-lint-ignore no-explicit-any -- tuples are so where nothing is said
type Tuple = any[];

// Nothing is said: objects.
expect_type(await conn.execute("select 1")).equals<Result<ObjectRow>>();
expect_type(await conn.fetchall("select 1")).equals<ObjectRow[]>();
expect_type(await conn.fetchone("select $1", [1])).equals<ObjectRow | null>();
expect_type(await conn.fetchall("select 1", null, { timeout: 1 })).equals<ObjectRow[]>();
expect_type(await pool.fetchall("select 1")).equals<ObjectRow[]>();
expect_type(await tx.fetchone("select 1")).equals<ObjectRow | null>();
expect_type(await any_of_them.execute("select 1")).equals<Result<ObjectRow>>();
expect_type(conn.stream("select 1")).equals<RowIterator<ObjectRow>>();
expect_type(await conn.executemany("select 1", [[1]])).equals<Result<ObjectRow>>();

// The caller says it.
expect_type(await conn.execute<City>("select 1")).equals<Result<City>>();
expect_type(await conn.fetchall<City>("select 1", [1], { timeout: 1 })).equals<City[]>();
expect_type(await pool.fetchone<City>("select 1")).equals<City | null>();
expect_type(await tx.execute<City>("select 1")).equals<Result<City>>();
expect_type(conn.stream<City>("select 1")).equals<RowIterator<City>>();
expect_type(await conn.executemany<City>("select 1", [])).equals<Result<City>>();

// The row factory says it.
expect_type(await conn.fetchall("select 1", null, { row_factory: tuple_row })).equals<Tuple[]>();
expect_type(await pool.fetchone("select 1", null, { row_factory: tuple_row }))
  .equals<Tuple | null>();
expect_type(await conn.fetchall("select 1", null, { row_factory: class_row(User) }))
  .equals<User[]>();
expect_type(await tx.execute("select 1", [], { row_factory: class_row(User) }))
  .equals<Result<User>>();
expect_type(await conn.fetchall("select 1", null, { row_factory: object_row }))
  .equals<ObjectRow[]>();
// deno-lint-ignore no-explicit-any -- what a single value is where nothing is said
expect_type(await conn.fetchall("select 1", null, { row_factory: scalar_row })).equals<any[]>();
expect_type(conn.stream("select 1", null, { row_factory: tuple_row, itersize: 10 }))
  .equals<RowIterator<Tuple>>();
const count: RowFactory<number> = (columns) => () => columns.length;
expect_type(await conn.fetchone("select 1", null, { row_factory: count })).equals<number | null>();
expect_type(
  await conn.fetchall("select 1", null, { row_factory: () => ([id, name]) => ({ id, name }) }),
).equals<{ id: unknown; name: unknown }[]>();

// Both, and they agree.
expect_type(
  await conn.fetchall<[number, string]>("select 1", null, { row_factory: tuple_row }),
).equals<[number, string][]>();
expect_type(await conn.fetchall<City>("select 1", null, { row_factory: object_row }))
  .equals<City[]>();
expect_type(await conn.fetchall<string>("select 1", null, { row_factory: scalar_row }))
  .equals<string[]>();
// @ts-expect-error -- a User is no City
await conn.fetchall<City>("select 1", null, { row_factory: class_row(User) });

// The template says it.
expect_type(await conn.fetchall(sql`select ${1}`)).equals<ObjectRow[]>();
expect_type(await conn.fetchall(sql<City>`select ${1}`)).equals<City[]>();
expect_type(await pool.fetchone(sql<City>`select 1`, null, { timeout: 1 })).equals<City | null>();
expect_type(await tx.execute(sql<City>`select 1`)).equals<Result<City>>();
expect_type(conn.stream(sql<City>`select 1`)).equals<RowIterator<City>>();
expect_type(await conn.fetchall(sql.raw("select 1"))).equals<ObjectRow[]>();
expect_type(await conn.fetchall(sql`select 1`, null, { row_factory: tuple_row })).equals<Tuple[]>();
expect_type(await conn.fetchall(sql<City>`select 1`, null, { row_factory: class_row(User) }))
  .equals<User[]>();
const part = sql`id = ${1}`;
expect_type(
  await conn.fetchall(sql<City>`select * from ${sql.identifier("city")} where ${part}`),
).equals<City[]>();

// A single value.
expect_type(await conn.fetchval("select 1")).equals<unknown>();
expect_type(await conn.fetchval<number>("select 1")).equals<number | null>();
expect_type(await pool.fetchval<Date>(sql`select now()`)).equals<Date | null>();
const n: number | null = await conn.fetchval("select 1");
expect_type(n).equals<number | null>();

// Cursors.
expect_type(await conn.cursor()).equals<Cursor<ObjectRow>>();
expect_type(await pool.cursor()).equals<Cursor<ObjectRow>>();
expect_type(await conn.cursor<City>()).equals<Cursor<City>>();
expect_type(await conn.cursor({ name: "c", scrollable: true })).equals<Cursor<ObjectRow>>();
const cursor = await conn.cursor({ row_factory: tuple_row });
expect_type(cursor).equals<Cursor<Tuple>>();
expect_type(await cursor.fetchone()).equals<Tuple | null>();
expect_type(await cursor.fetchmany(2)).equals<Tuple[]>();
for await (const row of cursor) expect_type(row).equals<Tuple>();
expect_type(await (await conn.cursor({ row_factory: class_row(User) })).fetchall())
  .equals<User[]>();
for await (const city of conn.stream<City>("select 1")) expect_type(city).equals<City>();

// Transactions.
expect_type(await conn.transaction(async (tx) => await tx.fetchval<number>("select 1")))
  .equals<number | null>();
expect_type(await conn.begin()).equals<Transaction>();
