/** What users hang into a pool: on_connect and check. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Connection } from "../../src/connection/handle/connection.ts";
import { InterfaceError, PoolClosedError, TimeoutError } from "../../src/errors.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Backends, settle } from "./backends.ts";

describe("Pool on_connect", () => {
  it("is awaited once for each new connection", async () => {
    await using backends = new Backends();
    const greeted: number[] = [];
    const pool = await backends.pool({
      minsize: 2,
      maxsize: 2,
      on_connect: async (connection) => {
        await connection.execute("select 0");
        greeted.push(connection.get_backend_pid());
      },
    });
    assertEquals(greeted, [1001, 1002]);
    for (let i = 0; i < 5; i++) await pool.execute("select 1");
    assertEquals(greeted, [1001, 1002]);
    assertEquals(backends.all[0]!.statements[0], "select 0");
  });

  it("rejects the caller with what it throws, and the connection is closed", async () => {
    await using backends = new Backends();
    const error = { any: "error" };
    let broken = true;
    const pool = await backends.pool({
      minsize: 0,
      on_connect: () => {
        if (broken) throw error;
      },
    });
    assertStrictEquals(await assertRejects(() => pool.acquire()), error);
    assertEquals([pool.size, backends.open.length], [0, 0]);
    broken = false;
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
  });

  it("makes create_pool() fail, too", async () => {
    await using backends = new Backends();
    const opening = backends.pool({ on_connect: (connection) => connection.execute("fail") });
    await assertRejects(() => opening, Error, "division by zero");
    assertEquals(backends.open, []);
  });

  for (
    const [fact, on_connect] of [
      ["a transaction is still open", (c: Connection) => c.execute("begin")],
      ["a statement is still running", (c: Connection) => void c.execute("hang").catch(() => {})],
      ["it was closed", (c: Connection) => c.close()],
    ] as const
  ) {
    it(`must leave the connection idle: ${fact}`, async () => {
      await using backends = new Backends();
      const pool = await backends.pool({ minsize: 0, on_connect });
      await assertRejects(() => pool.acquire(), InterfaceError, fact);
      assertEquals([pool.size, backends.open.length], [0, 0]);
    });
  }

  it("has a handle of its own, which is dead afterwards", async () => {
    await using backends = new Backends();
    const handles: Connection[] = [];
    const pool = await backends.pool({ on_connect: (c) => void handles.push(c) });
    const connection = await pool.acquire();
    await assertRejects(() => handles[0]!.execute("select 1"), InterfaceError, "has ended");
    await assertRejects(() => pool.release(handles[0]!), InterfaceError);
    assertEquals(await connection.fetchval("select 1"), "1001");
  });

  it("that never ends is given up after the pool's timeout, or when the pool is closed", async () => {
    await using backends = new Backends();
    const on_connect = () => new Promise(() => {});
    const pool = await backends.pool({ minsize: 0, timeout: 9, on_connect });
    const waiter = pool.acquire({ timeout: 20 });
    await settle();
    backends.clock.advance(9);
    await assertRejects(() => waiter, TimeoutError, "it must succeed within 9 s");
    const next = pool.acquire();
    await settle();
    pool.close();
    await assertRejects(() => next, PoolClosedError);
    await pool.wait_closed();
    assertEquals(backends.open, []);
  });
});

describe("Pool check", () => {
  const check = (connection: Connection) => connection.fetchval("select 0");

  it("is asked before a connection that was idle for check_idle is lent", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, check_idle: 30, check, reset: false });
    const acquire_and_release = async () => await pool.release(await pool.acquire());
    await acquire_and_release();
    backends.clock.advance(29);
    await acquire_and_release();
    assertEquals(backends.all[0]!.statements, []);
    backends.clock.advance(1);
    const acquired = pool.acquire();
    assertEquals([pool.size, pool.freesize, pool.waiting], [1, 1, 1]);
    await pool.release(await acquired);
    await acquire_and_release();
    assertEquals(backends.all[0]!.statements, ["select 0"]);
    assertEquals(backends.attempted, 1);
  });

  it("is asked once for each acquire where check_idle is 0, but not for a connection opened for it", async () => {
    await using backends = new Backends();
    let checks = 0;
    const pool = await backends.pool({
      minsize: 0,
      maxsize: 1,
      check_idle: 0,
      check: () => checks++,
    });
    for (const expected of [0, 1, 2]) {
      await pool.release(await pool.acquire());
      assertEquals(checks, expected);
    }
    assertEquals(backends.attempted, 1);
  });

  for (
    const [name, check] of [
      ["throws", () => Promise.reject(new Error("no"))],
      ["gives false", () => false],
      ["leaves a transaction open", (c: Connection) => c.execute("begin")],
    ] as const
  ) {
    it(`replaces the connection if it ${name}`, async () => {
      await using backends = new Backends();
      const pool = await backends.pool({ maxsize: 1, check });
      backends.clock.advance(30);
      assertEquals((await pool.acquire()).get_backend_pid(), 1002);
      assertEquals(backends.open.length, 1);
    });
  }

  it("replaces a connection that gives no answer", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, check });
    backends.clock.advance(30);
    backends.all[0]!.hold();
    const acquired = pool.acquire();
    await settle();
    backends.clock.advance(5);
    assertEquals((await acquired).get_backend_pid(), 1002);
    assertEquals(backends.open.length, 1);
  });

  it("wakes a waiter if the connection is lost meanwhile", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, check });
    backends.clock.advance(30);
    backends.all[0]!.hold();
    const acquired = pool.acquire();
    await settle();
    backends.all[0]!.peer.reset();
    assertEquals((await acquired).get_backend_pid(), 1002);
  });

  it("keeps the process alive, and leaves a session that is watched", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, check });
    backends.clock.advance(30);
    backends.all[0]!.hold();
    const stop = new AbortController();
    const acquired = pool.acquire({ signal: stop.signal });
    await settle();
    assertEquals(backends.alive, [true]);
    stop.abort(new Error("left"));
    await assertRejects(() => acquired, Error, "left");
    backends.all[0]!.answer();
    await settle();
    assertEquals([pool.freesize, backends.alive], [1, [false]]);
    backends.all[0]!.kill();
    await settle();
    assertEquals(pool.size, 0);
  });

  it("holds nobody up where a connection was used lately", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, maxsize: 2, check, reset: false });
    const connections = [await pool.acquire(), await pool.acquire()];
    backends.clock.advance(30);
    await connections[1]!.fetchval("select 1");
    for (const connection of connections) await pool.release(connection);
    backends.all[0]!.hold(); // it is half open, say
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
  });

  it("is asked for as many connections as there are callers", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 3, check, reset: false });
    backends.clock.advance(30);
    const acquired = await Promise.all([pool.acquire(), pool.acquire()]);
    assertEquals(new Set(acquired.map((c) => c.get_backend_pid())).size, 2);
    assertEquals(backends.all.map(({ statements }) => statements.length), [1, 1, 0]);
    assertEquals([pool.size, pool.freesize, backends.attempted], [3, 1, 3]);
  });

  it("has a handle of its own, which is dead afterwards", async () => {
    await using backends = new Backends();
    const handles: Connection[] = [];
    const pool = await backends.pool({ check: (c) => void handles.push(c) });
    backends.clock.advance(30);
    const connection = await pool.acquire();
    await assertRejects(() => handles[0]!.execute("select 1"), InterfaceError, "check has ended");
    assert(connection !== handles[0]);
    assertEquals(await connection.fetchval("select 1"), "1001");
  });
});

describe("A hook that uses its pool", () => {
  /** A pool with one free connection that is to be checked, and whose `hook` clears it, once. */
  async function clearing(backends: Backends, which: "check" | "on_warning" | "factory") {
    let pool: Pool | null = null; // once it is to be cleared
    const clear = () => {
      void pool?.clear();
      pool = null;
    };
    class Factory extends Connection {
      constructor(...args: ConstructorParameters<typeof Connection>) {
        super(...args);
        if (which === "factory") clear();
      }
    }
    const made = await backends.pool({
      minsize: 0,
      connection_factory: Factory,
      ...(which === "on_warning"
        ? { on_warning: clear }
        : { check_idle: 10, check: which === "check" ? clear : () => {} }),
    });
    const first = await made.acquire();
    if (which === "on_warning") await first.execute("begin");
    else await made.release(first);
    await settle();
    backends.clock.advance(20);
    pool = made;
    if (which === "on_warning") await made.release(first);
    return made;
  }

  for (const which of ["check", "on_warning", "factory"] as const) {
    it(`may clear it, and it goes on lending: ${which}`, async () => {
      await using backends = new Backends();
      const pool = await clearing(backends, which);
      assertEquals((await pool.acquire({ timeout: 5 })).get_backend_pid(), 1002);
      assertEquals(pool.size, 1);
    });
  }

  it("is not asked for the connection that it checks", async () => {
    await using backends = new Backends();
    let checks = 0;
    const pool = await backends.pool({
      maxsize: 2,
      check_idle: 10,
      check: () => {
        checks++;
        return pool.fetchval("select 1");
      },
    });
    backends.clock.advance(60);
    const acquired = pool.acquire({ timeout: 90 });
    await settle();
    backends.clock.advance(10); // what a check may take
    await acquired;
    assertEquals(checks, 1);
  });
});

describe("A connection_factory", () => {
  it("that throws for a thousand calls in the queue turns each away, and the pool goes on", async () => {
    await using backends = new Backends();
    let broken = false;
    class Factory extends Connection {
      constructor(...args: ConstructorParameters<typeof Connection>) {
        super(...args);
        if (broken) throw new Error("the factory is broken");
      }
    }
    const pool = await backends.pool({ maxsize: 1, reset: false, connection_factory: Factory });
    const lent = await pool.acquire();
    const calls = Array.from({ length: 1000 }, () => pool.execute("select 1"));
    broken = true;
    const reasons = Promise.all(calls.map((call) => call.catch((error) => error.message)));
    await pool.release(lent);
    assertEquals(new Set(await reasons), new Set(["the factory is broken"]));
    broken = false;
    assertEquals(await pool.fetchval("select 1"), "1001");
    assertEquals(pool.freesize, 1);
  });

  it("may make connections with a method check()", async () => {
    await using backends = new Backends();
    let calls = 0;
    class Checked extends Connection {
      check(): void {
        calls++;
      }
    }
    const pool = await backends.pool({ connection_factory: Checked });
    const connection = await pool.acquire();
    await using cursor = await connection.cursor();
    await cursor.execute("select 1");
    assertEquals(calls, 0);
  });
});
