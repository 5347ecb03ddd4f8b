/**
 * What must hold on every runtime behind a pooler that lends a server connection for a transaction.
 *
 * Law: as in checks.ts; but the URL leads through a pooler to few server connections, and what a
 * check does on one may be seen by the next.
 *
 * @module
 */

import {
  type Connection,
  DataError,
  IntegrityError,
  InterfaceError,
  scalar_row,
  sql,
  TimeoutError,
} from "../../src/entries/public.ts";
import type { Check } from "./checks.ts";
import { equal, rejects } from "./expect.ts";

const OPTIONS = { pooler: "transaction", row_factory: scalar_row } as const;
const PID = "select pg_backend_pid()";
const NUMBERS = "select n::int4 from generate_series(1, $1::int4) as n";

/** A table that goes with the check, of a name that no other has. */
async function with_table(
  conn: Connection,
  work: (table: string) => Promise<void>,
): Promise<void> {
  const table = `t_${crypto.randomUUID().replaceAll("-", "")}`;
  await conn.execute(`create table ${table} (a int4 primary key, b text)`);
  try {
    await work(table);
  } finally {
    await conn.execute(`drop table ${table}`);
  }
}

/** All checks by name. */
export const POOLER_CHECKS: Readonly<Record<string, Check>> = {
  async "runs statements, each on any server connection"(api, url) {
    await using conn = await api.connect(url, OPTIONS);
    const pids = new Set<unknown>();
    for (let i = 0; i < 6; i++) pids.add(await conn.fetchval(PID));
    equal(pids.size > 1, true);
    const many = Array.from({ length: 30 }, (_, i) => i);
    const answers = many.map((i) => conn.fetchval(`select $1::int4 + ${i % 5}`, [i]));
    equal(await Promise.all(answers), many.map((i) => i + i % 5));
    equal(await conn.fetchall("select unnest($1::text[])", [["a", null]]), ["a", null]);
  },

  async "tells each statement its own error"(api, url) {
    await using conn = await api.connect(url, OPTIONS);
    const before = conn.fetchval("select 1");
    const failing = rejects(() => conn.fetchval("select 1 / $1::int4", [0]), DataError);
    const after = conn.fetchval("select 2");
    equal([await before, (await failing).sqlstate, await after], [1, "22012", 2]);
  },

  async "keeps a transaction on one server connection"(api, url) {
    await using conn = await api.connect(url, OPTIONS);
    await with_table(conn, async (table) => {
      await conn.transaction(async (tx) => {
        const pid = await tx.fetchval(PID);
        for (let i = 0; i < 4; i++) {
          await tx.execute(`insert into ${table} values ($1)`, [i]);
          equal(await tx.fetchval(PID), pid);
        }
        const again = () => tx.point((point) => point.execute(`insert into ${table} values (0)`));
        await rejects(again, IntegrityError);
      });
      const failing = conn.transaction(async (tx) => {
        await tx.execute(`insert into ${table} values (9)`);
        throw new RangeError("no");
      });
      await rejects(() => failing, RangeError);
      equal(await conn.fetchall(`select a from ${table} order by a`), [0, 1, 2, 3]);
    });
  },

  async "streams rows, in a transaction and outside"(api, url) {
    await using conn = await api.connect(url, OPTIONS);
    let sum = 0;
    for await (const n of conn.stream<number>(NUMBERS, [1000], { itersize: 70 })) sum += n;
    equal(sum, 500_500);
    for await (const _ of conn.stream(NUMBERS, [1000], { itersize: 10 })) break;
    await conn.transaction(async (tx) => {
      for await (const n of tx.stream<number>(NUMBERS, [30], { itersize: 4 })) {
        equal(await tx.fetchval("select $1::int4", [n]), n);
      }
    });
    equal(await conn.fetchval("select 'usable'"), "usable");
  },

  async "copies, and runs one statement for many sets of parameters"(api, url) {
    await using conn = await api.connect(url, OPTIONS);
    await with_table(conn, async (table) => {
      const sets = Array.from({ length: 200 }, (_, i) => [i, `row ${i}`]);
      equal(
        (await conn.executemany(`insert into ${table} values ($1, $2)`, sets)).rowcount,
        200,
      );
      const more = sets.map(([i, text]) => [1000 + Number(i), text]);
      equal(await conn.copy_records_from(table, more), 200);
      const read = await Array.fromAsync(conn.copy_records_to(`select a from ${table}`));
      equal(read.length, 400);
    });
  },

  async "cancels its own statement, and nobody else's"(api, url) {
    await using conn = await api.connect(url, OPTIONS);
    await using other = await api.connect(url, OPTIONS);
    for (let i = 0; i < 3; i++) {
      const slow = () => conn.execute("select pg_sleep(60)", [], { timeout: 0.05 });
      const late = rejects(slow, TimeoutError);
      equal(await other.fetchval("select $1::int4", [i]), i);
      await late;
      equal(await conn.fetchval("select $1::int4", [i]), i);
    }
  },

  async "serves more callers of a pool than there are server connections"(api, url) {
    await using pool = await api.create_pool(url, { ...OPTIONS, minsize: 0, maxsize: 8 });
    const tasks = Array.from({ length: 16 }, async (_, task) => {
      for (let i = 0; i < 5; i++) equal(await pool.fetchval(sql`select ${task}::int4`), task);
      await using lease = await pool.acquire();
      await lease.transaction(async (tx) => {
        equal(await tx.fetchval(PID), await tx.fetchval(PID));
      });
    });
    await Promise.all(tasks);
  },

  async "refuses to listen by a pool"(api, url) {
    await using pool = await api.create_pool(url, { ...OPTIONS, minsize: 0 });
    await rejects(() => pool.listen("news"), InterfaceError, /transaction pooler/);
  },
};
