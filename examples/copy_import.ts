/**
 * Imports rows by COPY from a source that never ends up in memory, and shows how far it is.
 *
 * The source here makes its rows up; yours may be a file or a response body. COPY holds it back
 * when the server is slower, and all of it is one statement: after an error nothing was imported.
 *
 * ```sh
 * DATABASE_URL=postgres://localhost/postgres deno run -A examples/copy_import.ts
 * ```
 */

import process from "node:process";
import { connect, DataError } from "../mod.ts";

const ROWS = 200_000;

/** A made-up year of measurements, as records. */
async function* measurements(count: number): AsyncGenerator<[Date, string, number]> {
  const start = Date.UTC(2026, 0, 1);
  for (let i = 0; i < count; i++) {
    if (i % 50_000 === 0) {
      console.log(`  ${i} of ${count} handed over`);
      await Promise.resolve(); // where a real source would wait for its file
    }
    yield [new Date(start + i * 60_000), `station ${i % 7}`, Math.sin(i / 100)];
  }
}

await using conn = await connect(process.env["DATABASE_URL"]);
await conn.execute("create temp table measurement (at timestamptz, station text, value float8)");

console.log("records, in the binary format:");
const count = await conn.copy_records_from("measurement", measurements(ROWS));
console.log(`  ${count} imported`);

console.log("text, as it comes, with a mistake in its last line:");
const lines = ["2027-01-01T00:00:00Z\tnorth\t1.5\n", "2027-01-02T00:00:00Z\tnorth\tmany\n"];
try {
  await new Blob(lines).stream().pipeTo(conn.copy_from("copy measurement from stdin"));
} catch (error) {
  if (!(error instanceof DataError)) throw error;
  console.log(`  ${error.diag?.message_primary}; ${error.diag?.context}`);
}

const total = await conn.fetchval<bigint>("select count(*) from measurement");
console.log(`rows in the table: ${total}`);
