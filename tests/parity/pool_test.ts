/** What aiopg's pool does: its counters, limits, hooks and end. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  connect,
  Connection,
  create_pool,
  Pool,
  PoolClosedError,
  PoolTimeout,
  TimeoutError,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { turn } from "../support/peer.ts";
import { server_pid, until_asleep } from "../support/sessions.ts";
import { is_direct } from "../support/through.ts";
import { it_where } from "../support/where.ts";
import { AIOPG, clocked } from "./support.ts";

let database: Database;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

function open_pool(options: Parameters<typeof create_pool>[1] = {}): Promise<Pool> {
  return create_pool(database.url, { ...AIOPG, ...options });
}

/** `[size, free, used]`, as the pool counts them. */
function counters(pool: Pool): [size: number, free: number, used: number] {
  return [pool.size, pool.freesize, pool.stats().used];
}

describe("create_pool()", () => {
  it("opens one connection of ten at most, waits 60 seconds, and logs nothing", async () => {
    await using pool = await open_pool();
    assertInstanceOf(pool, Pool);
    assertEquals([pool.minsize, pool.maxsize], [1, 10]);
    assertEquals(counters(pool), [1, 1, 0]);
    assertEquals(pool.timeout, 60);
    assertEquals(pool.echo, false);
  });

  it("opens minsize connections before it resolves", async () => {
    await using pool = await open_pool({ minsize: 5, maxsize: 20 });
    assertEquals([pool.minsize, pool.maxsize], [5, 20]);
    assertEquals(counters(pool), [5, 5, 0]);
    assertEquals(pool.timeout, 60);
  });

  it("gives its timeout to the pool and to each connection", async () => {
    await using pool = await open_pool({ timeout: 7 });
    assertEquals(pool.timeout, 7);
    await using conn = await pool.acquire();
    assertEquals(conn.timeout, 7);
  });

  it("gives echo to each connection", async () => {
    const echo = () => {};
    await using pool = await open_pool({ echo });
    assertEquals(pool.echo, echo);
    await using conn = await pool.acquire();
    assertEquals(conn.echo, echo);
  });

  it("refuses a minsize below 0", async () => {
    await assertRejects(() => open_pool({ minsize: -1 }), RangeError, "minsize");
  });

  it("refuses a maxsize below minsize", async () => {
    await assertRejects(() => open_pool({ minsize: 5, maxsize: 2 }), RangeError, "maxsize");
  });

  it("takes a maxsize of 0 for no limit", async () => {
    await using pool = await open_pool({ maxsize: 0 });
    assertEquals([pool.minsize, pool.maxsize], [1, 0]);
    const connections = await Promise.all(Array.from({ length: 12 }, () => pool.acquire()));
    assertEquals(counters(pool), [12, 0, 12]);
    for (const conn of connections) await pool.release(conn);
  });

  it("opens on demand with a minsize and a maxsize of 0", async () => {
    await using pool = await open_pool({ minsize: 0, maxsize: 0 });
    await using conn = await pool.acquire();
    await using cur = await conn.cursor();
    await cur.execute("select 1");
    assertEquals(await cur.fetchone(), [1]);
  });

  for (const minsize of [0, 1]) {
    it("awaits on_connect once for each connection", async () => {
      let calls = 0;
      const on_connect = async (conn: Connection) => {
        await using cur = await conn.cursor();
        await cur.execute("select 1");
        assertEquals(await cur.fetchall() as unknown, [[1]]);
        calls++;
      };
      await using pool = await open_pool({ minsize, maxsize: 1, on_connect });
      for (let i = 0; i < 2; i++) {
        await using cur = await pool.cursor();
        await cur.execute("select 1");
      }
      assertEquals(calls, 1);
    });
  }
});

describe("Pool.acquire()", () => {
  it("lends an open connection that runs statements", async () => {
    await using pool = await open_pool();
    const conn = await pool.acquire();
    assertInstanceOf(conn, Connection);
    assertEquals(conn.closed, false);
    const cur = await conn.cursor();
    await cur.execute("select 1");
    assertEquals(await cur.fetchone(), [1]);
    await pool.release(conn);
  });

  it("opens connections in an empty pool, and keeps them", async () => {
    await using pool = await open_pool({ minsize: 0 });
    assertEquals(counters(pool), [0, 0, 0]);
    {
      await using _conn = await pool.acquire();
      assertEquals(counters(pool), [1, 0, 1]);
    }
    assertEquals(counters(pool), [1, 1, 0]);
    const one = await pool.acquire();
    assertEquals(counters(pool), [1, 0, 1]);
    const two = await pool.acquire();
    assertEquals(counters(pool), [2, 0, 2]);
    await pool.release(one);
    assertEquals(counters(pool), [2, 1, 1]);
    await pool.release(two);
    assertEquals(counters(pool), [2, 2, 0]);
  });

  it("opens another connection while all are lent", async () => {
    await using pool = await open_pool({ minsize: 0 });
    await using _held = await pool.acquire();
    const conn = await pool.acquire({ timeout: 5 });
    assertEquals(counters(pool), [2, 0, 2]);
    await pool.release(conn);
    assertEquals(counters(pool), [2, 1, 1]);
  });

  for (const maxsize of [2, 3]) {
    it("serves callers at once, and lends what was released first again first", async () => {
      await using pool = await open_pool({ minsize: 0, maxsize });
      const acquired = await Promise.all(Array.from({ length: maxsize }, () => pool.acquire()));
      const pids = acquired.map((conn) => conn.get_backend_pid());
      assertEquals(counters(pool), [maxsize, 0, maxsize]);
      for (const [i, conn] of acquired.entries()) {
        await pool.release(conn);
        assertEquals(counters(pool), [maxsize, i + 1, maxsize - i - 1]);
      }
      assertEquals(new Set(pids).size, maxsize);
      await using again = await pool.acquire();
      assertEquals(again.get_backend_pid(), pids[0]);
    });
  }

  it("never opens more than maxsize", async () => {
    await using pool = await open_pool({ minsize: 0, maxsize: 1 });
    const seen: [size: number, free: number][] = [];
    const note = () => seen.push([pool.size, pool.freesize]);
    const borrow = async () => {
      note();
      const conn = await pool.acquire();
      note();
      await turn();
      await pool.release(conn);
      note();
    };
    await Promise.all([borrow(), borrow()]);
    assertEquals(Math.max(...seen.map(([size]) => size)), 1);
    assertEquals(Math.min(...seen.map(([, free]) => free)), 0);
  });

  it("lends all that minsize opened before it opens more", async () => {
    await using pool = await open_pool({ minsize: 2, maxsize: 4 });
    const one = await pool.acquire();
    const two = await pool.acquire();
    assertEquals(counters(pool), [2, 0, 2]);
    await pool.release(one);
    await pool.release(two);
  });

  it("rejects once its deadline has passed, while all are lent", async () => {
    await using pool = await open_pool({ minsize: 1, maxsize: 1, timeout: 0.1 });
    await using _held = await pool.acquire();
    await assertRejects(() => pool.acquire(), PoolTimeout);
    assertEquals(pool.waiting, 0);
  });

  it_where(
    is_direct,
    "replaces a connection that was unused for longer than pool_recycle",
    async () => {
      const { clock, create_pool } = clocked();
      await using pool = await create_pool(database.url, {
        ...AIOPG,
        minsize: 1,
        maxsize: 1,
        pool_recycle: 3,
      });
      const used = await pool.acquire();
      assertEquals(await used.fetchval("select 1"), 1);
      const pid = await server_pid(used);
      await pool.release(used);
      assertEquals(await pool.fetchval("select pg_backend_pid()"), pid); // so the reset has ended
      clock.advance(5);
      assertEquals(pool.freesize, 1);
      await using other = await pool.acquire();
      assertEquals(await other.fetchval("select 1"), 1);
      assert(await server_pid(other) !== pid);
      assertEquals(pool.size, 1);
    },
  );

  it_where(is_direct, "lends no connection that the server has ended", async () => {
    await using pool = await open_pool({ minsize: 3 });
    await using killer = await connect(database.url);
    await killer.execute(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity " +
        "where datname = current_database() and pid <> pg_backend_pid()",
    );
    while (pool.stats().lost < 3) await turn();
    assertEquals(counters(pool), [0, 0, 0]);
    await using conn = await pool.acquire();
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("rejects once the pool is closed", async () => {
    const pool = await open_pool();
    pool.close();
    await assertRejects(() => pool.acquire(), PoolClosedError);
    await pool.wait_closed();
  });
});

describe("Pool.release()", () => {
  it("moves the connection from used to free", async () => {
    await using pool = await open_pool({ minsize: 10 });
    assertEquals(counters(pool), [10, 10, 0]);
    const conn = await pool.acquire();
    assertEquals(counters(pool), [10, 9, 1]);
    await pool.release(conn);
    assertEquals(counters(pool), [10, 10, 0]);
  });

  it("is what leaving the scope of an acquire does", async () => {
    await using pool = await open_pool({ minsize: 10 });
    {
      await using conn = await pool.acquire();
      assertInstanceOf(conn, Connection);
      assertEquals(counters(pool), [10, 9, 1]);
    }
    assertEquals(counters(pool), [10, 10, 0]);
  });

  it("drops a connection that its borrower closed, and the next acquire opens another", async () => {
    await using pool = await open_pool({ minsize: 10 });
    const conn = await pool.acquire();
    await conn.close();
    assertEquals(counters(pool), [9, 9, 0]);
    await pool.release(conn);
    assertEquals(counters(pool), [9, 9, 0]);
    await using _next = await pool.acquire();
    assertEquals(pool.size, 10);
  });

  it("takes a connection whose close() is still under way", async () => {
    await using pool = await open_pool();
    const conn = await pool.acquire();
    const closed = conn.close();
    await pool.release(conn);
    await closed;
    assertEquals(pool.stats().used, 0);
  });

  it("rolls back what was left open, with a warning, and keeps the connection", async () => {
    const warnings: string[] = [];
    const on_warning = ({ message }: { message: string }) => warnings.push(message);
    await using pool = await open_pool({ minsize: 10, on_warning });
    const conn = await pool.acquire();
    const pid = conn.get_backend_pid();
    await using cur = await conn.cursor();
    await cur.execute("begin");
    await cur.close();
    await pool.release(conn);
    assertEquals(counters(pool), [10, 10, 0]);
    assertEquals(conn.closed, true);
    assertEquals(warnings, [
      `a connection (backend ${pid}) was released in a transaction: it was rolled back`,
    ]);
  });

  it("is harmless after terminate()", async () => {
    const pool = await open_pool();
    const conn = await pool.acquire();
    pool.terminate();
    await pool.wait_closed();
    await pool.release(conn);
    assertEquals(pool.size, 0);
  });

  it("keeps a connection whose statement had to be cancelled at its deadline", async () => {
    await using watcher = await connect(database.url);
    const { clock, create_pool } = clocked();
    const options = { ...AIOPG, minsize: 1, maxsize: 1, timeout: 0.1 };
    await using pool = await create_pool(database.url, options);
    const conn = await pool.acquire();
    const pid = conn.get_backend_pid();
    const slow = assertRejects(() => conn.execute("select pg_sleep(10)"), TimeoutError);
    await until_asleep(watcher);
    clock.advance(0.1);
    await slow;
    await pool.release(conn);
    assertEquals(counters(pool), [1, 1, 0]);
    await using next = await pool.acquire();
    assertEquals(await next.fetchone("select 1"), [1]);
    assertEquals(next.get_backend_pid(), pid);
  });

  it("drops a connection closed after a deadline in a transaction, and others are lent", async () => {
    await using watcher = await connect(database.url);
    const { clock, create_pool } = clocked();
    const options = { ...AIOPG, minsize: 1, maxsize: 1, timeout: 0.1 };
    await using pool = await create_pool(database.url, options);
    {
      await using conn = await pool.acquire();
      await using cur = await conn.cursor();
      await cur.execute("begin");
      const slow = assertRejects(() => cur.execute("select pg_sleep(10)"), TimeoutError);
      await until_asleep(watcher);
      clock.advance(0.1);
      await slow;
      await conn.close();
    }
    assertEquals(counters(pool), [0, 0, 0]);
    await using conn = await pool.acquire();
    await using cur = await conn.cursor();
    await cur.execute("select 1");
    assertEquals(await cur.fetchone(), [1]);
  });
});

describe("Pool.cursor()", () => {
  it("borrows a connection until the cursor is closed", async () => {
    await using pool = await open_pool();
    const cur = await pool.cursor();
    assertEquals(counters(pool), [1, 0, 1]);
    await cur.execute("select 1");
    assertEquals(await cur.fetchone(), [1]);
    await cur.close();
    assertEquals(cur.closed, true);
    assertEquals(counters(pool), [1, 1, 0]);
  });

  it("gives its timeout to the cursor", async () => {
    await using pool = await open_pool();
    await using cur = await pool.cursor({ timeout: 0.1 });
    assertEquals(cur.timeout, 0.1);
  });

  it("rejects at the cursor's deadline, and gives the connection back", async () => {
    await using watcher = await connect(database.url);
    const { clock, create_pool } = clocked();
    await using pool = await create_pool(database.url, { ...AIOPG, minsize: 3 });
    await assertRejects(async () => {
      await using cur = await pool.cursor({ timeout: 0.1 });
      const slow = cur.execute("select pg_sleep(10)");
      await until_asleep(watcher);
      clock.advance(0.1);
      await slow;
    }, TimeoutError);
    assertEquals(counters(pool), [3, 3, 0]);
  });

  it("may be left while its statement runs, which is cancelled then", async () => {
    await using watcher = await connect(database.url);
    await using pool = await open_pool({ minsize: 1, maxsize: 1 });
    let hung: Promise<unknown>;
    {
      await using cur = await pool.cursor();
      hung = assertRejects(() => cur.execute("select pg_sleep(10000)"), Error, "released");
      await until_asleep(watcher);
    }
    await hung;
    const cur = await pool.cursor();
    await cur.execute("select 42");
    assertEquals(await cur.fetchone(), [42]);
    await cur.close();
    assertEquals(cur.closed, true);
  });
});

describe("Pool", () => {
  it("is not disposed of without waiting for that", async () => {
    await using pool = await open_pool();
    assertEquals(Symbol.dispose in pool, false);
  });

  it("is closed when its scope is left", async () => {
    let kept: Pool;
    let cursor_closed: () => boolean;
    {
      await using pool = kept = await open_pool();
      const conn = await pool.acquire();
      {
        await using cur = await conn.cursor();
        cursor_closed = () => cur.closed;
        await cur.execute("select 42");
        assertEquals(await cur.fetchone(), [42]);
      }
      await pool.release(conn);
    }
    assertEquals(cursor_closed(), true);
    assertEquals(kept.closed, true);
  });

  it("closes its connections when its scope is left after theirs", async () => {
    let kept: Pool;
    let lent: Connection;
    {
      await using pool = kept = await open_pool();
      await using conn = lent = await pool.acquire();
      await using cur = await conn.cursor();
      await cur.execute("select 42");
      assertEquals(await cur.fetchone(), [42]);
    }
    assertEquals(lent.closed, true);
    assertEquals(kept.closed, true);
  });
});

describe("Pool.clear()", () => {
  it("closes what is free", async () => {
    await using pool = await open_pool();
    await pool.clear();
    assertEquals(counters(pool), [0, 0, 0]);
  });
});

describe("Pool.wait_closed()", () => {
  it("waits for all that is lent", async () => {
    const pool = await open_pool({ minsize: 10 });
    const lent = [await pool.acquire(), await pool.acquire()];
    assertEquals(counters(pool), [10, 8, 2]);
    const order: string[] = [];
    pool.close();
    await Promise.all([
      pool.wait_closed().then(() => order.push("closed")),
      ...lent.map(async (conn) => {
        await turn();
        await pool.release(conn);
        order.push("released");
      }),
    ]);
    assertEquals(order, ["released", "released", "closed"]);
    assertEquals(counters(pool), [0, 0, 0]);
  });

  it("does not end while anything is lent", async () => {
    const pool = await open_pool();
    const conn = await pool.acquire();
    pool.close();
    const waiting = pool.wait_closed();
    const first = await Promise.race([waiting.then(() => "closed"), turn().then(() => "waiting")]);
    assertEquals(first, "waiting");
    assertEquals(pool.closed, false);
    await pool.release(conn);
    await waiting;
    assertEquals(pool.closed, true);
  });

  it("rejects unless the pool is closing", async () => {
    await using pool = await open_pool();
    await assertRejects(() => pool.wait_closed(), Error, "close() must come first");
  });
});

describe("Pool.terminate()", () => {
  it("closes what is lent", async () => {
    const pool = await open_pool();
    const conn = await pool.acquire();
    pool.terminate();
    await pool.wait_closed();
    assertEquals(conn.closed, true);
    assertEquals(pool.closed, true);
  });
});
