/**
 * Testing an application with no server: the database is a PGlite in this process. The schema is made
 * once; each test gets the tables as the schema left them.
 *
 * ```sh
 * deno run -A examples/unit_test.ts
 * bun examples/unit_test.ts
 * node examples/unit_test.ts
 * ```
 */

import { PGlite } from "@electric-sql/pglite";
import { deepEqual, equal, rejects } from "node:assert/strict";
import { create_pool, IntegrityError, type Pool } from "../src/entries/pglite.ts";

const SCHEMA = `
  create table item (name text primary key, stock int not null constraint in_stock check (stock >= 0));
  create table "order" (id int generated always as identity, item text references item, amount int);
  insert into item values ('lamp', 5)`;

/** The application, which knows nothing of PGlite: in production its pool is another. */
async function place_order(pool: Pool, item: string, amount: number): Promise<number> {
  await using conn = await pool.acquire();
  return await conn.transaction(async (tx) => {
    await tx.execute("update item set stock = stock - $1 where name = $2", [amount, item]);
    const insert = `insert into "order" (item, amount) values ($1, $2) returning id`;
    const id = await tx.fetchval<number>(insert, [item, amount]);
    await tx.execute("select pg_notify('orders', $1)", [String(id)]);
    return id!;
  });
}

const TESTS: Record<string, (pool: Pool) => Promise<void>> = {
  async "an order takes from the stock"(pool) {
    equal(await place_order(pool, "lamp", 2), 1);
    deepEqual(await pool.fetchall("select * from item"), [{ name: "lamp", stock: 3 }]);
  },

  async "no order exceeds the stock"(pool) {
    await rejects(place_order(pool, "lamp", 6), IntegrityError);
    equal(await pool.fetchval(`select count(*) from "order"`), 0n);
  },

  async "orders at once take their turns"(pool) {
    await Promise.all([1, 2, 1].map((amount) => place_order(pool, "lamp", amount)));
    equal(await pool.fetchval("select stock from item"), 1);
  },
};

/** The database as the schema leaves it; a copy of it is ready sooner than a new one. */
async function snapshot(): Promise<Blob> {
  const pglite = await PGlite.create();
  await pglite.exec(SCHEMA);
  const copy = await pglite.dumpDataDir("none");
  await pglite.close();
  return copy;
}

const loadDataDir = await snapshot();
for (const [name, test] of Object.entries(TESTS)) {
  // As the application calls it, but for the last option. The database goes with the pool.
  await using pool = await create_pool({ maxsize: 10, pglite: { loadDataDir } });
  await test(pool);
  console.log(`ok: ${name}`);
}
console.log(`${Object.keys(TESTS).length} passed, on PostgreSQL in this process`);
