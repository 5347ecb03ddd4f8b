import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MAX_WAITING, NotificationQueue } from "../../../src/connection/handle/notifies.ts";
import type { Notification } from "../../../src/connection/session/session_owner.ts";
import { InterfaceError, OperationalError, TimeoutError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";

function note(payload: string): Notification {
  return { channel: "c", payload, pid: 1 };
}

const lost = new OperationalError("the connection to the server was lost");

describe("NotificationQueue.get()", () => {
  it("gives what is queued, in order", async () => {
    const queue = new NotificationQueue();
    queue.put(note("a"));
    queue.put(note("b"));
    assertEquals([queue.qsize(), queue.empty()], [2, false]);
    assertEquals([await queue.get(), await queue.get()], [note("a"), note("b")]);
    assertEquals([queue.qsize(), queue.empty()], [0, true]);
  });

  it("waits for what comes; who came first is served first", async () => {
    const queue = new NotificationQueue();
    const readers = Promise.all([queue.get(), queue.get()]);
    queue.put(note("a"));
    queue.put(note("b"));
    assertEquals(await readers, [note("a"), note("b")]);
    assertEquals(queue.qsize(), 0);
  });

  it("rejects after the loss of the connection, but not before what is queued is read", async () => {
    const queue = new NotificationQueue();
    queue.put(note("a"));
    queue.end(lost);
    queue.put(note("too late"));
    assertEquals(await queue.get(), note("a"));
    await assertRejects(() => queue.get(), OperationalError, "lost");
    await assertRejects(() => queue.get(), OperationalError, "lost");
  });

  it("rejects those that wait when the connection is lost", async () => {
    const queue = new NotificationQueue();
    const readers = Promise.allSettled([queue.get(), queue.get()]);
    queue.end(lost);
    assertEquals((await readers).map(({ status }) => status), ["rejected", "rejected"]);
  });

  it("rejects after close()", async () => {
    const queue = new NotificationQueue();
    queue.close();
    await assertRejects(() => queue.get(), InterfaceError, "closed");
  });

  it("gives up when its signal aborts, and takes nothing", async () => {
    const queue = new NotificationQueue();
    const controller = new AbortController();
    const read = queue.get({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await assertRejects(() => read, Error, "enough");
    queue.put(note("a"));
    await assertRejects(() => queue.get({ signal: controller.signal }), Error, "enough");
    assertEquals(await queue.get(), note("a"));
  });

  it("gives up after its timeout, and takes nothing", async () => {
    const clock = new FakeClock();
    const queue = new NotificationQueue(clock);
    const read = queue.get({ timeout: 5 });
    clock.advance(5);
    await assertRejects(() => read, TimeoutError, "within 5 s");
    queue.put(note("a"));
    assertEquals(await queue.get({ timeout: 5 }), note("a"));
    const served = queue.get({ timeout: 5 });
    queue.put(note("b"));
    await served;
    assertEquals(clock.pending, 0);
  });
});

describe("NotificationQueue.get_nowait()", () => {
  it("gives null when nothing is queued, and throws at the end", () => {
    const queue = new NotificationQueue();
    assertEquals(queue.get_nowait(), null);
    queue.put(note("a"));
    queue.end(lost);
    assertEquals(queue.get_nowait(), note("a"));
    assertThrows(() => queue.get_nowait(), OperationalError);
  });
});

describe("NotificationQueue as an iterable", () => {
  it("ends when it is closed, after what is queued", async () => {
    const queue = new NotificationQueue();
    queue.put(note("a"));
    const seen: string[] = [];
    for await (const { payload } of queue) {
      seen.push(payload);
      if (seen.length === 1) queue.put(note("b"));
      else queue.close();
    }
    assertEquals(seen, ["a", "b"]);
  });

  it("throws when the connection is lost", async () => {
    const queue = new NotificationQueue();
    const next = queue[Symbol.asyncIterator]().next();
    queue.end(lost);
    await assertRejects(() => next, OperationalError, "lost");
  });

  it("settles a pending next() when it is returned", async () => {
    const queue = new NotificationQueue();
    const iterator = queue[Symbol.asyncIterator]();
    const next = iterator.next();
    await iterator.return!();
    assertEquals(await next, { done: true, value: undefined });
    queue.put(note("a"));
    assertEquals(await iterator.next(), { done: true, value: undefined });
    assertEquals(queue.qsize(), 1);
  });
});

describe("NotificationQueue.put()", () => {
  it("drops the oldest when too many wait, and says so once", () => {
    const told: string[] = [];
    const queue = new NotificationQueue(new FakeClock(), (message) => told.push(message));
    for (let i = 0; i < MAX_WAITING + 3; i++) queue.put(note(String(i)));
    assertEquals(queue.qsize(), MAX_WAITING);
    assertEquals(queue.get_nowait(), note("3"));
    assertEquals(told.length, 1);
    assert(told[0]!.includes("were dropped"));
  });
});
