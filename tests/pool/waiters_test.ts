/** The queue of those who wait. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { WaiterQueue } from "../../src/pool/waiters.ts";
import { FakeClock } from "../support/fake_clock.ts";

function queue_of(size: number, clock = new FakeClock()) {
  const queue = new WaiterQueue<string>(clock, ({ timeout }) => new Error(`late: ${timeout}`));
  const waiters = Array.from({ length: size }, () => queue.join(Infinity, undefined));
  return { queue, waiters, clock };
}

/** Serves all who wait, in order; which of `waiters` they are. */
function order(queue: WaiterQueue<string>, waiters: unknown[]): number[] {
  const served: number[] = [];
  for (let first = queue.first; first !== null; first = queue.first) {
    served.push(waiters.indexOf(first));
    queue.serve(first, "served");
  }
  return served;
}

describe("WaiterQueue", () => {
  it("serves in the order of arrival", () => {
    const { queue, waiters } = queue_of(3);
    assertEquals(order(queue, waiters), [0, 1, 2]);
    assertEquals(queue.size, 0);
  });

  for (const [leaver, rest] of [[0, [1, 2, 3]], [1, [0, 2, 3]], [3, [0, 1, 2]]] as const) {
    it(`keeps its order when the one at ${leaver} leaves`, async () => {
      const { queue, waiters } = queue_of(4);
      queue.reject(waiters[leaver]!, new Error("left"));
      await assertRejects(() => waiters[leaver]!.promise, Error, "left");
      assertEquals(queue.size, 3);
      assertEquals(order(queue, waiters), [...rest]);
    });
  }

  it("takes newcomers after it was empty", () => {
    const { queue, waiters } = queue_of(1);
    queue.serve(queue.first!, "served");
    const late = [queue.join(1, undefined), queue.join(1, undefined)];
    assertEquals(order(queue, [...waiters, ...late]), [1, 2]);
  });

  it("lets one go first who was served with nothing good", () => {
    const { queue, waiters } = queue_of(2);
    const again = queue.join(1, undefined, true);
    assertEquals(order(queue, [...waiters, again]), [2, 0, 1]);
    const alone = queue.join(1, undefined, true);
    assertEquals(order(queue, [alone, queue.join(1, undefined)]), [0, 1]);
  });

  it("turns away by the signal's reason, and forgets the signal", async () => {
    const { queue } = queue_of(0);
    const stop = new AbortController();
    const waiter = queue.join(1, stop.signal);
    const served = queue.join(1, stop.signal);
    queue.serve(served, "a");
    assertEquals(await served.promise, "a");
    queue.serve(waiter, "b");
    stop.abort(new Error("too late"));
    assertEquals(await waiter.promise, "b");
    const impatient = queue.join(1, AbortSignal.abort());
    assertEquals(impatient.waiting, true); // who joins must have looked at the signal
    const other = new AbortController();
    const leaver = queue.join(1, other.signal);
    other.abort(new Error("left"));
    await assertRejects(() => leaver.promise, Error, "left");
  });

  it("turns everyone away at its own deadline, by one timer", async () => {
    const { queue, clock } = queue_of(0);
    const waiters = [3, 1, 2].map((seconds) => queue.join(seconds, undefined));
    const outcomes = waiters.map(({ promise }) => promise.catch(({ message }) => message));
    assertEquals(clock.pending, 1);
    clock.advance(1);
    assertEquals(queue.size, 2);
    clock.advance(2);
    assertEquals(queue.size, 0);
    assertEquals(await Promise.all(outcomes), ["late: 3", "late: 1", "late: 2"]);
  });

  it("counts those that a new connection could help", () => {
    const { queue, waiters } = queue_of(3);
    queue.refuse(waiters[1]!);
    queue.refuse(waiters[1]!);
    queue.refuse(waiters[2]!);
    assertEquals(queue.hopeful, 1);
    queue.encourage();
    assertEquals(waiters.map(({ refused }) => refused), [false, false, true]);
    assertEquals(queue.hopeful, 2);
    queue.reject(waiters[2]!, null);
    waiters[2]!.promise.catch(() => {});
    assertEquals([queue.size, queue.hopeful], [2, 2]);
  });

  it("stops its timer when all are turned away", async () => {
    const { queue, clock } = queue_of(0);
    const waiters = [queue.join(1, undefined), queue.join(2, undefined)];
    queue.reject_all(new Error("closed"));
    for (const { promise } of waiters) await assertRejects(() => promise, Error, "closed");
    assertEquals(clock.pending, 0);
  });

  it("does the work of whoever gave some, the moment it is served", async () => {
    const { queue } = queue_of(0);
    const done: string[] = [];
    const waiter = queue.join(1, undefined, false, async (value) => {
      done.push(value);
      return await Promise.resolve(value.length);
    });
    queue.serve(waiter, "abc");
    assertEquals(done, ["abc"]);
    assertEquals(await waiter.promise, 3);
  });
});
