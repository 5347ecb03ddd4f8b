/** Values of random types, written in every way and read in every way, are the same. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import postgres from "postgres";
import { connect, type Connection, scalar_row, tuple_row } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { agree, RandomSchema, type RandomType, recipes } from "../support/random_types.ts";

const SEED = 20_260_301;
const SCHEMAS = 16;
const COLUMNS = 4;
const ROWS = 6;

type Row = readonly unknown[];

/** Ways to write rows into a table whose first column is their number. */
const WRITERS: Readonly<
  Record<string, (conn: Connection, table: string, rows: readonly Row[]) => Promise<unknown>>
> = {
  "execute()": async (conn, table, rows) => {
    for (const row of rows) await conn.execute(insertion(table, row), row);
  },
  "a pipeline": (conn, table, rows) =>
    Promise.all(rows.map((row) => conn.execute(insertion(table, row), row))),
  "executemany()": (conn, table, rows) => conn.executemany(insertion(table, rows[0]!), rows),
  "copy_records_from()": (conn, table, rows) => conn.copy_records_from(table, rows),
};

/** Ways to read all rows of a query. */
const READERS: Readonly<Record<string, (conn: Connection, query: string) => Promise<unknown[]>>> = {
  "execute(), cold": (conn, query) => conn.fetchall(query, null, { row_factory: tuple_row }),
  "execute(), warm": (conn, query) => conn.fetchall(query, null, { row_factory: tuple_row }),
  "one of several statements": (conn, query) =>
    conn.fetchall(`select 1; ${query}`, null, { row_factory: tuple_row }),
  "stream()": (conn, query) =>
    Array.fromAsync(conn.stream(query, null, { row_factory: tuple_row, itersize: 2 })),
  "a named cursor": async (conn, query) => {
    await using _tx = await conn.begin();
    await using cursor = await conn.cursor({ name: "c", row_factory: tuple_row, itersize: 2 });
    await cursor.execute(query);
    return await Array.fromAsync(cursor);
  },
  "copy_records_to()": (conn, query) =>
    Array.fromAsync(conn.copy_records_to(query, { row_factory: tuple_row })),
  "an anonymous record": (conn, query) =>
    conn.fetchall(`select row(t.*) from (${query}) t`, null, { row_factory: scalar_row }),
};

let database: Database;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(() => database.drop());

function insertion(table: string, row: Row): string {
  return `insert into ${table} values (${row.map((_, i) => `$${i + 1}`)})`;
}

/** A schema with types and a table for each writer, and rows for it. */
function scene(n: number): { types: RandomType[]; statements: string[]; rows: Row[] } {
  const seed = SEED + n;
  const schema = new RandomSchema(`s${n}`);
  const types = fc.sample(recipes, { seed, numRuns: COLUMNS }).map((one) => schema.make(one));
  const columns = types.map(({ sql }, i) => `c${i} ${sql}`).join(", ");
  const tables = Object.keys(WRITERS).map((_, i) => `create table w${n}_${i} (id int, ${columns})`);
  const row = fc.tuple(...types.map(({ values }) => fc.option(values)));
  const rows = fc.sample(row, { seed, numRuns: ROWS }).map((values, id) => [id, ...values]);
  return { types, statements: [...schema.statements, ...tables], rows };
}

describe("values of random types", () => {
  for (let n = 0; n < SCHEMAS; n++) {
    const { types, statements, rows } = scene(n);

    it(`are read as they were written: ${types.map(({ sql }) => sql).join(", ")}`, async () => {
      await using conn = await connect(database.url);
      await conn.execute(statements.join("; "));
      for (const [i, [writer, write]] of Object.entries(WRITERS).entries()) {
        await write(conn, `w${n}_${i}`, rows);
        await using fresh = await connect(database.url);
        for (const [reader, read] of Object.entries(READERS)) {
          const found = await read(fresh, `select * from w${n}_${i} order by id`);
          assertEquals(found, rows, `${writer}, ${reader}`);
        }
      }
      await agrees_with_peer(n, types, rows);
    });
  }
});

/** The `postgres` package knows nothing of how values are encoded here, and the server tells it the same. */
async function agrees_with_peer(n: number, types: RandomType[], rows: Row[]): Promise<void> {
  const { host, port, user, password, name } = database;
  const sql = postgres({ host, port, user, password, database: name, max: 1 });
  try {
    for (const i of Object.keys(WRITERS).keys()) {
      const found = await sql.unsafe(`select to_jsonb(t) as json from w${n}_${i} t order by id`);
      for (const [id, { json }] of found.entries()) {
        types.forEach((type, c) => agree(type, rows[id]![c + 1], json[`c${c}`]));
      }
    }
    const texts = Object.keys(WRITERS).map((_, i) => `select id, t::text from w${n}_${i} t`);
    const [{ count }] = await sql.unsafe<[{ count: number }]>(
      `select count(*)::int from (${texts.join(" union ")}) distinct_texts`,
    );
    assertEquals(count, rows.length);
  } finally {
    await sql.end();
  }
}
