/** The queue of notifications, which in aiopg is a queue that can be closed. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { NotificationQueue, OperationalError } from "../../mod.ts";

const lost = new OperationalError("the connection was lost");

function notification(payload: string): { channel: string; payload: string; pid: number } {
  return { channel: "test", payload, pid: 1 };
}

describe("NotificationQueue", () => {
  it("gives what was put into it, at once or when asked", async () => {
    const queue = new NotificationQueue();
    assertEquals([queue.empty(), queue.qsize()], [true, 0]);
    queue.put(notification("one"));
    assertEquals([queue.empty(), queue.qsize()], [false, 1]);
    assertEquals((await queue.get()).payload, "one");
    queue.put(notification("two"));
    assertEquals(queue.get_nowait(), notification("two"));
  });

  it("gives null where it is asked not to wait and nothing is there", () => {
    const queue = new NotificationQueue();
    queue.put(notification("one"));
    assertEquals(queue.get_nowait(), notification("one"));
    assertEquals(queue.get_nowait(), null);
  });

  it("rejects who waits when it ends", async () => {
    const queue = new NotificationQueue();
    const reading = assertRejects(
      async () => {
        await queue.get();
        await queue.get();
      },
      OperationalError,
      lost.message,
    );
    queue.put(notification("one"));
    queue.end(lost);
    await reading;
  });

  it("gives what is left in it after its end", () => {
    const queue = new NotificationQueue();
    queue.put(notification("one"));
    queue.end(lost);
    assertEquals(queue.get_nowait(), notification("one"));
    assertThrows(() => queue.get_nowait(), OperationalError, lost.message);
  });

  it("lets who waits give up", async () => {
    const queue = new NotificationQueue();
    const stop = new AbortController();
    const reading = assertRejects(() => queue.get({ signal: stop.signal }), RangeError);
    stop.abort(new RangeError("enough"));
    await reading;
    queue.put(notification("one"));
    assertEquals(queue.qsize(), 1);
  });
});
