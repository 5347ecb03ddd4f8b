/** A pool where sockets are bound to requests, as they are on workerd. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { InterfaceError, PoolClosedError, QueryCanceledError } from "../../src/errors.ts";
import { Backends, settle } from "./backends.ts";

const PID = "select pg_backend_pid()";

/** Backends in a request. */
function backends_in(request: string): Backends {
  const backends = new Backends();
  backends.request = request;
  return backends;
}

describe("Pool, where sockets are bound to requests,", () => {
  it("lends to each request what it opened itself, and again what came back", async () => {
    await using backends = backends_in("a");
    const pool = await backends.pool({ minsize: 0 });
    const pids: unknown[] = [];
    for (const request of ["a", "b", "a", "c", "b", "a"]) {
      backends.request = request;
      pids.push(await pool.fetchval(PID));
      assertEquals(pool.size, 1);
    }
    assertEquals(pids, ["1001", "1002", "1001", "1003", "1002", "1001"]);
  });

  it("may be made outside of any, and opens nothing there", async () => {
    await using backends = backends_in("");
    const pool = await backends.pool({ minsize: 0 });
    assertEquals([pool.size, pool.freesize, pool.waiting, pool.closed], [0, 0, 0, false]);
    await assertRejects(() => pool.acquire(), InterfaceError, "no request");
    await assertRejects(() => pool.fetchval(PID), InterfaceError, "no request");
    await assertRejects(() => pool.listen("x"), InterfaceError, "no request");
    await pool.clear();
    backends.request = "a";
    assertEquals(await pool.fetchval(PID), "1001");
  });

  it("cannot be made outside of any with a minsize", async () => {
    await using backends = backends_in("");
    const pool = await backends.closed_pool();
    await assertRejects(() => pool.open_minimum(), InterfaceError, "no request");
    assertEquals(pool.closed, true);
  });

  it("has maxsize connections in each", async () => {
    await using backends = backends_in("a");
    const pool = await backends.pool({ maxsize: 1 });
    const held = await pool.acquire();
    backends.request = "b";
    await using conn = await pool.acquire();
    assertEquals(await conn.fetchval(PID), "1002");
    assertEquals(pool.stats().used, 1);
    backends.request = "a";
    await pool.release(held);
    assertEquals([pool.size, pool.freesize], [1, 1]);
    backends.request = "b";
  });

  it("keeps minsize where it was made, and elsewhere nothing for longer than half a second", async () => {
    await using backends = backends_in("a");
    const pool = await backends.pool({ minsize: 2 });
    backends.request = "b";
    await pool.fetchval(PID); // on 1003
    backends.clock.advance(0.4);
    await settle();
    assertEquals(backends.open.length, 3);
    backends.clock.advance(0.1);
    await settle();
    assertEquals(backends.open.map(({ pid }) => pid), [1001, 1002]);
    backends.clock.advance(100);
    backends.request = "c";
    assertEquals(await pool.fetchval(PID), "1004");
    backends.request = "b";
    assertEquals(await pool.fetchval(PID), "1005");
    backends.request = "a";
    assertEquals([pool.size, await pool.fetchval(PID)], [2, "1001"]);
  });

  it("keeps the connection that a request holds for long", async () => {
    await using backends = backends_in("");
    const pool = await backends.pool({ minsize: 0 });
    backends.request = "a";
    await using held = await pool.acquire();
    backends.clock.advance(100);
    backends.request = "b";
    await pool.fetchval(PID);
    backends.request = "a";
    assertEquals([pool.size, await held.fetchval(PID)], [1, "1001"]);
  });

  it("forgets requests that never released, and what it forgot too early still works", async () => {
    await using backends = backends_in("first");
    const pool = await backends.pool({ minsize: 1 });
    const held = await pool.acquire();
    for (let i = 0; i < 300; i++) {
      backends.request = `request ${i}`;
      await pool.acquire();
    }
    backends.request = "first";
    assertEquals([pool.size, await pool.fetchval(PID)], [0, "1302"]);
    assertEquals(await held.fetchval(PID), "1001");
    await pool.release(held);
    await assertRejects(() => held.fetchval(PID), InterfaceError, "released");
  });

  it("turns away who waits in another request when it is closed, and closes what comes back", async () => {
    await using backends = backends_in("a");
    const pool = await backends.pool({ maxsize: 1 });
    const held = await pool.acquire();
    const waiting = assertRejects(() => pool.acquire(), PoolClosedError);
    backends.request = "b";
    pool.close();
    await pool.wait_closed();
    assertEquals([pool.closing, pool.closed, pool.size], [true, true, 0]);
    await assertRejects(() => pool.acquire(), PoolClosedError);
    await waiting;
    backends.request = "a";
    assertEquals([pool.closed, await held.fetchval(PID)], [false, "1001"]);
    await pool.release(held);
    await pool.wait_closed();
    assertEquals([pool.closed, pool.size, backends.open.length], [true, 0, 0]);
  });

  it("leaves what another request holds as it is when it is terminated", async () => {
    await using backends = backends_in("a");
    const pool = await backends.pool({ maxsize: 1 });
    const held = await pool.acquire();
    backends.request = "b";
    pool.terminate();
    backends.request = "a";
    assertEquals(await held.fetchval(PID), "1001");
    pool.terminate();
    await assertRejects(() => held.fetchval(PID));
    await pool.wait_closed();
  });
});

describe("Connection, where sockets are bound to requests,", () => {
  it("refuses to be used in another, and is none the worse for it", async () => {
    await using backends = backends_in("a");
    const pool = await backends.pool();
    const conn = await pool.acquire();
    const tx = await conn.begin();
    const running = tx.execute("hang");
    backends.request = "b";
    const uses: Record<string, () => Promise<unknown>> = {
      execute: () => conn.execute(PID),
      begin: () => conn.begin(),
      commit: () => tx.commit(),
      cursor: () => conn.cursor(),
      reset: () => conn.reset(),
      cancel: () => conn.cancel(),
      "notifies.get": () => conn.notifies.get(),
      close: () => conn.close(),
      release: () => pool.release(conn),
      dispose: () => conn[Symbol.asyncDispose](),
      copy_from: () => conn.copy_from("copy t from stdin").getWriter().write(new Uint8Array(1)),
      copy_to: () => conn.copy_to("copy t to stdout").getReader().read(),
      stream: () => conn.stream(PID).next(),
    };
    for (const [name, use] of Object.entries(uses)) {
      const error = await assertRejects(use, InterfaceError, "only in the request that opened it");
      assertEquals(error.message.includes("HINT: connect, or acquire"), true, name);
    }
    await tx[Symbol.asyncDispose](); // never rejects
    backends.request = "a";
    await conn.cancel();
    await assertRejects(() => running, QueryCanceledError);
    await tx.rollback();
    assertEquals([conn.closed, await conn.fetchval(PID)], [false, "1001"]);
    await conn.close();
    backends.request = "b";
    await conn.close(); // closing again does nothing, wherever
  });
});
