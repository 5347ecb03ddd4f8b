/**
 * Two hundred transactions at once over ten connections, while backends are killed and sockets cut.
 *
 * Each row that they write tells the backend and the transaction that the server wrote it in. This
 * is held against who had borrowed which backend, and what the callers were told against what the
 * table has in the end.
 *
 * Bounded by work; `EDGEPG_TORTURE_SECONDS=60` makes it a matter of time.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import process from "node:process";
import {
  connect,
  type Connection,
  create_pool,
  InterfaceError,
  OperationalError,
  PgError,
  type Pool,
  type Queryable,
} from "../../mod.ts";
import { no_escapes } from "../adapters/peer.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { Proxy } from "./proxy.ts";

const CONNECTIONS = 10;
const TRANSACTIONS = 200;
/** Rows that each transaction writes. */
const ROWS = 4;
/** Rows between one kill and the next. */
const PEACE = 10;
/** Seconds of one test, where time is what bounds it. */
const SHARE = 10;

const INSERT = `insert into ledger values ($1, $2, pg_backend_pid(), pg_current_xact_id()::text)
  returning pid, xid`;

/** What became of a transaction, as its caller knows. */
type Outcome = "committed" | "rolled back" | "unknown";

interface Row {
  readonly pid: number;
  readonly xid: string;
}

let database: Database;
let seed = Number(process.env["EDGEPG_TORTURE_SEED"] ?? 1);

/** From 0 to 1, the same ones in each run: mulberry32. */
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

function pick<T>(items: readonly T[]): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/** One storm: its pool, the way to it, and who kills. */
class Storm implements AsyncDisposable {
  readonly outcomes: Map<number, Outcome> = new Map();
  readonly failures: unknown[] = [];
  readonly problems: string[] = [];
  readonly pool: Pool;
  readonly #proxy: Proxy;
  readonly #control: Connection;
  readonly #lent: Map<number, number> = new Map(); // by backend, the transaction that has it
  readonly #kills: Promise<unknown>[] = [];
  #written = 0;

  private constructor(proxy: Proxy, control: Connection, pool: Pool) {
    this.#proxy = proxy;
    this.#control = control;
    this.pool = pool;
  }

  static async begin(): Promise<Storm> {
    const proxy = await Proxy.open(database);
    const control = await connect(database.url);
    await control.execute(`drop table if exists ledger;
      create table ledger (tx int, n int, pid int, xid text)`);
    const pool = await create_pool(proxy.through(database.url), {
      application_name: "torture",
      minsize: CONNECTIONS,
      maxsize: CONNECTIONS,
      on_warning() {}, // some are released in the middle
    });
    return new Storm(proxy, control, pool);
  }

  get kills(): number {
    return this.#kills.length;
  }

  /** Runs one transaction in one of the ways; never rejects. */
  async run(id: number): Promise<void> {
    this.outcomes.set(id, "rolled back");
    const way = WAYS[id % WAYS.length]!;
    try {
      await this.#borrowed(id, (conn) => way(this, conn, id));
    } catch (error) {
      if (error instanceof OperationalError && error.sqlstate === "08007") {
        this.outcomes.set(id, "unknown");
      }
      this.failures.push(error);
    }
  }

  /** Writes a row, and checks where that happened. */
  async write(on: Queryable, conn: Connection, id: number, n: number): Promise<void> {
    this.saw(await on.fetchone<Row>(INSERT, [id, n]) as Row, conn, id);
  }

  /** A statement has run. */
  saw({ pid }: Row, conn: Connection, id: number): void {
    if (pid !== conn.get_backend_pid()) this.problems.push(`${id} ran on another backend`);
    if (this.#lent.get(pid) !== id) this.problems.push(`${id} ran on a backend that it gave back`);
    if (++this.#written % PEACE === 0) this.#kills.push(this.#kill());
  }

  async #borrowed(id: number, fn: (conn: Connection) => Promise<void>): Promise<void> {
    const conn = await this.pool.acquire();
    const pid = conn.get_backend_pid();
    if (this.#lent.has(pid)) {
      this.problems.push(`${id} and ${this.#lent.get(pid)} have one backend`);
    }
    this.#lent.set(pid, id);
    try {
      await fn(conn);
    } finally {
      this.#lent.delete(pid);
      await this.pool.release(conn);
    }
  }

  async #kill(): Promise<void> {
    if (random() < 0.5) {
      const tunnel = pick(this.#proxy.tunnels);
      return tunnel?.cut(random() < 0.5 ? "reset" : "end");
    }
    await this.#control.execute(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'torture' order by random() limit 1`,
    );
  }

  /** What the table has of each transaction must be what its caller was told. */
  async check_outcomes(): Promise<void> {
    await Promise.all(this.#kills);
    await this.backends(({ active }) => active === 0);
    const found = await this.#control.fetchall<
      { tx: number; rows: number; pids: number; xids: number }
    >(
      `select tx, count(*)::int as rows, count(distinct pid)::int as pids,
              count(distinct xid)::int as xids from ledger group by tx`,
    );
    const by_id = new Map(found.map((row) => [row.tx, row]));
    for (const [id, outcome] of this.outcomes) {
      const { rows, pids, xids } = by_id.get(id) ?? { rows: 0, pids: 1, xids: 1 };
      const right = outcome === "unknown" ? [0, ROWS] : [outcome === "committed" ? ROWS : 0];
      if (!right.includes(rows)) this.problems.push(`${id}: ${outcome}, but has ${rows} rows`);
      if (pids !== 1 || xids !== 1) this.problems.push(`${id}: in ${xids} on ${pids} backends`);
    }
  }

  /** The pool is as good as before, and the server has its sessions and no others. */
  async check_pool(): Promise<void> {
    const { used, waiting } = this.pool.stats();
    assertEquals({ used, waiting }, { used: 0, waiting: 0 });
    const all = await Promise.all(Array.from({ length: CONNECTIONS }, () => this.pool.acquire()));
    const pids = await Promise.all(all.map((conn) => conn.fetchval("select pg_backend_pid()")));
    assertEquals(new Set(pids).size, CONNECTIONS);
    for (const conn of all) await this.pool.release(conn);
    assertEquals([this.pool.size, this.pool.freesize], [CONNECTIONS, CONNECTIONS]);
    await this.backends(({ all }) => all === CONNECTIONS);
  }

  /** Settles when the server's sessions are as wanted. */
  async backends(
    wanted: (counts: { readonly all: number; readonly active: number }) => boolean,
  ): Promise<void> {
    const query =
      `select count(*)::int as all, (count(*) filter (where state <> 'idle'))::int as active
                   from pg_stat_activity where application_name = 'torture'`;
    while (!wanted(await this.#control.fetchone(query) as never));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pool.terminate();
    await this.pool.wait_closed();
    await this.backends(({ all }) => all === 0);
    await this.#control.close();
    await this.#proxy[Symbol.asyncDispose]();
  }
}

/** The ways to run a transaction on a borrowed connection. */
const WAYS: readonly ((storm: Storm, conn: Connection, id: number) => Promise<void>)[] = [
  async function by_function(storm, conn, id) {
    await conn.transaction(async (tx) => {
      for (let n = 0; n < ROWS; n++) await storm.write(tx, conn, id, n);
    });
    storm.outcomes.set(id, "committed");
  },

  async function by_handle(storm, conn, id) {
    await using tx = await conn.begin();
    for (let n = 0; n < ROWS; n++) await storm.write(tx, conn, id, n);
    await tx.commit();
    storm.outcomes.set(id, "committed");
  },

  async function by_statements(storm, conn, id) {
    await conn.execute("begin");
    for (let n = 0; n < ROWS; n++) await storm.write(conn, conn, id, n);
    await conn.execute("commit");
    storm.outcomes.set(id, "committed");
  },

  async function pipelined(storm, conn, id) {
    await conn.transaction(async (tx) => {
      const writes = Array.from({ length: ROWS }, (_, n) => storm.write(tx, conn, id, n));
      const settled = await Promise.allSettled(writes);
      const failed = settled.find(({ status }) => status === "rejected");
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    });
    storm.outcomes.set(id, "committed");
  },

  async function nested(storm, conn, id) {
    await conn.transaction(async (tx) => {
      for (let n = 0; n < ROWS; n++) {
        await tx.begin_nested(async (inner) => await storm.write(inner, conn, id, n));
      }
    });
    storm.outcomes.set(id, "committed");
  },

  async function streamed(storm, conn, id) {
    await conn.transaction(async (tx) => {
      const query = `insert into ledger
        select $1, n, pg_backend_pid(), pg_current_xact_id()::text from generate_series(1, $2::int) n
        returning pid, xid`;
      for await (const row of tx.stream<Row>(query, [id, ROWS], { itersize: 1 })) {
        storm.saw(row, conn, id);
      }
    });
    storm.outcomes.set(id, "committed");
  },

  async function many_at_once(storm, conn, id) {
    const sets = Array.from({ length: ROWS }, (_, n) => [id, n]);
    storm.outcomes.set(id, "unknown"); // if the answer is lost: the statement commits by itself
    const { rows } = await conn.executemany<Row>(INSERT, sets, { returning: true });
    storm.outcomes.set(id, "committed");
    for (const row of rows) storm.saw(row, conn, id);
  },

  async function left_open(storm, conn, id) {
    await conn.begin();
    for (let n = 0; n < ROWS; n++) await storm.write(conn, conn, id, n);
  },

  async function left_running(storm, conn, id) {
    const tx = await conn.begin();
    await storm.write(tx, conn, id, 0);
    tx.execute("select pg_sleep(3)").catch((error) => {
      if (!(error instanceof InterfaceError)) storm.failures.push(error); // it was released, or lost
    });
  },

  async function aborted(storm, conn, id) {
    const stop = new AbortController();
    await conn.transaction(async (tx) => {
      await storm.write(tx, conn, id, 0);
      const sleeping = tx.execute("select pg_sleep(3)", null, { signal: stop.signal });
      stop.abort(new OperationalError("enough"));
      await sleeping;
    });
  },

  async function stubborn(storm, conn, id) {
    const tx = await conn.begin();
    try {
      for (let n = 0; n < ROWS; n++) await storm.write(tx, conn, id, n);
      await tx.commit();
      storm.outcomes.set(id, "committed");
    } catch (error) {
      for (const on of [tx, conn]) {
        const again: unknown = await on.fetchval("select 1").catch((error) => error);
        if (!(again instanceof PgError)) storm.problems.push(`${id} went on, with ${again}`);
      }
      throw error;
    }
  },
];

async function storm(): Promise<void> {
  await using storm = await Storm.begin();
  const ids = Array.from({ length: TRANSACTIONS }, (_, id) => id);
  await Promise.all(ids.map((id) => storm.run(id)));
  await storm.check_outcomes();
  await storm.check_pool();
  assertEquals(storm.problems, []);
  for (const failure of storm.failures) assertInstanceOf(failure, OperationalError);
  const committed = [...storm.outcomes.values()].filter((outcome) => outcome === "committed");
  assert(storm.kills > TRANSACTIONS * ROWS / PEACE / 4, `${storm.kills} kills`);
  assert(committed.length > TRANSACTIONS / 4, `${committed.length} committed`);
}

describe("Pool, while its connections are killed,", () => {
  no_escapes();

  beforeAll(async () => {
    database = await fresh_database();
  });

  afterAll(async () => {
    await database.drop();
  });

  const seconds = Number(process.env["EDGEPG_TORTURE_SECONDS"] ?? 0);
  for (let share = 1; share <= Math.max(3, seconds / SHARE); share++) {
    it(`keeps every transaction on one backend, and every promise (${share})`, async () => {
      const end = performance.now() + (seconds > 0 ? SHARE * 1000 : 0);
      do await storm(); while (performance.now() < end);
    });
  }
});
