/**
 * The first five minutes with edgepg: a pool, tasks that share it, a cursor that
 * streams. It reads the server's own catalogue, so it needs no tables of yours.
 *
 * ```sh
 * deno task demo                                     # starts a PostgreSQL of its own
 * DATABASE_URL=postgres://localhost/postgres deno run -A examples/quickstart.ts
 * DATABASE_URL=postgres://localhost/postgres bun examples/quickstart.ts
 * DATABASE_URL=postgres://localhost/postgres node examples/quickstart.ts
 * ```
 */

import process from "node:process";
import { create_pool, type Pool } from "../mod.ts";

interface RoutineRow {
  schema: string;
  name: string;
  result: string;
}

/** Asks for one count on a connection of its own. */
async function count(pool: Pool, what: string, query: string): Promise<string> {
  await using conn = await pool.acquire();
  const rows = await conn.fetchval<bigint>(query);
  return `${what}: ${rows} (backend ${conn.get_backend_pid()})`;
}

/** Streams every function that the server knows, a batch at a time, and tallies what they return. */
async function tally_functions(pool: Pool): Promise<Map<string, number>> {
  await using conn = await pool.acquire();
  const tally = new Map<string, number>();
  const routines = conn.stream<RoutineRow>(
    `select n.nspname as schema, p.proname as name, format_type(p.prorettype, null) as result
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace`,
    [],
    { itersize: 500 },
  );
  let seen = 0;
  for await (const { result } of routines) {
    tally.set(result, (tally.get(result) ?? 0) + 1);
    if (++seen % 1000 === 0) console.log(`  ${seen} functions so far`);
  }
  console.log(`  ${seen} functions in all`);
  return tally;
}

async function main(): Promise<void> {
  await using pool = await create_pool(process.env["DATABASE_URL"], { maxsize: 4 });

  await using conn = await pool.acquire();
  await using cur = await conn.cursor();
  await cur.execute("select name, setting from pg_settings where name like $1 order by name", [
    "server%",
  ]);
  for await (const { name, setting } of cur) console.log(`${name} = ${setting}`);

  console.log("\nfour tasks at once:");
  const counts = await Promise.all([
    count(pool, "settings", "select count(*) from pg_settings"),
    count(pool, "types", "select count(*) from pg_type"),
    count(pool, "operators", "select count(*) from pg_operator"),
    count(pool, "collations", "select count(*) from pg_collation"),
  ]);
  for (const line of counts) console.log(`  ${line}`);

  console.log("\na stream of functions:");
  const tally = await tally_functions(pool);
  const most_common = [...tally].sort((a, b) => b[1] - a[1]).slice(0, 5);
  console.log("\nmost common results:");
  for (const [type, functions] of most_common) {
    console.log(`  ${type.padEnd(20)} ${String(functions).padStart(5)}`);
  }
  console.log(`\npool: ${pool.size} of at most ${pool.maxsize} connections, ${pool.freesize} free`);
}

await main();
