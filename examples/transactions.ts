/**
 * Transfers between accounts: serializable transactions that are run again when
 * they meet, and a savepoint inside one.
 *
 * ```sh
 * DATABASE_URL=postgres://localhost/postgres deno run -A examples/transactions.ts
 * ```
 */

import process from "node:process";
import { create_pool, IntegrityError, IsolationLevel, type Pool, sql } from "../mod.ts";

const ACCOUNTS = 5;

/** Moves `amount` from one account to another; run again if another transfer got in its way. */
async function transfer(pool: Pool, from: number, to: number, amount: number): Promise<void> {
  await using conn = await pool.acquire();
  await conn.transaction(async (tx) => {
    await tx.execute("update account set balance = balance - $1 where id = $2", [amount, from]);
    await tx.execute("update account set balance = balance + $1 where id = $2", [amount, to]);
  }, { isolation_level: IsolationLevel.serializable, retry: 20 });
}

/** Tries to overdraw inside a transaction that goes on when it fails. */
async function try_to_overdraw(pool: Pool): Promise<string> {
  await using conn = await pool.acquire();
  await using tx = await conn.begin();
  await tx.execute("update account set balance = balance + 1 where id = 1");
  try {
    await tx.begin_nested(async (inner) => {
      await inner.execute("update account set balance = balance - 1000000 where id = 2");
    });
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    await tx.commit(); // keeps what was done outside the nested scope
    return error.diag?.constraint_name ?? "unnamed";
  }
  return "nothing";
}

const SCHEMA = "edgepg_transactions"; // of its own, so that no table of yours is in the way

await using pool = await create_pool(process.env["DATABASE_URL"], {
  maxsize: 5,
  server_settings: { search_path: SCHEMA },
});
await pool.execute(sql`drop schema if exists ${sql.identifier(SCHEMA)} cascade`);
await pool.execute(sql`create schema ${sql.identifier(SCHEMA)}`);
await pool.execute(
  "create table account (id int primary key, balance int constraint not_overdrawn check (balance >= 0))",
);
await pool.execute("insert into account select i, 100 from generate_series(1, $1::int) i", [
  ACCOUNTS,
]);

const transfers = Array.from(
  { length: 50 },
  (_, i) => transfer(pool, 1 + i % ACCOUNTS, 1 + (i + 1) % ACCOUNTS, 1),
);
await Promise.all(transfers);
console.log(`${transfers.length} transfers at once, and nothing is lost:`);
console.log(
  await pool.fetchone("select sum(balance)::int, count(*)::int as accounts from account"),
);
console.log(`refused by the constraint ${await try_to_overdraw(pool)}; the transaction went on`);
await pool.execute(sql`drop schema ${sql.identifier(SCHEMA)} cascade`);
