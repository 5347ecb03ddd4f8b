/** The pool's own calls, which share sessions once all are lent. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { OperationalError, QueryCanceledError, TimeoutError } from "../../src/errors.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Backends, settle } from "./backends.ts";

const QUICK = "select 1";

/** A pool of one session, on which `sql` took this long, in milliseconds. */
async function pool_of_one(backends: Backends, sql: string, took = 0, options = {}): Promise<Pool> {
  const pool = await backends.pool({ minsize: 1, maxsize: 1, ...options });
  const [backend] = backends.all;
  backend!.hold();
  const first = pool.execute(sql, []);
  await settle();
  backends.clock.advance(took / 1000);
  backend!.answer();
  await first;
  backend!.statements.length = 0;
  return pool;
}

/** A pool of two sessions, on which `QUICK` was quick; they hold what comes. */
async function pool_of_two(backends: Backends): Promise<Pool> {
  const pool = await backends.pool({ minsize: 2, maxsize: 2 });
  for (const backend of backends.all) backend.hold();
  const calls = await call(pool, QUICK, 2);
  for (const backend of backends.all) backend.answer();
  await Promise.all(calls);
  for (const backend of backends.all) {
    backend.statements.length = 0;
    backend.hold();
  }
  return pool;
}

/** Makes this many calls that are not answered yet. */
async function call(pool: Pool, sql: string, times: number): Promise<Promise<unknown>[]> {
  const calls = Array.from({ length: times }, () => pool.execute(sql, []));
  await settle();
  return calls;
}

describe("calls of a pool whose sessions are all lent", () => {
  it("are sent behind each other where each was quick before", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    backend!.hold();
    const calls = await call(pool, QUICK, 3);
    assertEquals(backend!.statements, [QUICK, QUICK, QUICK]);
    assertEquals([pool.size, pool.freesize, pool.waiting, pool.stats().acquired], [1, 0, 0, 4]);
    backend!.answer();
    await Promise.all(calls);
    assertEquals([pool.freesize, pool.waiting, pool.stats().used], [1, 0, 0]);
  });

  for (const [why, sql, took] of [["took long", QUICK, 5], ["may begin", "begin; x", 0]] as const) {
    it(`wait behind a statement that ${why}`, async () => {
      await using backends = new Backends();
      const pool = await pool_of_one(backends, QUICK, took);
      const [backend] = backends.all;
      backend!.hold();
      const calls = await call(pool, sql, 2);
      assertEquals([backend!.statements.length, pool.waiting], [1, 1]);
      backend!.answer();
      await Promise.all(calls);
    });
  }

  it("wait behind a statement that never ran there", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    backend!.hold();
    const calls = [...await call(pool, "select 2", 1), ...await call(pool, QUICK, 1)];
    assertEquals([backend!.statements, pool.waiting], [["select 2"], 1]);
    backend!.answer();
    await Promise.all(calls);
  });

  it("wait behind a quick statement that takes long now, and go on once it has ended", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    backend!.hold();
    const before = await call(pool, QUICK, 2);
    backends.clock.advance(0.005);
    const behind = await call(pool, QUICK, 2);
    assertEquals([backend!.statements.length, pool.waiting], [2, 2]);
    backend!.answer();
    await Promise.all([...before, ...behind]);
    assertEquals(backend!.statements.length, 4);
  });

  it("are at most sixteen on a session", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    backend!.hold();
    const calls = await call(pool, QUICK, 20);
    assertEquals([backend!.statements.length, pool.waiting], [16, 4]);
    backend!.answer();
    await Promise.all(calls);
    assertEquals(pool.freesize, 1);
  });

  it("choose the session that fewest use", async () => {
    await using backends = new Backends();
    const pool = await pool_of_two(backends);
    const calls = await call(pool, QUICK, 6);
    assertEquals(backends.all.map(({ statements }) => statements.length), [3, 3]);
    for (const backend of backends.all) backend.answer();
    await Promise.all(calls);
  });

  it("choose, of sessions that as many use, one to which something is sent in that turn", async () => {
    await using backends = new Backends();
    const pool = await pool_of_two(backends);
    const before = [
      ...await call(pool, QUICK, 1),
      ...await call(pool, QUICK, 1),
      ...await call(pool, QUICK, 1),
    ];
    assertEquals(backends.all.map(({ statements }) => statements.length), [2, 1]);
    const calls = await call(pool, QUICK, 2);
    assertEquals(backends.all.map(({ statements }) => statements.length), [2, 3]);
    for (const backend of backends.all) backend.answer();
    await Promise.all([...before, ...calls]);
  });

  it("never join a lease, and come after who waits for one", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    backend!.hold();
    const before = await call(pool, QUICK, 1);
    const acquired = pool.acquire();
    const after = await call(pool, QUICK, 2);
    assertEquals([backend!.statements, pool.waiting], [[QUICK], 3]);
    backend!.answer();
    await Promise.all(before);
    const lease = await acquired;
    await lease.execute(QUICK, []);
    assertEquals(pool.waiting, 2);
    await pool.release(lease);
    await Promise.all(after);
    assertEquals(backend!.statements, [QUICK, QUICK, "reset", QUICK, QUICK]);
  });

  it("do not run in a transaction that one of them leaves open", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    const states: string[] = [];
    backend!.hold();
    const calls = [
      ...await call(pool, QUICK, 1),
      ...await call(pool, "begin", 1),
      ...await call(pool, QUICK, 1),
    ];
    assertEquals([backend!.statements, pool.waiting], [[QUICK, "begin"], 1]);
    backend!.answer();
    await Promise.all(calls);
    states.push(backend!.state);
    assertEquals([backend!.statements, states], [[QUICK, "begin", "ROLLBACK", QUICK], ["I"]]);
    assertEquals(backends.warnings.length, 1);
  });

  it("do not share behind a transaction pooler", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK, 0, { pooler: "transaction" });
    const [backend] = backends.all;
    backend!.hold();
    const calls = await call(pool, QUICK, 2);
    assertEquals([backend!.statements.length, pool.waiting], [1, 1]);
    backend!.answer();
    await Promise.all(calls);
  });

  it("open a session of their own while there is room", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK, 0, { maxsize: 2 });
    const [backend] = backends.all;
    backend!.hold();
    const calls = await call(pool, QUICK, 2);
    assertEquals([pool.size, backend!.statements.length], [2, 1]);
    backend!.answer();
    await Promise.all(calls);
  });

  it("fail alone: an error, a deadline or an abort is one call's", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    await assertRejects(() => pool.execute("select fail", []));
    backend!.hold();
    const stop = new AbortController();
    const late = assertRejects(() => pool.execute(QUICK, [], { timeout: 0.001 }), TimeoutError);
    const aborted = assertRejects(() => pool.execute(QUICK, [], { signal: stop.signal }), Error);
    const fine = pool.fetchval(QUICK, []);
    await settle();
    stop.abort(new Error("enough"));
    backends.clock.advance(0.001);
    await Promise.all([late, aborted]);
    backend!.end();
    assertEquals(await fine, String(backend!.pid));
    assertEquals(pool.freesize, 1);
  });

  it("run again where a cancel for another's statement hit them", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    await pool.execute("select 2", []);
    const [backend] = backends.all;
    backend!.statements.length = 0;
    backend!.hold();
    backend!.strikes = "select 2";
    const stop = new AbortController();
    const aborted = assertRejects(() => pool.execute(QUICK, [], { signal: stop.signal }), Error);
    const hit = pool.fetchval("select 2", []);
    await settle();
    stop.abort(new Error("enough"));
    await aborted;
    backend!.end();
    assertEquals(await hit, String(backend!.pid));
    const run = backend!.statements.filter((sql) => sql !== "");
    assertEquals([backend!.cancels, run], [1, [QUICK, "select 2", "select 2"]]);
  });

  it("join no session on which a cancel is under way, though what is left there is quick", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, maxsize: 2 });
    const [one, other] = backends.all;
    await Promise.all(await call(pool, QUICK, 2));
    for (const backend of backends.all) backend.hold();
    const stop = new AbortController();
    const aborted = assertRejects(() => pool.execute(QUICK, [], { signal: stop.signal }), Error);
    const calls = await call(pool, QUICK, 3);
    assertEquals(backends.all.map(({ statements }) => statements.length), [3, 3]);
    backends.slow_cancels = true;
    stop.abort(new Error("enough"));
    await aborted;
    one!.answer_one();
    await settle();
    calls.push(...await call(pool, QUICK, 2));
    assertEquals(backends.all.map(({ statements }) => statements.length), [3, 5]);
    assertEquals([one!.cancels, backends.cancels.length], [1, 1]);
    for (const peer of backends.cancels) peer.close();
    for (const backend of backends.all) backend.answer();
    await Promise.all(calls);
    assertEquals([pool.waiting, pool.stats().used, other!.cancels], [0, 0, 0]);
  });

  it("wait where every session has a cancel under way, and are served once one is usable", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    backend!.hold();
    const stop = new AbortController();
    const aborted = assertRejects(() => pool.execute(QUICK, [], { signal: stop.signal }), Error);
    const calls = await call(pool, QUICK, 1);
    backends.slow_cancels = true;
    stop.abort(new Error("enough"));
    await aborted;
    backend!.answer_one();
    await settle();
    calls.push(...await call(pool, QUICK, 2));
    assertEquals([backend!.statements.length, pool.waiting], [2, 2]);
    backend!.answer();
    for (const peer of backends.cancels) peer.close();
    await Promise.all(calls);
    assertEquals([pool.waiting, pool.freesize], [0, 1]);
  });

  it("fail where someone else cancelled them", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    backends.all[0]!.strikes = QUICK;
    await assertRejects(() => pool.execute(QUICK, []), QueryCanceledError);
    await pool.execute(QUICK, []);
  });

  it("are all told when their session is lost, and the pool goes on", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    const [backend] = backends.all;
    backend!.hold();
    const calls = await call(pool, QUICK, 3);
    const told = calls.map((call) => assertRejects(() => call, OperationalError));
    backend!.peer.close();
    await Promise.all(told);
    await pool.execute(QUICK, []);
    assertEquals([pool.size, pool.freesize, pool.stats().lost], [1, 1, 1]);
  });

  it("are all told by terminate()", async () => {
    await using backends = new Backends();
    const pool = await pool_of_one(backends, QUICK);
    backends.all[0]!.hold();
    const calls = await call(pool, QUICK, 3);
    const told = calls.map((call) => assertRejects(() => call));
    pool.terminate();
    await Promise.all(told);
    await pool.wait_closed();
  });
});
