/**
 * How dialling fails, and how it is abandoned.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import type { Address } from "../../src/adapters/socket.ts";
import { OperationalError } from "../../src/errors.ts";
import { adapter } from "./here.ts";
import { echo, listen, no_escapes, type Peer, stalled, temporary } from "./peer.ts";

describe("Adapter.dial()", () => {
  no_escapes();

  it("reaches a host by its name, and says which address that was", async () => {
    await using peer = await listen(echo);
    const { port } = peer.address as { port: number };
    const socket = await adapter.dial({ hostname: "localhost", port });
    assertEquals(socket.remote, { hostname: "127.0.0.1", port });
    socket.close();
    await peer.deserted();
  });

  describe("when it fails", () => {
    let directory: ReturnType<typeof temporary>;

    beforeEach(() => {
      directory = temporary();
    });

    afterEach(() => directory[Symbol.dispose]());

    const cases: Record<string, { address: () => Address | Promise<Address>; reason: string }> = {
      "nobody listens": {
        address: async () => ({ hostname: "127.0.0.1", port: await unused_port() }),
        reason: "connection refused\nHINT: is the server running there, and accepting connections?",
      },
      "no address of a name has a listener": {
        address: async () => ({ hostname: "localhost", port: await unused_port() }),
        reason: "connection refused\nHINT: is the server running there, and accepting connections?",
      },
      "the name is unknown": {
        address: () => ({ hostname: "nowhere.invalid", port: 5432 }),
        reason: "unknown host",
      },
      "the socket's file is missing": {
        address: () => ({ path: join(directory.path, ".s.PGSQL.5432") }),
        reason: "no such socket\n" +
          "HINT: is the server running here, and is this its socket directory?",
      },
      "the socket's directory is missing": {
        address: () => ({ path: join(directory.path, "none", ".s.PGSQL.5432") }),
        reason: "no such socket\n" +
          "HINT: is the server running here, and is this its socket directory?",
      },
      "the socket's path is too long": {
        address: () => ({ path: join(directory.path, "x".repeat(100), ".s.PGSQL.5432") }),
        reason: "not an address\n" +
          "HINT: the path of a Unix socket has 107 bytes at most, on macOS 103",
      },
    };

    for (const [state, { address, reason }] of Object.entries(cases)) {
      it(`says so, and to whom: ${state}`, async () => {
        const target = await address();
        const error = await assertRejects(() => adapter.dial(target), OperationalError);
        const name = "path" in target ? target.path : `${target.hostname}:${target.port}`;
        assertEquals(error.message, `cannot connect to ${name}: ${reason}`);
        assertInstanceOf(error.cause, Error);
        assert(error.safe_to_retry);
      });
    }
  });

  describe("with a signal", () => {
    let peer: Peer;

    beforeEach(async () => {
      peer = await listen(echo);
    });

    afterEach(() => peer[Symbol.asyncDispose]());

    it("rejects with the reason of one that has aborted, and connects to nobody", async () => {
      const reason = { why: "no longer needed" };
      const error = await adapter.dial(peer.address, AbortSignal.abort(reason)).catch((e) => e);
      assertStrictEquals(error, reason);
      await stalled(() => peer.accepted);
      assertEquals(peer.accepted, 0);
    });

    for (
      const [state, target] of Object.entries({ "an address": "127.0.0.1", "a name": "localhost" })
    ) {
      it(`rejects with the reason when it aborts, and leaves no socket behind: ${state}`, async () => {
        const { port } = peer.address as { port: number };
        // At every point that microtasks can reach, before the connection could be there.
        for (let turns = 0; turns < 8; turns++) {
          const abort = new AbortController();
          const dialled = adapter.dial({ hostname: target, port }, abort.signal).catch((e) => e);
          for (let turn = 0; turn < turns; turn++) await null;
          abort.abort(turns);
          assertStrictEquals(await dialled, turns);
        }
        await stalled(() => peer.accepted - peer.open.size);
        assertEquals(peer.open.size, 0);
      });
    }

    it("rejects at once when it aborts while a Unix socket is opened", async () => {
      await using unix = await listen(echo, "unix");
      const abort = new AbortController();
      const dialled = adapter.dial(unix.address, abort.signal).catch((e) => e);
      abort.abort("enough");
      assertEquals(await dialled, "enough");
      await stalled(() => unix.accepted - unix.open.size);
      assertEquals(unix.open.size, 0);
    });

    it("forgets it once the socket is open, or the attempt has failed", async () => {
      const abort = new AbortController();
      const counts = count_listeners(abort.signal);
      const socket = await adapter.dial(peer.address, abort.signal);
      await adapter.dial({ path: "/nowhere" }, abort.signal).catch(() => {});
      assert(counts.added > 0);
      assertEquals(counts.removed, counts.added);
      abort.abort();
      const writer = socket.writable.getWriter();
      await writer.write(Uint8Array.of(7));
      assertEquals((await socket.readable.getReader().read()).value, Uint8Array.of(7));
      socket.close();
    });
  });
});

async function unused_port(): Promise<number> {
  await using peer = await listen(echo);
  return (peer.address as { port: number }).port;
}

/** Counts the listeners that come and go on one signal. */
function count_listeners(signal: AbortSignal): { added: number; removed: number } {
  const counts = { added: 0, removed: 0 };
  const { addEventListener, removeEventListener } = AbortSignal.prototype;
  // deno-lint-ignore no-explicit-any -- passed on as they are
  signal.addEventListener = (...args: any[]) => {
    counts.added++;
    addEventListener.apply(signal, args as Parameters<typeof addEventListener>);
  };
  // deno-lint-ignore no-explicit-any -- passed on as they are
  signal.removeEventListener = (...args: any[]) => {
    counts.removed++;
    removeEventListener.apply(signal, args as Parameters<typeof removeEventListener>);
  };
  return counts;
}
