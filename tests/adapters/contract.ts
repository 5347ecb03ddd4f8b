/**
 * What every open socket must do, whatever it runs over.
 *
 * @module
 */

import { assert, assertEquals, assertLess, assertRejects, assertStrictEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import type { Socket as Net } from "node:net";
import type { Address, Socket } from "../../src/adapters/socket.ts";
import { assert_pattern, check_pattern, PATTERN, send_pattern } from "./pattern.ts";
import { Bell, echo, type Peer, stalled, Valve } from "./peer.ts";

/** One way of talking to a peer. */
export interface Transport {
  /** Starts a peer that serves each connection with `serve`. */
  listen(serve: (net: Net) => void): Promise<Peer>;
  /** Opens a socket to it. */
  open(address: Address): Promise<Socket>;
  /** What the valve in front of the peer is to be. */
  readonly kind: "tcp" | "unix";
}

const SIZE = 32 * 1024 * 1024; // far beyond what the kernel buffers: about 10 MB for TCP

/** Declares the tests of an open socket over `transport`. */
export function socket_contract(transport: Transport): void {
  let peer: Peer | undefined;
  let valve: Valve | undefined;
  let socket: Socket | undefined;

  /** Opens a socket through a valve to a peer that serves with `serve`. */
  async function meet(serve: (net: Net) => void = echo): Promise<Socket> {
    peer = await transport.listen(serve);
    valve = await Valve.open(peer.address, transport.kind);
    return socket = await transport.open(valve.address);
  }

  /** The same with nothing between, which would soften a hard end. */
  async function meet_directly(serve: (net: Net) => void): Promise<Socket> {
    peer = await transport.listen(serve);
    return socket = await transport.open(peer.address);
  }

  afterEach(async () => {
    socket?.close();
    await valve?.[Symbol.asyncDispose]();
    await peer?.[Symbol.asyncDispose]();
    socket = valve = peer = undefined;
  });

  it("Socket sends and receives bytes as they are", async () => {
    const { readable, writable } = await meet();
    const writer = writable.getWriter();
    const reader = readable.getReader();
    for (const size of [1, 5, 64, 8192, 65536, 250_000]) {
      await writer.write(PATTERN.slice(0, size));
      await assert_pattern(reader, size);
    }
  });

  it("Socket hands out plain Uint8Arrays that it never touches again", async () => {
    const { readable, writable } = await meet();
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const chunks: Uint8Array[] = [];
    let received = 0;
    const receive = async (size: number) => {
      while (received < size) {
        const { value } = await reader.read();
        assertStrictEquals(Object.getPrototypeOf(value), Uint8Array.prototype);
        chunks.push(value!);
        received += value!.length;
      }
    };
    for (let at = 0; at < 1000; at += 100) {
      await writer.write(PATTERN.slice(at, at + 100));
      await receive(at + 100);
    }
    const sent = send_pattern((chunk) => writer.write(chunk), 4_000_000, 1000);
    await receive(4_000_000);
    await sent;
    let at = 0;
    for (const chunk of chunks) at = check_pattern(chunk, at);
    assertEquals(at, 4_000_000);
  });

  it("Socket takes a write's bytes before the write settles", async () => {
    const { readable, writable } = await meet();
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const reused = new Uint8Array(1_000_000);
    const received = assert_pattern(reader, 4_000_000);
    for (let at = 0; at < 4_000_000; at += reused.length) {
      for (let i = 0; i < reused.length; i++) reused[i] = PATTERN[(at + i) % PATTERN.length]!;
      await writer.write(reused);
    }
    await received;
  });

  it("Socket holds the server back while nobody reads", async () => {
    const { readable } = await meet((net) => void send_pattern(writes(net), SIZE));
    await stalled(() => valve!.down);
    assertLess(valve!.down, SIZE * 3 / 4);
    await assert_pattern(readable.getReader(), SIZE);
  });

  it("Socket holds the server back again after a pause in reading", async () => {
    const { readable } = await meet((net) => void send_pattern(writes(net), 2 * SIZE));
    const reader = readable.getReader();
    const read = await assert_pattern(reader, 1_000_000);
    await stalled(() => valve!.down);
    assertLess(valve!.down, SIZE);
    await assert_pattern(reader, 2 * SIZE - read, read);
  });

  it("Socket keeps a write pending while the server does not read", async () => {
    const { writable } = await meet((net) => net.resume());
    valve!.shut();
    let settled = 0;
    const written = writable.getWriter().write(new Uint8Array(SIZE)).then(() => settled++);
    await stalled(() => settled);
    assertEquals(settled, 0);
    valve!.unshut();
    await written;
    await stalled(() => valve!.up);
    assert(valve!.up >= SIZE);
  });

  it("Socket reads while a write is stuck, and writes while nobody reads", async () => {
    const { readable, writable } = await meet((net) => {
      net.pause();
      void send_pattern(writes(net), 1_000_000).then(() => net.resume());
    });
    const writer = writable.getWriter();
    const written = send_pattern((chunk) => writer.write(chunk), SIZE);
    await assert_pattern(readable.getReader(), 1_000_000);
    await written;
  });

  it("Socket delivers all that came before the server closed, however late it is read", async () => {
    const { readable } = await meet((net) =>
      void send_pattern(writes(net), 3_000_000).then(() => net.end())
    );
    await stalled(() => valve!.down);
    const reader = readable.getReader();
    await assert_pattern(reader, 3_000_000);
    assert((await reader.read()).done);
  });

  it("Socket reads the server's last words before the loss", async () => {
    const { readable, writable } = await meet_directly((net) => {
      net.write("farewell", () => net.once("data", () => net.destroy()));
    });
    await writable.getWriter().write(Uint8Array.of(1));
    const reader = readable.getReader();
    await peer!.deserted();
    await stalled();
    const words: number[] = [];
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done) break;
      words.push(...value!);
    }
    assertEquals(new TextDecoder().decode(Uint8Array.from(words)), "farewell");
  });

  it("Socket delivers what was written before close()", async () => {
    let received = 0;
    const { writable } = await meet((net) => net.on("data", (data) => received += data.length));
    await writable.getWriter().write(PATTERN);
    socket!.close();
    await peer!.deserted();
    assertEquals(received, PATTERN.length);
  });

  it("Socket sends small writes at once, one after another", async () => {
    const { readable, writable } = await meet_directly((net) => {
      let received = 0;
      net.on("data", (data) => {
        received += data.length;
        if (received % 2 === 0) net.write("!"); // silence between, which lets Nagle's algorithm wait
      });
    });
    const bell = await Bell.make();
    const writer = writable.getWriter();
    const reader = readable.getReader();
    let rings = 0;
    let done = false;
    const ringing = (async () => {
      for (; !done; rings++) await bell.ring();
    })();
    for (let round = 0; round < 20; round++) {
      await writer.write(Uint8Array.of(1));
      await writer.write(Uint8Array.of(2));
      await reader.read();
    }
    done = true;
    await ringing;
    await bell[Symbol.asyncDispose]();
    assertLess(rings, 20 * 40); // with the algorithm at work, a round is as long as hundreds of rings
  });

  it("Socket says where it leads, and has ref() and unref()", async () => {
    await meet();
    assertEquals(socket!.remote, valve!.address);
    socket!.unref!();
    socket!.ref!();
  });

  describe("Socket.close()", () => {
    let settled: Promise<unknown>[];

    beforeEach(() => {
      settled = [];
    });

    /** In each state: what the server does, and what the client has begun. */
    const cases: Record<
      string,
      { serve?: (net: Net) => void; begin?: (socket: Socket) => void | Promise<void> }
    > = {
      "at rest": {},
      "with a read pending": {
        begin: ({ readable }) => void settled.push(ends(readable.getReader())),
      },
      "with a write stuck": { begin: stuck_write },
      "with a read pending and a write stuck": {
        begin: (socket) => {
          settled.push(ends(socket.readable.getReader()));
          stuck_write(socket);
        },
      },
      "with bytes that nobody read": {
        serve: (net) => void send_pattern(writes(net), SIZE),
        begin: () => stalled(() => valve!.down),
      },
      "after a released reader and writer": {
        begin: async ({ readable, writable }) => {
          const reader = readable.getReader();
          const writer = writable.getWriter();
          await writer.write(PATTERN.slice(0, 10));
          await assert_pattern(reader, 10);
          reader.releaseLock();
          writer.releaseLock();
        },
      },
      "after the server closed": {
        serve: (net) => net.end(),
        begin: async ({ readable }) => {
          const reader = readable.getReader();
          assert((await reader.read()).done);
        },
      },
    };

    function stuck_write({ writable }: Socket): void {
      valve!.shut();
      const writer = writable.getWriter();
      settled.push(assertRejects(() => writer.write(new Uint8Array(SIZE))));
      settled.push(assertRejects(() => writer.closed));
    }

    for (const [state, { serve, begin }] of Object.entries(cases)) {
      it(`frees the connection ${state}, and may be called twice`, async () => {
        await meet(serve);
        await begin?.(socket!);
        socket!.close();
        socket!.close();
        valve!.unshut(); // so that the valve sees the end of what it did not read
        await valve!.peer.deserted();
        await Promise.all(settled);
        socket!.close();
        socket!.ref!();
        socket!.unref!();
      });
    }

    it("ends the readable and refuses writes from then on", async () => {
      const { readable, writable } = await meet();
      socket!.close();
      await ends(readable.getReader());
      await assertRejects(() => writable.getWriter().write(Uint8Array.of(1)));
    });
  });

  it("Socket fails or ends, and no worse, when the server resets the connection", async () => {
    const { readable, writable } = await meet_directly((net) => net.once("data", () => reset(net)));
    const reader = readable.getReader();
    const writer = writable.getWriter();
    const read = ends(reader).catch(() => {});
    const writes = (async () => {
      for (;;) await writer.write(PATTERN);
    })();
    await assertRejects(() => writes);
    await read;
  });

  const endings: Record<string, (socket: Socket) => Promise<unknown>> = {
    "cancelling the readable": ({ readable }) => readable.cancel(),
    "closing the writable": ({ writable }) => writable.close(),
    "aborting the writable": ({ writable }) => writable.abort(new Error("enough")),
  };

  for (const [action, end] of Object.entries(endings)) {
    it(`Socket drops the connection on ${action}`, async () => {
      await end(await meet());
      await valve!.peer.deserted();
    });
  }
}

function writes(net: Net): (chunk: Uint8Array) => Promise<void> {
  return (chunk) =>
    new Promise((resolve, reject) =>
      net.write(chunk, (error) => error ? reject(error) : resolve())
    );
}

/** Reads to the end of a stream. */
async function ends(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}

/** Ends with a RST where the runtime can, else as abruptly as it can. */
function reset(net: Net): void {
  try {
    net.resetAndDestroy();
  } catch {
    net.destroy();
  }
}
