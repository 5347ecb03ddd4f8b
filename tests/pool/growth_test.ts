/** When a pool opens connections while attempts before are slow, stuck, or fail. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../src/connection/handle/connection.ts";
import { OperationalError, PoolTimeout } from "../../src/errors.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Backends, refused, settle } from "./backends.ts";

/** Seconds after which an attempt is late. */
const SOON = 1;

/** Free connections, those that are being opened, and callers in the queue. */
function counts(pool: Pool): [free: number, opening: number, waiting: number] {
  const { free, opening, waiting } = pool.stats();
  return [free, opening, waiting];
}

function acquire(pool: Pool, times: number): Promise<Connection>[] {
  return Array.from({ length: times }, () => pool.acquire());
}

/** Callers whose attempts are stuck, and who left. */
async function orphans(backends: Backends, pool: Pool, times: number): Promise<void> {
  backends.manual = true;
  const stop = new AbortController();
  const reason = new Error("left");
  const callers = Array.from({ length: times }, () => pool.acquire({ signal: stop.signal }));
  const left = callers.map((caller) => assertRejects(() => caller, Error, "left"));
  await settle();
  stop.abort(reason);
  await Promise.all(left);
}

describe("An attempt to connect that is stuck", () => {
  it("keeps no new caller waiting once the network is well", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    await orphans(backends, pool, 1);
    backends.clock.advance(SOON);
    backends.manual = false;
    await pool.acquire();
    assertEquals([backends.attempted, ...counts(pool)], [2, 0, 1, 0]);
  });

  it("keeps the caller who has it waiting no longer than the next", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    backends.manual = true;
    const first = pool.acquire();
    await settle();
    backends.clock.advance(SOON);
    backends.manual = false;
    await Promise.all([first, pool.acquire()]);
    assertEquals([backends.attempted, ...counts(pool)], [3, 0, 1, 0]);
  });

  it("is counted on while it is young, and no longer", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    await orphans(backends, pool, 1);
    backends.manual = false;
    const caller = pool.acquire();
    await settle();
    assertEquals([backends.attempted, ...counts(pool)], [1, 0, 1, 1]);
    backends.clock.advance(SOON);
    await caller;
    assertEquals([backends.attempted, ...counts(pool)], [2, 0, 1, 0]);
  });

  it("is worth what others are when it succeeds after all", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    await orphans(backends, pool, 1);
    backends.clock.advance(10 * SOON);
    backends.attempts[0]!.proceed();
    await settle();
    assertEquals([pool.size, ...counts(pool)], [1, 1, 0, 0]);
    await pool.acquire();
    assertEquals([backends.attempted, pool.size, pool.stats().used], [1, 1, 1]);
  });

  it("turns nobody away when it fails after all, but the one for whom it was made", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 2 });
    backends.manual = true;
    const callers = acquire(pool, 2);
    await settle();
    backends.clock.advance(SOON);
    const error = refused();
    const told = assertRejects(() => callers[0]!);
    backends.attempts[0]!.fail(error);
    assertStrictEquals(await told, error);
    assertEquals(counts(pool), [0, 1, 1]);
    backends.attempts[1]!.proceed();
    await callers[1];
    assertEquals([pool.size, ...counts(pool)], [1, 0, 0, 0]);
  });

  it("ends when the pool is closed, and no timer is left", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    await orphans(backends, pool, 3);
    backends.clock.advance(10 * SOON);
    const told = assertRejects(() => pool.acquire());
    pool.close();
    await Promise.all([told, pool.wait_closed()]);
    assertEquals([pool.size, backends.clock.pending], [0, 0]);
  });
});

describe("The place of an attempt that is stuck", () => {
  it("is given to who waits, once nobody waits for the attempt", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 2 });
    await orphans(backends, pool, 2);
    backends.clock.advance(SOON);
    backends.manual = false;
    await pool.acquire();
    const aborted = backends.attempts.map(({ signal }) => signal.aborted);
    assertEquals([pool.size, ...counts(pool), aborted], [2, 0, 1, 0, [true, false]]);
  });

  it("is given as soon as the attempt is late", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1 });
    await orphans(backends, pool, 1);
    backends.manual = false;
    const caller = pool.acquire();
    backends.clock.advance(0.9 * SOON);
    await settle();
    assertEquals([backends.attempted, pool.waiting], [1, 1]);
    backends.clock.advance(0.1 * SOON);
    await caller;
    assertEquals([backends.attempted, pool.size], [2, 1]);
  });

  it("is kept while the caller of the attempt waits", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1 });
    backends.manual = true;
    const callers = acquire(pool, 2);
    await settle();
    backends.clock.advance(20 * SOON);
    await settle();
    assertEquals([backends.attempted, pool.size, pool.waiting], [1, 1, 2]);
    backends.attempts[0]!.proceed();
    await pool.release(await callers[0]!);
    await callers[1];
  });

  it("is kept while there is another, or nobody waits", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 2 });
    await orphans(backends, pool, 1);
    backends.clock.advance(20 * SOON);
    backends.manual = false;
    await pool.acquire();
    assertEquals([backends.attempts[0]!.signal.aborted, pool.size], [false, 2]);
  });

  it("is given later each time, so that who leaves early is served where connecting is slow", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 1 });
    backends.manual = true;
    let callers = 0;
    for (let served = false; !served; callers++) {
      const caller = pool.acquire({ timeout: 2 }).then(() => true, (error) => {
        assert(error instanceof PoolTimeout);
        return false;
      });
      for (let waited = 0; waited < 2.5; waited += 0.5) {
        await settle();
        backends.clock.advance(0.5);
        for (const attempt of backends.attempts) attempt_after(3, attempt, backends);
      }
      served = await caller;
      assert(callers < 10);
    }
    assertEquals([callers, backends.attempted, pool.size], [4, 3, 1]);
  });
});

describe("Callers who need connections", () => {
  it("have no more attempts made than there are callers, a few at once", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 50 });
    backends.manual = true;
    const callers = acquire(pool, 8);
    await settle();
    assertEquals(backends.attempted, 5);
    backends.clock.advance(0.99 * SOON);
    await settle();
    assertEquals(backends.attempted, 5);
    for (const [after, attempted] of [[0.01, 6], [0.5, 6], [0.5, 7], [1, 8], [20, 8]] as const) {
      backends.clock.advance(after * SOON);
      await settle();
      assertEquals(backends.attempted, attempted);
    }
    for (const attempt of backends.attempts) attempt.proceed();
    await Promise.all(callers);
    assertEquals([backends.attempted, ...counts(pool)], [8, 0, 0, 0]);
  });

  it("have one attempt a second made in a dead network, however many come and leave", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 0, timeout: 60 });
    backends.manual = true;
    const callers: Promise<unknown>[] = [];
    for (let waited = 0; waited < 10; waited += 0.1) {
      callers.push(assertRejects(() => pool.acquire({ timeout: 0.5 }), PoolTimeout));
      await settle();
      backends.clock.advance(0.1);
    }
    assert(backends.attempted <= 5 + 10 / SOON, `${backends.attempted} attempts`);
    backends.clock.advance(1);
    await Promise.all(callers);
    backends.manual = false;
    const caller = pool.acquire();
    backends.clock.advance(SOON);
    await caller;
  });

  it("have attempts made at once again where none is slower than those before", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 50 });
    backends.manual = true;
    const first = pool.acquire();
    await settle();
    backends.clock.advance(2 * SOON);
    backends.attempts.pop()!.proceed();
    await first;
    const callers = acquire(pool, 10);
    for (const waited of [0, 2, 1.9]) {
      backends.clock.advance(waited);
      await settle();
      assertEquals([backends.attempts.length, pool.stats().opening], [5, 5]);
    }
    while (backends.attempts.length > 0) {
      backends.attempts.shift()!.proceed();
      await settle();
    }
    await Promise.all(callers);
    assertEquals(backends.attempted, 11);
  });

  it("never have more than maxsize connections, those that are stuck included", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0, maxsize: 3 });
    await orphans(backends, pool, 3);
    backends.manual = false;
    const callers = acquire(pool, 9);
    let served = 0;
    for (const caller of callers) void caller.then(() => served++);
    for (let waited = 0; waited < 8; waited++) {
      backends.clock.advance(SOON);
      await settle();
      assert(pool.size <= 3 && backends.open.length <= 3);
    }
    assertEquals([served, ...counts(pool)], [3, 0, 0, 6]);
    for (const caller of callers) await pool.release(await caller);
  });

  it("have one attempt each made where the server refuses, and none afterwards", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    await orphans(backends, pool, 1);
    backends.clock.advance(SOON);
    backends.failures.push(...Array.from({ length: 20 }, refused));
    const callers = acquire(pool, 20);
    await Promise.all(callers.map((caller) => assertRejects(() => caller, OperationalError)));
    backends.clock.advance(30 * SOON);
    await settle();
    assertEquals([backends.attempted, ...counts(pool)], [21, 0, 1, 0]);
  });
});

/** Lets an attempt succeed so many seconds after it was first seen here. */
const SEEN = new WeakMap<object, number>();
function attempt_after(
  seconds: number,
  attempt: Backends["attempts"][number],
  { clock }: Backends,
) {
  const seen = SEEN.get(attempt) ?? clock.now() - 500;
  SEEN.set(attempt, seen);
  if (clock.now() - seen >= seconds * 1000) attempt.proceed();
}
