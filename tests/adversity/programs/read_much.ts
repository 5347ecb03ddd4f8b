/**
 * Reads much in one way and prints, as JSON, what that was and by how many MiB the process grew.
 * Arguments: the database's URL; the way.
 *
 * @module
 */

import process from "node:process";
import { connect, type Connection } from "../../../mod.ts";

const MIB = 1 << 20;
/** What comes first may fill caches, compile code and grow the heap to its usual size. */
const WARM_UP = 0.1;

let read = 0;
let before = 0;
let most = 0;

/** Counts; at the end of the warm-up the size that counts is taken, later the largest. */
function saw(amount: number, total: number): void {
  const checked = Math.floor(read / total * 200);
  read += amount;
  if (Math.floor(read / total * 200) === checked) return;
  const { rss } = process.memoryUsage();
  if (read <= total * WARM_UP) before = Math.max(before, rss);
  most = Math.max(most, rss);
}

const ROWS = 2_000_000;
const BYTES = 512 * MIB;
const QUERY = `select n, n::text || ' of many' as text, now() as at, n % 2 = 0 as even
  from generate_series(1, ${ROWS}) n`;

const WAYS: Readonly<Record<string, (conn: Connection) => Promise<void>>> = {
  async stream(conn) {
    for await (const _ of conn.stream(QUERY)) {
      saw(1, ROWS);
    }
  },
  async copy_records_to(conn) {
    for await (const _ of conn.copy_records_to(QUERY)) saw(1, ROWS);
  },
  async named_cursor(conn) {
    await using _tx = await conn.begin();
    await using cursor = await conn.cursor({ name: "much" });
    await cursor.execute(QUERY);
    for await (const _ of cursor) saw(1, ROWS);
  },
  async copy_to(conn) {
    const line = `select repeat('x', 1023) from generate_series(1, ${BYTES / 1024})`;
    for await (const chunk of conn.copy_to(`copy (${line}) to stdout`)) saw(chunk.length, BYTES);
  },
};

const [url, way] = process.argv.slice(2);
const conn = await connect(url!);
await WAYS[way!]!(conn);
await conn.close();
console.log(JSON.stringify({ read, grew: Math.round((most - before) / MIB) }));
