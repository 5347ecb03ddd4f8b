/**
 * A network that swallows what is sent, in either direction, at any time: every wait ends by its
 * deadline, and the pool is as good as before once the network is.
 *
 * Time goes fast here while nothing is answered, so that deadlines and graces can have the lengths
 * they have; see hurried_clock.ts.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  type Api,
  bind_adapter,
  type Connection,
  OperationalError,
  PgError,
  type Pool,
  TimeoutError,
} from "../../src/entries/core.ts";
import { adapter } from "../adapters/here.ts";
import { no_escapes } from "../adapters/peer.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { HurriedClock } from "./hurried_clock.ts";
import { Proxy } from "./proxy.ts";

/** Seconds. */
const TIMEOUT = 4;
/** Seconds after which a statement that cannot be cancelled takes its connection with it. */
const GIVE_UP = 5;

const proxies: Set<Proxy> = new Set();
const clock = new HurriedClock(() => [...proxies].some((proxy) => proxy.awaits_server));
const { connect, create_pool }: Api = bind_adapter({ ...adapter, clock });

let database: Database;
let proxy: Proxy;
let url: string;

beforeAll(async () => {
  database = await fresh_database();
  await using direct = await connect(database.url);
  await direct.execute("create table items (n int)");
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  proxy = await open_proxy();
  url = proxy.through(database.url);
});

afterEach(async () => {
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  proxies.clear();
});

async function open_proxy(): Promise<Proxy> {
  const proxy = await Proxy.open(database);
  proxies.add(proxy);
  return proxy;
}

/** Nothing passes any more, and nobody who comes is answered. */
function black_out(): void {
  proxy.admission = "mute";
  for (const tunnel of proxy.tunnels) tunnel.stall();
}

/** New connections pass; those that were stalled stay so. */
function recover(): void {
  proxy.admission = "pass";
}

describe("A server that does not answer", () => {
  no_escapes();

  it("keeps connect() no longer than its timeout", async () => {
    proxy.admission = "mute";
    await assertRejects(() => connect(url, { timeout: TIMEOUT }), OperationalError);
  });

  it("keeps connect() no longer than connect_timeout for each host, and the next is tried", async () => {
    proxy.admission = "mute";
    const mute = new URL(url);
    const other = new URL((await open_proxy()).through(url));
    await using conn = await connect(url, {
      host: [mute.hostname, other.hostname],
      port: [mute.port, other.port],
      connect_timeout: TIMEOUT,
    });
    assertEquals(await conn.fetchval("select 1"), 1);
    assertEquals(proxy.accepted, 1);
  });

  it("keeps create_pool() no longer than its timeout", async () => {
    proxy.admission = "mute";
    await assertRejects(() => create_pool(url, { timeout: TIMEOUT, minsize: 3 }), OperationalError);
  });

  it("keeps acquire() no longer than its timeout, and later ones no longer than it is so", async () => {
    proxy.admission = "mute";
    await using pool = await create_pool(url, { timeout: TIMEOUT, minsize: 0, maxsize: 2 });
    const acquired = await Promise.allSettled([1, 2, 3, 4].map(() => pool.acquire()));
    for (const result of acquired) {
      assertEquals(result.status, "rejected");
      assertInstanceOf((result as PromiseRejectedResult).reason, OperationalError);
    }
    recover();
    assertEquals(await pool.fetchval("select 1"), 1);
    assertEquals([pool.waiting, pool.stats().used], [0, 0]);
  });

  it("keeps nobody waiting for an attempt that is stuck, once others can succeed", async () => {
    proxy.admission = "mute";
    await using pool = await create_pool(url, { minsize: 0, maxsize: 3 });
    const first = pool.acquire();
    await assertRejects(() => pool.acquire({ timeout: TIMEOUT }), TimeoutError);
    assertEquals([proxy.accepted, pool.size, pool.waiting], [2, 2, 1]);
    recover();
    const recovered = clock.now();
    const conns = await Promise.all([first, pool.acquire()]);
    assert(clock.now() - recovered < TIMEOUT * 1000, "it waited for what is stuck");
    assertEquals([proxy.accepted, pool.size], [4, 3]);
    for (const conn of conns) await pool.release(conn);
  });

  it("that resets at once turns acquire() away at once, and no longer than it is so", async () => {
    proxy.admission = "reset";
    await using pool = await create_pool(url, { minsize: 0 });
    await assertRejects(() => pool.acquire(), OperationalError);
    recover();
    assertEquals(await pool.fetchval("select 1"), 1);
  });
});

/** What a connection can be waiting for, from a server that was there when it began. */
const WAITS: Record<string, (conn: Connection) => Promise<unknown>> = {
  "execute()": (conn) => conn.execute("select 1"),
  "execute() with parameters": (conn) => conn.execute("select $1::int", [1]),
  "execute() of much": (conn) => conn.execute("select $1::text", ["x".repeat(8_000_000)]),
  "several statements": (conn) => conn.execute("select 1; select 2"),
  "a pipeline": async (conn) => {
    const all = [1, 2, 3].map((n) => conn.execute("select $1::int", [n]));
    const [first] = await Promise.allSettled(all);
    if (first!.status === "rejected") throw first!.reason;
  },
  "begin()": (conn) => conn.begin(),
  "transaction()": (conn) => conn.transaction((tx) => tx.execute("select 1")),
  "stream()": async (conn) => {
    for await (const _ of conn.stream("select generate_series(1, 9)"));
  },
  "copy_to()": async (conn) => {
    for await (const _ of conn.copy_to("copy items to stdout"));
  },
  "copy_from()": (conn) =>
    new Blob(["1\n"]).stream().pipeTo(conn.copy_from("copy items from stdin")),
  "copy_records_from()": (conn) => conn.copy_records_from("items", [[1], [2]]),
  "executemany()": (conn) => conn.executemany("insert into items values ($1)", [[1], [2]]),
  "cursor().execute()": async (conn) => await (await conn.cursor()).execute("select 1"),
  "listen()": (conn) => conn.listen("channel"),
  "notify()": (conn) => conn.notify("channel"),
  "reset()": (conn) => conn.reset(),
  "tpc_recover()": (conn) => conn.tpc_recover(),
  "mogrify()": async (conn) => await (await conn.cursor()).mogrify("select $1", [new Date()]),
};

describe("A network that swallows everything", () => {
  no_escapes();
  let pool: Pool;

  beforeEach(async () => {
    pool = await create_pool(url, { timeout: TIMEOUT, minsize: 2, maxsize: 2, on_warning() {} });
  });

  afterEach(async () => {
    pool.terminate();
    await pool.wait_closed();
  });

  /** Calls may fail until the dead connections are given up; then both places are good again. */
  async function heals(): Promise<void> {
    recover();
    let failures = 0;
    while (!await both_answer()) failures++;
    assert(failures <= 4 * (TIMEOUT + GIVE_UP) / TIMEOUT, `${failures} attempts failed`);
    assertEquals([pool.size, pool.waiting, pool.stats().used], [2, 0, 0]);
  }

  async function both_answer(): Promise<boolean> {
    const answers = await Promise.allSettled([1, 2].map(async () => {
      await using conn = await pool.acquire();
      return await conn.fetchval("select pg_backend_pid()");
    }));
    return answers.every(({ status }) => status === "fulfilled");
  }

  function is_operational(error: unknown): void {
    assertInstanceOf(error, OperationalError);
  }

  for (const [name, wait] of Object.entries(WAITS)) {
    it(`ends ${name} at the deadline`, async () => {
      {
        await using conn = await pool.acquire();
        await conn.execute("select 1");
        black_out();
        await assertRejects(() => wait(conn), OperationalError);
        await assertRejects(() => conn.execute("select 1"), PgError);
      }
      await heals();
    });
  }

  it("ends a transaction whose COMMIT is not answered, with an unknown outcome", async () => {
    await using conn = await pool.acquire();
    const tx = await conn.begin();
    await tx.execute("insert into items values (1)");
    black_out();
    const error = await assertRejects(() => tx.commit(), TimeoutError);
    assertEquals(error.sqlstate, "08007");
  });

  it("ends a stream in its midst at the batch's deadline", async () => {
    await using conn = await pool.acquire();
    const rows = conn.stream("select generate_series(1, 1000000)", null, { itersize: 10 });
    await rows.next();
    black_out();
    await assertRejects(async () => {
      for await (const _ of rows);
    }, OperationalError);
  });

  it("ends a wait for a notification at its own deadline", async () => {
    await using conn = await pool.acquire();
    await conn.listen("channel");
    black_out();
    await assertRejects(() => conn.notifies.get({ timeout: TIMEOUT }), TimeoutError);
  });

  it("ends one-shot calls at the deadline, and the pool goes on", async () => {
    black_out();
    await assertRejects(() => pool.execute("select 1"), OperationalError);
    await heals();
  });

  it("ends cancel()", async () => {
    await using conn = await pool.acquire();
    const running = conn.execute("select pg_sleep(60)").catch(is_operational);
    black_out();
    await Promise.allSettled([conn.cancel(), running]);
  });

  it("ends close() of a connection, whether something runs on it or not", async () => {
    const idle = await pool.acquire();
    const busy = await pool.acquire();
    const running = assertRejects(() => busy.execute("select 1"), PgError);
    black_out();
    await Promise.all([idle.close(), busy.close(), running]);
    assertEquals([idle.closed, busy.closed, pool.stats().used], [true, true, 0]);
    await heals();
  });

  it("ends what was released in the middle, and the pool replaces it", async () => {
    const one = await pool.acquire();
    await one.begin();
    const other = await pool.acquire();
    const running = assertRejects(() => other.execute("select pg_sleep(60)"), PgError);
    black_out();
    await pool.release(one);
    await pool.release(other);
    await running;
    assertEquals(pool.stats().used, 0);
    await heals();
  });

  it("ends wait_closed(), for what is free, being reset or being opened", async () => {
    const one = await pool.acquire();
    await pool.clear();
    black_out();
    const opening = assertRejects(() => pool.acquire(), PgError);
    await pool.release(one);
    pool.close();
    await Promise.all([pool.wait_closed(), opening]);
    assertEquals(pool.size, 0);
  });

  it("loses nothing when only one direction is swallowed", async () => {
    for (const direction of ["up", "down"] as const) {
      const conn = await pool.acquire();
      await conn.execute("select 1");
      for (const tunnel of proxy.tunnels) tunnel.stall(direction);
      await assertRejects(() => conn.execute("select 1"), TimeoutError);
      await pool.release(conn);
      await heals();
    }
  });
});

describe("A network that passes single bytes", () => {
  no_escapes();

  it("changes nothing of what is read and written", async () => {
    const work = async (conn: Connection) => {
      const found: unknown[] = [];
      const types = "select 1 as a, 'é' as b, null as c, array[1, 2] as d, now() is not null as e";
      found.push(await conn.fetchall(types), await conn.fetchall(types));
      found.push(
        await conn.fetchall("select $1::jsonb as j, $2::bytea as b", [[1], Uint8Array.of(1)]),
      );
      const failing = conn.execute("select 1/0").catch((error: PgError) => error.sqlstate);
      found.push(await Promise.all([failing, conn.fetchval("select 2")]));
      await conn.transaction(async (tx) => {
        await tx.executemany("insert into items values ($1)", [[1], [2], [3]]);
        for await (
          const row of tx.stream("select n from items order by n", null, { itersize: 2 })
        ) {
          found.push(row);
        }
        await tx.rollback();
      });
      for await (const chunk of conn.copy_to("copy (select 'x') to stdout")) found.push(chunk);
      return found;
    };
    await using direct = await connect(database.url);
    proxy.on_tunnel = (tunnel) => tunnel.split(1);
    await using split = await connect(url);
    assertEquals(await work(split), await work(direct));
  });
});

describe("A connection that is cut after any number of bytes", () => {
  no_escapes();

  for (const direction of ["up", "down"] as const) {
    for (const how of ["reset", "end"] as const) {
      it(`rejects, or is usable: ${how} of what goes ${direction}`, async () => {
        const outcomes = new Set<string>();
        for (let bytes = 0; !outcomes.has("whole"); bytes += 23) {
          proxy.on_tunnel = (tunnel) => tunnel.limit(direction, bytes, () => tunnel.cut(how));
          outcomes.add(await converse());
        }
        assert(outcomes.has("cut"));
      });
    }
  }

  async function converse(): Promise<"cut" | "whole"> {
    try {
      await using conn = await connect(url, { timeout: TIMEOUT });
      await conn.transaction(async (tx) => {
        assertEquals(await tx.fetchval("select $1::text", ["a"]), "a");
        for await (const { g } of tx.stream("select g from generate_series(1, 3) g")) assert(g);
      });
      return "whole";
    } catch (error) {
      assertInstanceOf(error, OperationalError);
      return "cut";
    }
  }
});
