/** Pool.listen(): notifications, and gaps where some may be missing. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MAX_WAITING } from "../../src/connection/handle/notifies.ts";
import { InterfaceError, OperationalError, PoolClosedError } from "../../src/errors.ts";
import { notification } from "../support/messages.ts";
import { Backends, refused, settle } from "./backends.ts";

/** The next item; "nothing" if there is none now. */
async function next(items: AsyncIterator<unknown>): Promise<unknown> {
  let item: unknown = "nothing";
  void items.next().then(({ value, done }) => item = done ? "the end" : value);
  await settle();
  return item;
}

describe("Pool.listen", () => {
  it("yields notifications, on a connection that is not counted", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1 });
    await using listener = await pool.listen("news", 'strange "name');
    assertEquals([pool.size, backends.open.length], [1, 2]);
    assertEquals(backends.all[1]!.statements, ['LISTEN "news"; LISTEN "strange ""name"']);
    assertEquals(listener.channels, ["news", 'strange "name']);
    const items = listener[Symbol.asyncIterator]();
    backends.all[1]!.peer.send(notification(7, "news", "a"), notification(7, "news", "b"));
    assertEquals(await next(items), { channel: "news", payload: "a", pid: 7 });
    assertEquals(await next(items), { channel: "news", payload: "b", pid: 7 });
    const waiting = items.next();
    backends.all[1]!.peer.send(notification(7, "news", "c"));
    assertEquals((await waiting).value, { channel: "news", payload: "c", pid: 7 });
  });

  it("connects again when its connection is lost, and yields a gap first", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    const before = new Date();
    backends.all[0]!.peer.send(notification(7, "news", "a"));
    await settle();
    backends.all[0]!.kill();
    backends.on_open = (backend) => backend.greeting = notification(7, "news", "b"); // with LISTEN's answer
    await settle();
    backends.all[1]!.peer.send(notification(7, "news", "c"));
    assertEquals(await next(items), { channel: "news", payload: "a", pid: 7 });
    const gap = await next(items) as { gap: true; channels: string[]; since: Date };
    assertEquals([gap.gap, gap.channels], [true, ["news"]]);
    assert(gap.since >= before && gap.since <= new Date());
    assertEquals(await next(items), { channel: "news", payload: "b", pid: 7 });
    assertEquals(await next(items), { channel: "news", payload: "c", pid: 7 });
    assertEquals([await next(items), backends.warnings], ["nothing", []]);
  });

  it("tries to connect until it succeeds, less and less often, and warns once", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    for (let i = 0; i < 20; i++) backends.failures.push(refused());
    backends.all[0]!.kill();
    await settle();
    const attempts = [backends.attempted];
    for (let i = 0; i < 4; i++) {
      for (let tenths = 0; tenths < 20; tenths++) {
        backends.clock.advance(0.1);
        await settle();
      }
      attempts.push(backends.attempted);
    }
    assertEquals(attempts[0], 2); // the first again is made at once
    const [first, ...later] = attempts.slice(1).map((n, i) => n - attempts[i]!);
    assert(first! >= 4 && later.every((n) => n <= 2), `${attempts}`);
    backends.failures.length = 0;
    backends.clock.advance(10);
    await settle();
    assertEquals((await next(items) as { gap: boolean }).gap, true);
    assertEquals([await next(items), backends.warnings.length], ["nothing", 1]);
    await listener.close();
  });

  it("pauses where each connection is lost as soon as it listens, until one lives", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    await using _ = await pool.listen("news");
    const kill_last = async () => {
      backends.all.at(-1)!.kill();
      await settle();
    };
    await kill_last();
    assertEquals(backends.attempted, 2); // at once
    for (let lost = 2; lost < 6; lost++) {
      await kill_last();
      assertEquals(backends.attempted, lost);
      backends.clock.advance(0.1 * 2 ** (lost - 2));
      await settle();
      assertEquals(backends.attempted, lost + 1);
    }
    backends.clock.advance(5);
    await kill_last();
    assertEquals(backends.attempted, 7);
  });

  it("asks a silent connection whether it works, and replaces one that does not", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) {
      backends.clock.advance(30);
      await settle();
    }
    assertEquals(backends.all[0]!.statements.slice(1), ["", "", ""]);
    backends.all[0]!.peer.pause(); // half open
    backends.clock.advance(30);
    await settle();
    const waiting = items.next();
    backends.clock.advance(10);
    const { value } = await waiting;
    assert("gap" in value);
    assertEquals(backends.open.map(({ pid }) => pid), [1002]);
  });

  it("is replaced once, however its end is noticed", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    backends.all[0]!.hold();
    backends.clock.advance(30); // it is asked
    await settle();
    backends.all[0]!.peer.reset();
    await settle();
    assertEquals(backends.all.map(({ pid }) => pid), [1001, 1002]);
    assertEquals((await next(items) as { gap: boolean }).gap, true);
    assertEquals(await next(items), "nothing");
  });

  it("leaves nothing open when it is closed in the middle of connecting", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    backends.on_open = (backend) => backend.hold(); // LISTEN is not confirmed
    backends.all[0]!.kill();
    await settle();
    assertEquals(backends.open.length, 1);
    const closed = listener.close();
    backends.all[1]!.answer();
    await closed;
    assertEquals(backends.open, []);
    const opening = pool.listen("news");
    await settle();
    pool.close();
    backends.all[2]!.answer();
    await assertRejects(() => opening, Error, "closed");
    await pool.wait_closed();
    assertEquals(backends.open, []);
  });

  it("drops the oldest of what nobody reads, and says so by a gap", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    const many = Array.from({ length: 1024 }, () => notification(7, "news", ""));
    for (let sent = 0; sent < MAX_WAITING; sent += many.length) {
      backends.all[0]!.peer.send(...many);
    }
    backends.all[0]!.peer.send(notification(7, "news", "last"));
    while (backends.all[0]!.peer.unread > 0) await settle();
    await settle();
    let last: unknown = null;
    let gaps = 0;
    let first = true;
    for await (const item of listener) {
      if ("gap" in item) {
        assert(first, "the gap comes first");
        gaps++;
      }
      first = false;
      last = item;
      if ("payload" in item && item.payload === "last") break;
    }
    assertEquals([gaps, last], [1, { channel: "news", payload: "last", pid: 7 }]);
  });

  it("ends iterations when it is closed", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    const waiting = [items.next(), items.next()];
    assertEquals(listener.closed, false);
    await listener.close();
    assertEquals([listener.closed, backends.open.length], [true, 0]);
    for (const item of waiting) assertEquals((await item).done, true);
    assertEquals(await next(items), "the end");
    await listener.close();
    assertEquals(backends.clock.pending, 0);
  });

  it("ends one iteration by itself, which takes nothing away", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    const waiting = items.next();
    await items.return!();
    assertEquals((await waiting).done, true);
    backends.all[0]!.peer.send(notification(7, "news", "a"));
    assertEquals(await next(listener[Symbol.asyncIterator]()), {
      channel: "news",
      payload: "a",
      pid: 7,
    });
  });

  it("is closed while it connects again", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    const listener = await pool.listen("news");
    backends.manual = true;
    backends.all[0]!.kill();
    await settle();
    assertEquals(backends.attempts.length, 1);
    await listener.close();
    assertEquals([backends.attempts[0]!.signal.aborted, backends.warnings], [true, []]);
    const other = await (async () => {
      backends.manual = false;
      return await pool.listen("news");
    })();
    backends.failures.push(refused());
    backends.all.at(-1)!.kill();
    await settle(); // it waits for its next attempt
    await other.close();
    assertEquals(backends.open, []);
  });

  it("ends with its pool", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    const listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    pool.close();
    assertEquals(await next(items), "the end");
    await pool.wait_closed();
    assertEquals(backends.open, []);
    await assertRejects(() => pool.listen("news"), PoolClosedError);
  });

  it("rejects if it cannot begin", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 0 });
    backends.failures.push(refused());
    await assertRejects(() => pool.listen("news"), OperationalError, "connection refused");
    await assertRejects(() => pool.listen("fail"), Error, "division by zero");
    await assertRejects(() => pool.listen(), InterfaceError, "at least one channel");
    await assertRejects(() => pool.listen(""), Error);
    assertEquals(backends.open, []);
    await using others = new Backends();
    const pooled = await others.pool({ pooler: "transaction" });
    const error = await assertRejects(() => pooled.listen("news"), InterfaceError);
    assertInstanceOf(error, InterfaceError);
  });
});
