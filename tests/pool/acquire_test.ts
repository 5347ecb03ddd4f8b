/** Pool.acquire(): who gets what, and when a connection is opened. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../src/connection/handle/connection.ts";
import {
  InterfaceError,
  OperationalError,
  PoolFullError,
  PoolTimeout,
  TimeoutError,
} from "../../src/errors.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Backends, refused, server_full, settle } from "./backends.ts";

/** Size, free and waiting. */
function counts(pool: Pool): [number, number, number] {
  return [pool.size, pool.freesize, pool.waiting];
}

function pids(connections: Connection[]): number[] {
  return connections.map((connection) => connection.get_backend_pid());
}

describe("Pool counters", () => {
  it("count minsize free connections at first, and move one by each acquire", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 10 });
    assertEquals([pool.minsize, pool.maxsize, pool.timeout, pool.echo], [10, 10, 60, false]);
    assertEquals(counts(pool), [10, 10, 0]);
    const connection = await pool.acquire();
    assertEquals(counts(pool), [10, 9, 0]);
    await pool.release(connection);
    assertEquals(counts(pool), [10, 10, 0]);
  });

  it("count a connection that is being opened", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 2 });
    assertEquals(counts(pool), [0, 0, 0]);
    const pending = [pool.acquire(), pool.acquire()];
    assertEquals(counts(pool), [2, 0, 2]);
    const connections = await Promise.all(pending);
    assertEquals(counts(pool), [2, 0, 0]);
    for (const [i, connection] of connections.entries()) {
      await pool.release(connection);
      assertEquals(counts(pool), [2, i + 1, 0]);
    }
  });

  it("have no limit where maxsize is 0", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 0 });
    const connections = await Promise.all(Array.from({ length: 20 }, () => pool.acquire()));
    assertEquals(new Set(pids(connections)).size, 20);
    assertEquals([pool.size, pool.maxsize], [20, 0]);
  });

  it("are all in stats()", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1, maxsize: 1, timeout: 9 });
    const connection = await pool.acquire();
    const late = pool.acquire({ timeout: 2 });
    const next = pool.acquire();
    backends.clock.advance(3);
    await assertRejects(() => late, PoolTimeout);
    await pool.release(connection);
    await next;
    backends.all[0]!.kill();
    await settle();
    await pool.release(await next);
    backends.failures.push(refused());
    await assertRejects(() => pool.acquire());
    assertEquals(pool.stats(), {
      size: 0,
      free: 0,
      used: 0,
      opening: 0,
      waiting: 0,
      acquired: 2,
      acquire_wait_seconds: 3,
      acquire_timeouts: 1,
      opened: 1,
      closed: 0,
      lost: 1,
      connect_seconds: 0,
      connect_errors: 1,
    });
  });
});

describe("Pool.acquire", () => {
  it("lends the least recently used connection first", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 3, maxsize: 3 });
    const connections = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    assertEquals(pids(connections), [1001, 1002, 1003]);
    for (const i of [1, 2, 0]) await pool.release(connections[i]!);
    await settle();
    const again = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    assertEquals(pids(again), [1002, 1003, 1001]);
  });

  it("needs no timer and one microtask for a free connection", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1, max_idle: 0, max_lifetime: 0 });
    let turns = 0;
    let done = false;
    const acquired = pool.acquire().then(() => done = true);
    while (!done) {
      turns++;
      await Promise.resolve();
    }
    await acquired;
    assert(turns <= 2, `it took ${turns} turns`);
    assertEquals(backends.clock.pending, 0);
  });

  it("serves waiters in their order", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const first = await pool.acquire();
    const served: number[] = [];
    const waiters = [1, 2, 3].map(async (i) => {
      const connection = await pool.acquire();
      served.push(i);
      await pool.release(connection);
    });
    assertEquals(counts(pool), [1, 0, 3]);
    await pool.release(first);
    await Promise.all(waiters);
    assertEquals(served, [1, 2, 3]);
  });

  it("lets nobody pass those who wait", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const first = await pool.acquire();
    const served: number[] = [];
    const waiter = pool.acquire().then((connection) => (served.push(1), pool.release(connection)));
    await pool.release(first);
    const late = pool.acquire().then((connection) => (served.push(2), pool.release(connection)));
    await Promise.all([waiter, late]);
    assertEquals(served, [1, 2]);
  });

  it("does not open a connection where a reset will bring one", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1, maxsize: 2 });
    const first = await pool.acquire();
    backends.all[0]!.hold();
    await pool.release(first);
    const waiter = pool.acquire();
    assertEquals([pool.size, pool.waiting], [1, 1]);
    backends.all[0]!.answer();
    assertEquals(pids([await waiter]), [1001]);
    assertEquals(backends.attempted, 1);
  });

  it("opens a connection only for those whom nothing under way will serve", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1, maxsize: 5 });
    const first = await pool.acquire();
    backends.all[0]!.hold();
    await pool.release(first);
    const waiters = [pool.acquire(), pool.acquire()];
    assertEquals(backends.attempted, 2);
    backends.all[0]!.answer();
    await Promise.all(waiters);
    assertEquals(pool.size, 2);
  });

  it("hands a new connection to whoever is first by then", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 2 });
    const first = await pool.acquire();
    backends.manual = true;
    const second = pool.acquire();
    const third = pool.acquire();
    await settle();
    assertEquals(backends.attempts.length, 1); // maxsize
    await pool.release(first);
    assertEquals(pids([await second]), [1001]); // a release came before its own connection
    backends.attempts[0]!.proceed();
    assertEquals(pids([await third]), [1002]);
  });

  it("keeps a new connection that nobody waits for any more", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 2 });
    const first = await pool.acquire();
    backends.manual = true;
    const second = pool.acquire();
    await settle();
    await pool.release(first);
    await second;
    backends.attempts[0]!.proceed();
    await settle();
    assertEquals(counts(pool), [2, 1, 0]);
  });

  it("opens a few at once, however many wait", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 50 });
    backends.manual = true;
    const waiters = Array.from({ length: 50 }, () => pool.acquire());
    await settle();
    let opened = 0;
    while (opened < 50) {
      const { length } = backends.attempts;
      assert(length > opened && length - opened <= 5, `${length - opened} at once`);
      backends.attempts[opened++]!.proceed();
      await settle();
    }
    assertEquals(new Set(pids(await Promise.all(waiters))).size, 50);
  });

  it("rejects exactly the one whose connection could not be opened", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 3 });
    backends.manual = true;
    const waiters = [pool.acquire(), pool.acquire(), pool.acquire()];
    await settle();
    const error = refused();
    backends.attempts[1]!.fail(error);
    assertStrictEquals(await assertRejects(() => waiters[1]!), error);
    assertEquals(counts(pool), [2, 0, 2]);
    backends.attempts[0]!.proceed();
    backends.attempts[2]!.proceed();
    assertEquals(pids([(await waiters[0])!, (await waiters[2])!]), [1001, 1002]);
  });

  it("does not blame a waiter for an attempt that was made for another", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1 });
    backends.manual = true;
    const stop = new AbortController();
    const leaver = pool.acquire({ signal: stop.signal });
    const stays = pool.acquire();
    await settle();
    stop.abort(new Error("left"));
    await assertRejects(() => leaver, Error, "left");
    backends.attempts[0]!.fail(refused());
    await settle();
    assertEquals(counts(pool), [1, 0, 1]);
    backends.attempts[1]!.proceed();
    assertEquals(pids([await stays]), [1001]);
  });

  it("is late by its own words where its attempt, which has the same deadline, is told first", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, timeout: 9 });
    for (const [timeout, type] of [[9, PoolTimeout], [10, TimeoutError]] as const) {
      backends.manual = true;
      const late = pool.acquire({ timeout });
      await settle();
      backends.clock.advance(8.99);
      backends.attempts.at(-1)!.fail(new TimeoutError("cannot connect: it must be done in 9 s"));
      assertEquals((await assertRejects(() => late, TimeoutError)).constructor, type);
    }
    assertEquals(pool.stats().acquire_timeouts, 1);
  });

  it("leaves the pool usable when connecting fails", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    for (let i = 0; i < 3; i++) {
      backends.failures.push(refused());
      await assertRejects(() => pool.acquire(), OperationalError, "connection refused");
      assertEquals(counts(pool), [0, 0, 0]);
    }
    assertEquals(pids([await pool.acquire()]), [1001]);
  });

  it("waits for a connection that comes back where the server has no room for more", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 5 });
    const first = await pool.acquire();
    backends.failures.push(server_full(), server_full());
    const waiters = [pool.acquire(), pool.acquire({ timeout: 5 })];
    await settle();
    assertEquals(counts(pool), [1, 0, 2]);
    assertEquals(backends.attempted, 3); // and no more, while nothing changes
    await pool.release(first);
    assertEquals(pids([(await waiters[0])!]), [1001]);
    backends.clock.advance(5);
    const error = await assertRejects(() => waiters[1]!, PoolTimeout);
    assertInstanceOf(error.cause, OperationalError);
    assertEquals(error.cause.sqlstate, "53300");
  });

  it("tries again when the server had no room, but then a connection ended", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 5 });
    const first = await pool.acquire();
    backends.failures.push(server_full());
    const waiter = pool.acquire();
    await settle();
    await first.close();
    assertEquals(pids([await waiter]), [1002]);
  });

  it("tries again after a while when the server had no room, as others may have left it", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 5 });
    await pool.acquire();
    backends.failures.push(server_full(), server_full(), server_full());
    const waiters = [pool.acquire(), pool.acquire()];
    for (const attempted of [3, 4, 5, 6]) {
      await settle();
      assertEquals(backends.attempted, attempted);
      backends.clock.advance(1);
    }
    assertEquals(pids(await Promise.all(waiters)), [1002, 1003]);
  });

  it("opens no more for a waiter who was refused, but for the next", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 5 });
    await pool.acquire();
    backends.failures.push(server_full());
    const waiter = pool.acquire({ timeout: 5 });
    await settle();
    backends.failures.push(refused());
    await assertRejects(() => pool.acquire(), OperationalError, "connection refused");
    assertEquals(counts(pool), [1, 0, 1]);
    backends.clock.advance(5);
    await assertRejects(() => waiter, PoolTimeout);
  });

  it("rejects where the server has no room, and no connection can come back", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    backends.failures.push(server_full());
    await assertRejects(() => pool.acquire(), OperationalError, "too many clients");
  });

  it("opens what is missing to minsize, in the background", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 3 });
    backends.all[0]!.kill();
    backends.all[1]!.kill();
    await settle();
    assertEquals(counts(pool), [1, 1, 0]);
    const connection = await pool.acquire();
    assertEquals(pids([connection]), [1003]);
    assertEquals(counts(pool), [3, 0, 0]);
    await settle();
    assertEquals(counts(pool), [3, 2, 0]);
  });

  it("times out with the pool's state, and leaves no place behind", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 2, timeout: 7 });
    const first = await pool.acquire();
    const second = await pool.acquire();
    const waiters = [pool.acquire(), pool.acquire({ timeout: Infinity })];
    backends.clock.advance(7);
    const error = await assertRejects(() => waiters[0]!, PoolTimeout);
    assertInstanceOf(error, TimeoutError);
    assertStringIncludes(error.message, "within 7 s");
    assertStringIncludes(error.message, "size 2 of at most 2, used 2, opening 0, waiting 2");
    assertEquals(error.cause, undefined);
    assertEquals(counts(pool), [2, 0, 1]);
    await pool.release(first);
    await pool.release(await waiters[1]!);
    await pool.release(second);
    assertEquals(counts(pool), [2, 2, 0]);
  });

  it("times out with the last failure to connect as the cause", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1 });
    const failure = refused();
    backends.failures.push(failure);
    await assertRejects(() => pool.acquire());
    backends.manual = true;
    const waiter = pool.acquire({ timeout: 2 });
    backends.clock.advance(2);
    const error = await assertRejects(() => waiter, PoolTimeout, "opening 1");
    assertStrictEquals(error.cause, failure);
  });

  it("gives up an attempt to connect after the pool's timeout", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1, timeout: 7 });
    backends.manual = true;
    const waiter = pool.acquire({ timeout: 30 });
    await settle();
    backends.clock.advance(7);
    await assertRejects(() => waiter, TimeoutError, "it must succeed within 7 s");
    assertEquals(counts(pool), [0, 0, 0]);
  });

  it("gives the connection of a waiter who left to the next", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1 });
    backends.manual = true;
    const stop = new AbortController();
    const waiters = [pool.acquire({ signal: stop.signal }), pool.acquire()];
    await settle();
    const reason = { any: "reason" };
    stop.abort(reason);
    assertStrictEquals(await assertRejects(() => waiters[0]!), reason);
    assertEquals(backends.attempts[0]!.signal.aborted, false);
    backends.attempts[0]!.proceed();
    assertEquals(pids([(await waiters[1])!]), [1001]);
  });

  it("keeps the connection of a waiter who left, if nobody else waits", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1 });
    backends.manual = true;
    const waiter = pool.acquire({ timeout: 1 });
    await settle();
    backends.clock.advance(1);
    await assertRejects(() => waiter, PoolTimeout);
    backends.attempts[0]!.proceed();
    await settle();
    assertEquals(counts(pool), [1, 1, 0]);
    assertEquals(pids([await pool.acquire()]), [1001]);
  });

  it("takes null for no signal, as fetch() does, also where it must wait", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const signal = null as unknown as undefined;
    const connection = await pool.acquire({ signal });
    const calls = [pool.acquire({ signal }), pool.fetchval("select 1", [], { signal })] as const;
    assertEquals(counts(pool), [1, 0, 2]);
    await pool.release(connection);
    await pool.release(await calls[0]);
    assertEquals(await calls[1], "1001");
  });

  it("leaves no place in the queue to a signal that nobody can listen to", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    const signal = { throwIfAborted() {} } as AbortSignal;
    await assertRejects(() => pool.acquire({ signal }), TypeError);
    assertEquals(counts(pool), [1, 0, 0]);
    await pool.release(connection);
    assertEquals(counts(pool), [1, 1, 0]);
  });

  it("rejects at once with the reason of a signal that is aborted", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    const reason = new Error("no");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await assertRejects(() => pool.acquire({ signal })), reason);
    assertEquals(counts(pool), [1, 1, 0]);
  });

  it("gives what it was about to give, even if the signal aborts at that moment", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, reset: false });
    const first = await pool.acquire();
    const stop = new AbortController();
    const waiter = pool.acquire({ signal: stop.signal });
    void pool.release(first);
    stop.abort(new Error("too late"));
    await pool.release(await waiter);
    assertEquals(counts(pool), [1, 1, 0]);
  });

  it("never gives a connection that was lost on its way to the waiter", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const first = await pool.acquire();
    const waiter = pool.acquire();
    backends.all[0]!.hold();
    await pool.release(first);
    await settle();
    backends.all[0]!.kill(); // its ReadyForQuery and its end are one chunk
    const connection = await waiter;
    assertEquals([connection.closed, connection.get_backend_pid()], [false, 1002]);
  });

  it("goes on waiting, as the first, where what it was to get is lost at that moment", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, reset: false });
    const first = await pool.acquire();
    const waiters = [pool.acquire({ timeout: 5 }), pool.acquire()];
    backends.clock.advance(2);
    backends.manual = true;
    void pool.release(first);
    first.lend().session.wire.destroy();
    await settle();
    assertEquals([...counts(pool), backends.attempts.length], [1, 0, 2, 1]);
    backends.attempts[0]!.proceed();
    const served = (await waiters[0])!;
    assertEquals([served.get_backend_pid(), pool.waiting], [1002, 1]);
    await pool.release(served);
    await waiters[1];
  });

  it("keeps its deadline while it goes on waiting", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, reset: false });
    const first = await pool.acquire();
    const waiter = pool.acquire({ timeout: 5 });
    backends.clock.advance(2);
    backends.manual = true;
    void pool.release(first);
    first.lend().session.wire.destroy();
    await settle();
    backends.clock.advance(3);
    await assertRejects(() => waiter, PoolTimeout);
  });

  for (const timeout of [0, -1, NaN, "1"]) {
    it(`refuses ${typeof timeout} ${timeout} as timeout`, async () => {
      await using backends = new Backends();
      const pool = await backends.pool();
      await assertRejects(() => pool.acquire({ timeout: timeout as number }), InterfaceError);
      assertEquals(counts(pool), [1, 1, 0]);
    });
  }
});

describe("Pool max_waiting", () => {
  it("rejects callers beyond it at once", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1, max_waiting: 2 });
    const first = await pool.acquire();
    const waiters = [pool.acquire(), pool.acquire()];
    const error = await assertRejects(() => pool.acquire(), PoolFullError, "at most 2 callers");
    assertStringIncludes(error.message, "waiting 2");
    assertEquals(error.safe_to_retry, true);
    await pool.release(first);
    for (const waiter of waiters) await pool.release(await waiter);
  });

  it("does not count those for whom there is still room", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 10, max_waiting: 1 });
    const waiters = Array.from({ length: 11 }, () => pool.acquire());
    await assertRejects(() => pool.acquire(), PoolFullError);
    for (const waiter of waiters) await pool.release(await waiter);
  });
});
