/**
 * Every call that takes a signal, aborted at every moment: before it, after each microtask, and after
 * any number of bytes that it sent or was sent, until it is through before the signal is.
 *
 * Law: it rejects with the signal's reason, or completes. The connection is usable at once, the same
 * session as before, outside any transaction; the pool counts as before; what is to be atomic is.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect, type Connection, create_pool, type Pool, TransactionStatus } from "../../mod.ts";
import { no_escapes } from "../adapters/peer.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { server_pid } from "../support/sessions.ts";
import { type Direction, Proxy } from "./proxy.ts";

/** Microtasks that any call is through with its own work in. */
const MICROTASKS = 40;
/** Bytes between one moment and the next. */
const STEP = 13;
/** Rows that calls write, all or none. */
const ROWS = 5;

const reason = new RangeError("stop");
const rows = Array.from({ length: ROWS }, (_, n) => [n]);
const INSERT = "insert into items values ($1)";
const SERIES = "select n, repeat('x', 20) as x from generate_series(1, 9) n";

async function* in_time<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

async function iterate(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of rows);
}

type On<T> = (on: T, signal: AbortSignal) => Promise<unknown>;

/** Calls on a connection. They leave nothing open. */
const ON_CONNECTIONS: Readonly<Record<string, On<Connection>>> = {
  "execute()": (conn, signal) => conn.execute("select 1", null, { signal }),
  "execute() with parameters": (conn, signal) =>
    conn.execute("select $1::int, $2::text", [1, "a"], { signal }),
  "execute() whose parameters must be described": (conn, signal) =>
    conn.execute("select $1::jsonb, $2::int[]", [{ a: 1 }, [1]], { signal }),
  "execute() with types that must be looked up": (conn, signal) =>
    conn.execute(`select '(1,a)'::pair as "${crypto.randomUUID()}"`, null, { signal }),
  "several statements": (conn, signal) =>
    conn.execute("select 1; select 2; insert into items values (0)", null, { signal }),
  "one of a pipeline": async (conn, signal) => {
    const before = conn.fetchval("select 1");
    const call = conn.execute("select 2", null, { signal });
    const behind = conn.fetchval("select 3");
    const [first, last] = await Promise.allSettled([before, behind, call]);
    assertEquals([first, last].map((one) => one.status === "fulfilled" && one.value), [1, 3]);
    await call;
  },
  "executemany()": (conn, signal) => conn.executemany(INSERT, rows, { signal }),
  "executemany(), its source in time": (conn, signal) =>
    conn.executemany(INSERT, in_time(rows), { signal }),
  "stream()": (conn, signal) => iterate(conn.stream(SERIES, null, { itersize: 2, signal })),
  "stream() in a transaction": async (conn, signal) => {
    await using tx = await conn.begin();
    await iterate(tx.stream(SERIES, null, { itersize: 2, signal }));
  },
  "copy_to()": (conn, signal) => iterate(conn.copy_to(`copy (${SERIES}) to stdout`, { signal })),
  "copy_from()": (conn, signal) =>
    new Blob(["0\n1\n2\n", "3\n4\n"]).stream().pipeTo(
      conn.copy_from("copy items from stdin", { signal }),
    ),
  "copy_records_to()": (conn, signal) => iterate(conn.copy_records_to(SERIES, { signal })),
  "copy_records_from()": (conn, signal) => conn.copy_records_from("items", rows, { signal }),
  "copy_records_from(), its source in time": (conn, signal) =>
    conn.copy_records_from("items", in_time(rows), { signal }),
  "transaction()": (conn, signal) =>
    conn.transaction(async (tx) => {
      for (const row of rows) await tx.execute(INSERT, row);
    }, { signal }),
  "transaction() with nested ones": (conn, signal) =>
    conn.transaction(async (tx) => {
      await tx.point((inner) => inner.executemany(INSERT, rows));
    }, { signal }),
  "begin(), and statements behind it": async (conn, signal) => {
    await using tx = await conn.begin({ signal });
    const written = rows.map((row) => tx.execute(INSERT, row));
    await Promise.allSettled(written);
    await Promise.all(written);
    await tx.commit({ signal });
  },
  "a cursor": async (conn, signal) => {
    await using cursor = await conn.cursor();
    await cursor.execute(SERIES, null, { signal });
    await cursor.callproc("sqrt", [4], { signal });
    await cursor.mogrify("select $1", ["a'b"], { signal });
  },
  "a named cursor": async (conn, signal) => {
    await using _tx = await conn.begin();
    await using cursor = await conn.cursor({ name: "aborted", itersize: 2 });
    await cursor.execute(SERIES, null, { signal });
    await cursor.fetchmany(3);
  },
  "a large object": async (conn, signal) => {
    await using tx = await conn.begin();
    const object = await tx.lobject(0, "rw", { signal });
    await object.write("four", { signal });
    await object.seek(0, 0, { signal });
    await object.read(9, { signal });
    await object.unlink({ signal });
  },
  "listen(), notify() and a wait": async (conn, signal) => {
    await conn.listen("aborted", { signal });
    await conn.notify("aborted", "payload", { signal });
    await conn.notifies.get({ signal });
    await conn.unlisten("aborted", { signal });
  },
  "set_session() and reset()": async (conn, signal) => {
    await conn.set_session({ readonly: false, signal });
    await conn.reset({ signal });
  },
  "two phases": async (conn, signal) => {
    try {
      await conn.tpc_begin("aborted", { signal });
      await conn.execute("select 1", null, { signal });
      await conn.tpc_prepare({ signal });
      await conn.tpc_rollback(undefined, { signal });
    } finally { // where the end was given up, only the server knows
      await conn.reset();
      for (const xid of await conn.tpc_recover()) await conn.tpc_rollback(xid);
    }
  },
};

/** Calls on a pool. */
const ON_POOLS: Readonly<Record<string, On<Pool>>> = {
  "execute()": (pool, signal) => pool.execute("select $1::int", [1], { signal }),
  "executemany()": (pool, signal) => pool.executemany(INSERT, rows, { signal }),
  "stream()": (pool, signal) => iterate(pool.stream(SERIES, null, { itersize: 2, signal })),
  "copy_to()": (pool, signal) => iterate(pool.copy_to(`copy (${SERIES}) to stdout`, { signal })),
  "copy_from()": (pool, signal) =>
    new Blob(["0\n1\n2\n3\n4\n"]).stream().pipeTo(
      pool.copy_from("copy items from stdin", { signal }),
    ),
  "copy_records_to()": (pool, signal) => iterate(pool.copy_records_to(SERIES, { signal })),
  "copy_records_from()": (pool, signal) => pool.copy_records_from("items", rows, { signal }),
  "cursor()": async (pool, signal) => {
    await using cursor = await pool.cursor({ signal });
    await cursor.execute("select 1", null, { signal });
  },
  "acquire(), as another releases": async (pool, signal) => {
    const lent = await pool.acquire();
    await lent.execute("set application_name = 'changed'"); // so that there is something to reset
    const next = pool.acquire({ signal });
    await Promise.allSettled([next, pool.release(lent)]);
    await pool.release(await next);
  },
  "acquire(), as a new one is opened": async (pool, signal) => {
    await pool.clear();
    await pool.release(await pool.acquire({ signal }));
  },
};

let database: Database;
let direct: Connection;
let proxy: Proxy;
let pool: Pool;

/** Arms a signal to abort at one moment. */
type Arm = (abort: () => void) => void;

function after_microtasks(count: number): Arm {
  return async (abort) => {
    for (let n = 0; n < count; n++) await null;
    abort();
  };
}

/** Of a connection that is open, or of the next. */
function after_bytes(direction: Direction, bytes: number): Arm {
  return (abort) => {
    for (const tunnel of proxy.tunnels) tunnel.mark(direction, bytes, abort);
    proxy.on_tunnel = (tunnel) => tunnel.mark(direction, bytes, abort);
  };
}

/** Runs a call with the signal armed. False if it was through before. */
async function run<T>(call: On<T>, on: T, arm: Arm): Promise<boolean> {
  const stop = new AbortController();
  arm(() => stop.abort(reason));
  try {
    await call(on, stop.signal);
  } catch (error) {
    assertEquals(error, reason);
  }
  proxy.on_tunnel = () => {};
  for (const tunnel of proxy.tunnels) tunnel.unmark();
  return stop.signal.aborted;
}

/** Runs `attempt` with every arm. */
async function at_every_moment(attempt: (arm: Arm) => Promise<boolean>): Promise<void> {
  for (let count = 0; count < MICROTASKS; count++) await attempt(after_microtasks(count));
  for (const direction of ["up", "down"] as const) {
    let moments = 0;
    while (await attempt(after_bytes(direction, moments * STEP))) moments++;
    assert(moments > 0, direction);
  }
}

/** How many rows were written since this was asked last. */
async function written(): Promise<number> {
  return (await direct.execute("delete from items")).rowcount;
}

/** The pool has its one connection back, and the server no other. */
async function nothing_is_left(): Promise<void> {
  const { used, waiting, opening, lost } = pool.stats();
  assertEquals({ used, waiting, opening, lost }, { used: 0, waiting: 0, opening: 0, lost: 0 });
  const sessions = `select count(*)::int from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`;
  while (await direct.fetchval(sessions) !== pool.size);
  assertEquals(pool.size, 1);
}

describe("An AbortSignal, at any moment,", () => {
  no_escapes();

  beforeAll(async () => {
    database = await fresh_database();
    direct = await connect(database.url);
    await direct.execute("create table items (n int); create type pair as (a int, b text)");
    proxy = await Proxy.open(database);
    const way = proxy.through(database.url);
    pool = await create_pool(way, { maxsize: 1, on_warning() {} });
  });

  afterAll(async () => {
    await pool[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await direct.close();
    await database.drop();
  });

  for (const [name, call] of Object.entries(ON_CONNECTIONS)) {
    it(`ends ${name} on a connection, and nothing else`, async () => {
      await using conn = await pool.acquire();
      await call(conn, new AbortController().signal);
      const whole = await written();
      const session = await server_pid(conn);
      await at_every_moment(async (arm) => {
        const aborted = await run(call, conn, arm);
        assertEquals(await conn.fetchval("select pg_backend_pid()"), session);
        assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
        const count = await written();
        assert(count === whole || (aborted && count === 0), `${count} of ${whole} rows`);
        return aborted;
      });
    });
  }

  for (const [name, call] of Object.entries(ON_POOLS)) {
    it(`ends ${name} on a pool, and nothing else`, async () => {
      await call(pool, new AbortController().signal);
      const whole = await written();
      await at_every_moment(async (arm) => {
        const aborted = await run(call, pool, arm);
        assertEquals(await pool.fetchval("select 1"), 1);
        const count = await written();
        assert(count === whole || (aborted && count === 0), `${count} of ${whole} rows`);
        return aborted;
      });
      await nothing_is_left();
    });
  }

  for (const open of [connect, create_pool]) {
    it(`ends ${open.name}(), which leaves no session`, async () => {
      await pool.clear();
      await at_every_moment(async (arm) => {
        const way = proxy.through(database.url);
        return await run(
          async (way, signal) => {
            await using _opened = await open(way, { signal });
          },
          way,
          arm,
        );
      });
      assertEquals(await pool.fetchval("select 1"), 1);
      await nothing_is_left();
    });
  }
});
