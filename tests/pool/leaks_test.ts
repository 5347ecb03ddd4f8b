/** Leases that never come back. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Connection } from "../../src/connection/handle/connection.ts";
import type { Session } from "../../src/connection/session/session.ts";
import { OperationalError } from "../../src/errors.ts";
import { LeakWatch, type Registry } from "../../src/pool/leaks.ts";
import { PoolLease } from "../../src/pool/lease.ts";
import type { LeakEvent } from "../../src/pool/options.ts";
import { Slot } from "../../src/pool/slot.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { collect_until } from "../support/garbage.ts";
import { Backends, settle } from "./backends.ts";

describe("Pool leak_after", () => {
  it("tells on_leak of a lease that is held for longer, with its acquire's stack", async () => {
    await using backends = new Backends();
    const leaks: LeakEvent[] = [];
    const pool = await backends.pool({ leak_after: 10, on_leak: (event) => leaks.push(event) });
    const in_time = await pool.acquire();
    async function forgetful_caller(): Promise<Connection> {
      return await pool.acquire();
    }
    const held = await forgetful_caller();
    backends.clock.advance(9);
    await pool.release(in_time);
    assertEquals(leaks, []);
    backends.clock.advance(2);
    assertEquals(leaks.length, 1);
    const [{ message, stack, seconds, backend_pid }] = leaks as [LeakEvent];
    assertEquals([seconds, backend_pid], [10, held.get_backend_pid()]);
    assertStringIncludes(message, "was not released for 10.0 s");
    assertStringIncludes(stack, "forgetful_caller");
    backends.clock.advance(100);
    assertEquals([leaks.length, backends.warnings.length], [1, 0]);
    assertEquals(await held.fetchval("select 1"), String(backend_pid)); // it is still the borrower's
    await pool.release(held);
  });

  it("warns where there is no on_leak", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ leak_after: 10 });
    await pool.acquire();
    backends.clock.advance(10);
    assertEquals(backends.warnings.length, 1);
    assertMatch(backends.warnings[0]!, /^a connection \(backend 1001\) was not released.*\n/);
    assertStringIncludes(backends.warnings[0]!, "leaks_test.ts");
  });

  it("tells of the one that began first, though its session was lent later", async () => {
    await using backends = new Backends();
    const leaks: number[] = [];
    const pool = await backends.pool({
      maxsize: 2,
      reset: false,
      leak_after: 10,
      on_leak: ({ backend_pid }) => leaks.push(backend_pid),
    });
    const [first, second] = [await pool.acquire(), await pool.acquire()];
    const waiter = pool.acquire();
    await settle();
    void pool.release(first); // the waiter's, whose lease begins in a microtask
    void pool.release(second);
    const at_once = pool.acquire();
    backends.clock.advance(7); // computing
    await waiter;
    await at_once;
    backends.clock.advance(3);
    assertEquals(leaks, [1002]);
    backends.clock.advance(7);
    assertEquals(leaks, [1002, 1001]);
  });

  it("tells of none once the pool is closed, if by on_leak", async () => {
    await using backends = new Backends();
    const leaks: number[] = [];
    const pool = await backends.pool({
      maxsize: 3,
      leak_after: 10,
      on_leak: ({ backend_pid }) => {
        leaks.push(backend_pid);
        pool.close();
      },
    });
    const held = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    backends.clock.advance(10);
    backends.clock.advance(100);
    assertEquals([leaks, backends.clock.pending], [[1001], 0]);
    for (const connection of held) await connection.close();
  });

  it("does not concern one-shot calls", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ leak_after: 10 });
    const call = pool.execute("hang", [], { timeout: 30 });
    await settle();
    backends.clock.advance(30);
    await assertRejects(() => call, OperationalError);
    assertEquals(backends.warnings, []);
  });

  const broken = {
    throws: () => {
      throw new Error("on_leak is broken");
    },
    rejects: () => Promise.reject(new Error("on_leak is broken")),
  };

  for (const [name, on_leak] of Object.entries(broken)) {
    it(`survives an on_leak that ${name}`, async () => {
      await using backends = new Backends();
      const warn = console.warn;
      const printed: unknown[] = [];
      console.warn = (...args) => void printed.push(args);
      try {
        const pool = await backends.pool({ leak_after: 10, on_leak });
        await pool.acquire();
        backends.clock.advance(10);
        await settle();
      } finally {
        console.warn = warn;
      }
      assertEquals(printed.length, 1);
    });
  }
});

/** A watch whose garbage the test collects. */
function watch_with(options: { on_leak?: (event: LeakEvent) => void } = {}) {
  const registered = new Map<unknown, PoolLease>();
  const warnings: string[] = [];
  const reclaimed: PoolLease[] = [];
  let collect: (lease: PoolLease | null) => void = () => {};
  const lent: PoolLease[] = [];
  const watch = new LeakWatch(
    {
      clock: new FakeClock(),
      leak_after: Infinity,
      on_leak: options.on_leak,
      on_warning: ({ message }) => void warnings.push(message),
    },
    () => lent,
    (lease) => reclaimed.push(lease),
    (garbage): Registry => {
      collect = garbage;
      return {
        register: (_, lease, token) => void (lease && registered.set(token, lease)),
        unregister: (token) => registered.delete(token),
      };
    },
  );
  const slot = new Slot({ backend_pid: 7 } as Session, Infinity, () => {});
  const lease = new PoolLease({}, slot, 0, watch.stack(), () => {});
  const connection = Object.create(Connection.prototype) as Connection;
  lent.push(lease);
  return { watch, lent, lease, connection, registered, warnings, reclaimed, collect };
}

describe("A lease whose handle nobody holds", () => {
  it("is taken back when garbage is collected, and on_leak is told", async () => {
    await using backends = new Backends();
    const leaks: LeakEvent[] = [];
    const pool = await backends.pool({ maxsize: 1, on_leak: (event) => leaks.push(event) });
    const acquired = await (async () => void await pool.acquire())();
    assertEquals([acquired, pool.freesize], [undefined, 0]);
    assert(await collect_until(() => leaks.length > 0));
    assertStringIncludes(leaks[0]!.message, "was never released");
    assertEquals(await pool.fetchval("select 1"), "1001");
  });

  it("leaves no codec to the next borrower", async () => {
    await using backends = new Backends();
    const leaks: LeakEvent[] = [];
    const pool = await backends.pool({ maxsize: 1, on_leak: (event) => leaks.push(event) });
    const shout = { name: "text", decode: () => "!", encode: () => new Uint8Array() };
    await (async () => (await pool.acquire()).register_codec(shout))();
    assert(await collect_until(() => leaks.length > 0));
    await using next = await pool.acquire();
    assertEquals(await next.fetchval("select 1"), "1001");
  });
});

describe("LeakWatch", () => {
  it("warns of a lease whose handle is garbage, and takes it back", () => {
    const { watch, lease, connection, registered, warnings, reclaimed, collect } = watch_with();
    watch.watch(connection, lease);
    collect(null);
    collect(registered.get(lease)!);
    assertEquals(reclaimed, [lease]);
    assertEquals(warnings.length, 1);
    assertStringIncludes(warnings[0]!, "(backend 7) was never released");
  });

  it("tells on_leak instead, with the stack of the acquire", () => {
    const leaks: LeakEvent[] = [];
    const { watch, lease, connection, warnings, collect } = watch_with({
      on_leak: (event) => leaks.push(event),
    });
    watch.watch(connection, lease);
    collect(lease);
    assertEquals([warnings.length, leaks.length], [0, 1]);
    assertStringIncludes(leaks[0]!.stack, "watch_with");
  });

  it("takes no stack where nobody asked for it", () => {
    assertEquals(watch_with().watch.stack(), null);
  });

  it("registers what is still out when garbage is collected, and each once", () => {
    const { watch, lent, lease, connection, registered, collect } = watch_with();
    const [second, third] = [1, 2].map(() => new PoolLease({}, lease.slot, 0, null, () => {}));
    lent.push(second!, third!);
    for (const each of [lease, second!]) watch.watch(connection, each);
    watch.forget(lease);
    assertEquals([...registered.values()], []);
    collect(null);
    assertEquals([...registered.values()], [second]);
    watch.forget(second!);
    watch.watch(connection, third!);
    assertEquals([...registered.values()], []);
    collect(null);
    assertEquals([...registered.values()], [third]);
  });

  it("forgets a lease that has ended", () => {
    const { watch, lease, connection, registered, warnings, reclaimed, collect } = watch_with();
    watch.watch(connection, lease);
    collect(null);
    watch.forget(lease);
    assertEquals(registered.size, 0);
    lease.state = "released";
    collect(lease); // as a runtime may do although it was told
    assertEquals([warnings, reclaimed], [[], []]);
  });
});

describe("PoolLease", () => {
  it("ends once", async () => {
    let ended = 0;
    const slot = new Slot({} as Session, Infinity, () => {});
    const lease = new PoolLease({}, slot, 0, null, () => ended++);
    const connection = await handle();
    await lease.release(connection);
    await lease.release(connection);
    assertEquals([lease.state, ended], ["released", 1]);
  });
});

/** Any handle. */
async function handle(): Promise<Connection> {
  await using backends = new Backends();
  return await (await backends.pool()).acquire();
}
