/** How a pool ends. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { InterfaceError, OperationalError, PoolClosedError } from "../../src/errors.ts";
import { Backends, refused, settle } from "./backends.ts";

describe("Pool.close", () => {
  it("closes free connections by Terminate", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 3 });
    assertEquals([pool.closing, pool.closed], [false, false]);
    pool.close();
    assertEquals([pool.closing, pool.closed], [true, false]);
    await pool.wait_closed();
    assertEquals([pool.closing, pool.closed, pool.size], [true, true, 0]);
    assertEquals(backends.all.map(({ peer }) => peer.received.at(-1)!.tag), ["X", "X", "X"]);
    assertEquals(backends.clock.pending, 0);
    pool.close(); // once more does nothing
    await pool.wait_closed();
  });

  it("rejects waiters at once, and later calls", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    const waiters = [pool.acquire(), pool.execute("select 1"), pool.cursor()];
    pool.close();
    for (const waiter of waiters) await assertRejects<Error>(() => waiter, PoolClosedError);
    await assertRejects(() => pool.acquire(), PoolClosedError, "the pool is closed");
    await assertRejects(() => pool.execute("select 1"), PoolClosedError);
    assertEquals([pool.size, pool.closed], [1, false]);
    await pool.release(connection);
    await pool.wait_closed();
  });

  it("leaves those in use alone until they come back", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2 });
    const connections = [await pool.acquire(), await pool.acquire()];
    pool.close();
    assertEquals(await connections[0]!.fetchval("select 1"), "1001");
    let closed = false;
    const wait = pool.wait_closed().then(() => closed = true);
    await pool.release(connections[0]!);
    await settle();
    assertEquals([pool.size, closed], [1, false]);
    await connections[1]!.execute("begin");
    await connections[1]!.close();
    await wait;
    assertEquals(backends.open, []);
    assertEquals(backends.all[0]!.statements, ["select 1"]); // no reset of what ends anyway
  });

  it("closes what is busy as it comes back", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    const statement = connection.execute("hang");
    await settle();
    pool.close();
    await pool.release(connection);
    await assertRejects(() => statement, InterfaceError);
    await pool.wait_closed();
    assertEquals([backends.all[0]!.cancels, backends.open.length], [1, 0]);
  });

  it("waits for a reset that is under way, and closes then", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    backends.all[0]!.hold();
    await pool.release(connection);
    pool.close();
    await settle();
    assertEquals(pool.closed, false);
    backends.all[0]!.answer();
    await pool.wait_closed();
    assertEquals([backends.all[0]!.statements, backends.all[0]!.cancels], [["reset"], 0]);
  });

  it("abandons attempts to connect", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    backends.manual = true;
    const waiter = pool.acquire();
    await settle();
    pool.close();
    await assertRejects(() => waiter, PoolClosedError);
    assertEquals(backends.attempts[0]!.signal.aborted, true);
    await pool.wait_closed();
  });

  it("closes a connection that came too late", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const waiter = pool.acquire();
    waiter.catch(() => {});
    while (backends.all.length === 0) await Promise.resolve(); // the login is under way
    pool.close();
    await pool.wait_closed();
    assertEquals([pool.size, backends.open.length], [0, 0]);
  });

  it("gives up on a server that does not close", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1 });
    backends.all[0]!.peer.pause();
    pool.close();
    await settle();
    backends.clock.advance(2);
    await pool.wait_closed();
  });
});

describe("Pool.terminate", () => {
  it("cuts those in use, whose release is harmless then", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, maxsize: 2 });
    const connections = [await pool.acquire(), await pool.acquire()];
    const waiter = pool.acquire();
    const statement = connections[0]!.execute("hang");
    const notification = connections[1]!.notifies.get();
    await settle();
    pool.terminate();
    assertEquals(pool.size, 0);
    await assertRejects(() => waiter, PoolClosedError);
    await assertRejects(() => statement, OperationalError);
    await assertRejects(() => notification, OperationalError, "its pool was terminated");
    await pool.wait_closed();
    assertEquals(backends.open, []);
    for (const connection of connections) {
      assertEquals(connection.closed, true);
      await assertRejects(() => connection.execute("select 1"), OperationalError);
      await pool.release(connection);
      await pool.release(connection);
      await connection.close();
      await connection[Symbol.asyncDispose]();
    }
    assertEquals([pool.size, pool.stats().closed], [0, 2]);
  });

  it("cuts one-shot calls", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    const call = pool.execute("hang");
    await settle();
    pool.terminate();
    await assertRejects(() => call, OperationalError);
    await pool.wait_closed();
  });

  it("rejects a waiter who was just served", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, reset: false });
    const connection = await pool.acquire();
    const waiter = pool.acquire();
    void pool.release(connection);
    pool.terminate();
    await assertRejects(() => waiter, PoolClosedError);
    await pool.wait_closed();
  });

  it("follows close()", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    await pool.acquire();
    pool.close();
    const wait = pool.wait_closed();
    pool.terminate();
    await wait;
    assertEquals(pool.closed, true);
  });

  it("cuts what close() waits for: a server that does not close, a reset that is not confirmed", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, maxsize: 2 });
    const connection = await pool.acquire();
    for (const backend of backends.all) backend.hold();
    backends.all[1]!.peer.pause();
    await pool.release(connection);
    pool.close();
    const wait = pool.wait_closed();
    await settle();
    assertEquals(pool.closed, false);
    pool.terminate(); // the clock stands still
    await wait;
    assertEquals(pool.closed, true);
  });
});

describe("Pool.wait_closed", () => {
  it("refuses to wait for what was not begun", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    await assertRejects(() => pool.wait_closed(), InterfaceError, "close() must come first");
  });
});

describe("Pool[Symbol.asyncDispose]", () => {
  it("closes and waits", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2 });
    await pool[Symbol.asyncDispose]();
    assertEquals([pool.closed, backends.open.length], [true, 0]);
  });
});

describe("Pool.clear", () => {
  it("closes what is free, even under reset, and nothing else", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 3 });
    const connections = [await pool.acquire(), await pool.acquire()];
    await pool.release(connections[0]!);
    const cleared = pool.clear();
    assertEquals([pool.size, pool.freesize], [1, 0]);
    await cleared;
    assertEquals(backends.open.map(({ pid }) => pid), [1002]);
    assertEquals(await connections[1]!.fetchval("select 1"), "1002");
    assertEquals((await pool.acquire()).get_backend_pid(), 1004);
    assertEquals(pool.size, 3); // minsize again
  });

  it("makes room only when the sockets are closed", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    backends.all[0]!.peer.pause();
    const cleared = pool.clear();
    const waiter = pool.acquire();
    await settle();
    assertEquals([pool.size, backends.attempted], [0, 1]);
    backends.all[0]!.peer.resume();
    await cleared;
    assertEquals((await waiter).get_backend_pid(), 1002);
  });
});

describe("Pool.open_minimum", () => {
  it("rejects with the first failure, and leaves nothing open", async () => {
    await using backends = new Backends();
    const pool = await backends.closed_pool({ minsize: 7 });
    backends.manual = true;
    const opening = pool.open_minimum();
    await settle();
    assertEquals(backends.attempts.length, 5);
    for (const attempt of backends.attempts.slice(0, 3)) attempt.proceed();
    await settle();
    const error = refused();
    backends.attempts[3]!.fail(error);
    assertStrictEquals(await assertRejects(() => opening), error);
    assertEquals([pool.closed, pool.size, backends.open.length], [true, 0, 0]);
    assert(backends.attempts.slice(4).every(({ signal }) => signal.aborted));
  });

  it("is given up by a signal", async () => {
    await using backends = new Backends();
    const pool = await backends.closed_pool({ minsize: 2 });
    backends.manual = true;
    const stop = new AbortController();
    const opening = pool.open_minimum(stop.signal);
    await settle();
    backends.attempts[0]!.proceed();
    await settle();
    const reason = { any: "reason" };
    stop.abort(reason);
    assertStrictEquals(await assertRejects(() => opening), reason);
    assertEquals([pool.closed, backends.open.length], [true, 0]);
    const late = await backends.closed_pool();
    await assertRejects(() => late.open_minimum(AbortSignal.abort(new Error("no"))), Error, "no");
  });
});

describe("Pool and the life of the process", () => {
  it("lets the process end while all connections are free, and only then", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2 });
    assertEquals(backends.alive, [false, false]);
    const connection = await pool.acquire();
    assertEquals(backends.alive, [true, false]);
    backends.all[0]!.hold();
    await pool.release(connection);
    await settle();
    assertEquals(backends.alive, [true, false]); // until the reset is confirmed
    backends.all[0]!.answer();
    await settle();
    assertEquals(backends.alive, [false, false]);
    await pool.execute("select 1");
    assertEquals(backends.alive, [false, false]);
    pool.close();
    assertEquals(backends.alive, [true, true]); // or nobody would wait for the end
    await pool.wait_closed();
  });
});
