/** How long sessions live, and lie idle. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Session } from "../../src/connection/session/session.ts";
import { Ages } from "../../src/pool/ages.ts";
import { Backends, settle } from "./backends.ts";

describe("Ages", () => {
  for (const [random, seconds] of [[0, 1000], [0.5, 950], [1, 900]] as const) {
    it(`end a session after ${seconds} s of 1000 where random gives ${random}`, () => {
      const ages = new Ages({
        max_lifetime: 1000,
        max_idle: Infinity,
        pool_recycle: Infinity,
        check: undefined,
        check_idle: 30,
        random: () => random,
      });
      assertEquals(ages.end_of({ opened_at: 5000 } as Session), 5000 + seconds * 1000);
    });
  }
});

describe("Pool pool_recycle", () => {
  it("replaces what was idle for longer, when it would be lent", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, maxsize: 3, pool_recycle: 10 });
    backends.clock.advance(6);
    await pool.fetchval("select 1"); // on 1001
    backends.clock.advance(5);
    assertEquals(await pool.fetchval("select 1"), "1001");
    await settle();
    assertEquals(backends.open.map(({ pid }) => pid), [1001, 1003]);
  });

  it("opens another where all were idle for longer", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1, maxsize: 1, pool_recycle: 10 });
    backends.clock.advance(10);
    assertEquals(await pool.fetchval("select 1"), "1001");
    backends.clock.advance(11);
    assertEquals(await pool.fetchval("select 1"), "1002");
    assertEquals(pool.size, 1);
  });
});

for (const limit of [{ pool_recycle: 1 }, { max_lifetime: 1 }]) {
  describe(`Pool ${Object.keys(limit)}`, () => {
    it("does not count for whom a connection is opened, however long on_connect takes", async () => {
      await using backends = new Backends();
      const on_connect = () => backends.clock.advance(2);
      const pool = await backends.pool({ minsize: 0, maxsize: 1, ...limit, on_connect });
      for (const expected of ["1001", "1002"]) {
        backends.clock.advance(2);
        assertEquals(await pool.fetchval("select 1"), expected);
      }
    });
  });
}

describe("Pool max_lifetime", () => {
  it("closes what is free, by itself", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, max_lifetime: 100 });
    backends.clock.advance(99);
    assertEquals(pool.size, 2);
    backends.clock.advance(1);
    await settle();
    assertEquals([pool.size, backends.open.length], [0, 0]);
    assertEquals(await pool.fetchval("select 1"), "1003");
    assertEquals(pool.size, 2);
  });

  it("closes what is in use when it comes back", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, max_lifetime: 100 });
    const connection = await pool.acquire();
    const next = pool.acquire({ timeout: 300 });
    backends.clock.advance(200);
    assertEquals(await connection.fetchval("select 1"), "1001");
    await pool.release(connection);
    assertEquals((await next).get_backend_pid(), 1002);
  });
});

describe("Pool max_idle", () => {
  it("closes what was idle for longer, down to minsize", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1, max_idle: 60 });
    const connections = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    for (const connection of connections) await pool.release(connection);
    await settle();
    backends.clock.advance(59);
    assertEquals(pool.size, 3);
    backends.clock.advance(1);
    await settle();
    assertEquals([pool.size, backends.open.length], [1, 1]);
  });

  it("counts from the last release", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, max_idle: 60 });
    const connections = [await pool.acquire(), await pool.acquire()];
    for (const connection of connections) await pool.release(connection);
    await settle();
    backends.clock.advance(40);
    await pool.fetchval("select 1"); // on 1001
    backends.clock.advance(20);
    await settle();
    assertEquals(backends.open.map(({ pid }) => pid), [1001]);
    backends.clock.advance(39);
    assertEquals(pool.size, 1);
    backends.clock.advance(1);
    assertEquals(pool.size, 0);
  });

  it("needs one timer", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 5 });
    assertEquals(backends.clock.pending, 1);
    for (let i = 0; i < 20; i++) await pool.fetchval("select 1");
    const reaper_and_statements = 1 + 5; // each wire has one for its deadlines
    assertEquals(backends.clock.pending, reaper_and_statements);
  });
});
