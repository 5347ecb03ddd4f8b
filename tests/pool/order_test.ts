/** Which free connection a pool lends next, while some of them are being reset. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../src/connection/handle/connection.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Backends, settle } from "./backends.ts";

/** A pool whose connections were all released in the order of their pids; the resets of `slow` hang. */
async function released(backends: Backends, count: number, slow: number[]): Promise<Pool> {
  const pool = await backends.pool({ minsize: count, maxsize: count, max_idle: 0 });
  const all: Connection[] = [];
  for (let i = 0; i < count; i++) all.push(await pool.acquire());
  for (const i of slow) backends.all[i]!.hold();
  for (const conn of all) await pool.release(conn);
  await settle();
  return pool;
}

describe("Pool.acquire", () => {
  it("waits for the least recently used one although another is ready", async () => {
    await using backends = new Backends();
    const pool = await released(backends, 3, [0]);
    const acquired = pool.acquire();
    await settle();
    assertEquals(pool.waiting, 1);
    backends.all[0]!.answer();
    assertEquals((await acquired).get_backend_pid(), 1001);
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
  });

  it("serves as many callers as there are connections at once, whichever are ready", async () => {
    await using backends = new Backends();
    const pool = await released(backends, 3, [0]);
    const acquired = Array.from({ length: 3 }, () => pool.acquire());
    const first_two = await Promise.all(acquired.slice(0, 2));
    assertEquals(first_two.map((conn) => conn.get_backend_pid()), [1002, 1003]);
    backends.all[0]!.answer();
    assertEquals((await acquired[2]!).get_backend_pid(), 1001);
  });

  it("waits for no connection that is being cancelled", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, max_idle: 0 });
    const busy = await pool.acquire();
    const other = await pool.acquire();
    const hung = busy.execute("hang").catch(() => {});
    backends.all[0]!.hold();
    await pool.release(busy);
    await pool.release(other);
    await settle();
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
    backends.all[0]!.answer();
    await hung;
  });
});
