/** A socket as Node's Duplex, against servers of this process. */

import { assert, assertEquals, assertLess, assertMatch, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { make_duplex, type SocketDuplex } from "../../src/adapters/duplex.ts";
import type { Address, Socket } from "../../src/adapters/socket.ts";
import { adapter } from "./here.ts";
import { PATTERN } from "./pattern.ts";
import { echo, listen, no_escapes, stalled, Valve } from "./peer.ts";

const SIZE = 32 * 1024 * 1024; // far beyond what the kernel buffers

function dial(address: Address): SocketDuplex {
  return make_duplex((signal) => adapter.dial(address, signal));
}

/** Names of events and what came with them, in order. */
function record(duplex: SocketDuplex): unknown[][] {
  const events: unknown[][] = [];
  for (const name of ["error", "end", "finish", "close"]) {
    duplex.on(name, (...args: unknown[]) => events.push([name, ...args]));
  }
  return events;
}

function event(duplex: SocketDuplex, name: string): Promise<unknown> {
  return new Promise((resolve) => duplex.once(name, resolve));
}

describe("make_duplex()", () => {
  no_escapes();

  it("takes writes while the socket is being opened, and gives Buffers", async () => {
    await using peer = await listen(echo);
    const duplex = dial(peer.address);
    assertEquals(duplex.readyState, "open");
    assert(duplex.write(Buffer.from("early")));
    const chunk = await event(duplex, "data");
    assert(chunk instanceof Buffer);
    assertEquals(chunk.toString(), "early");
    duplex.destroy();
    assertEquals(duplex.readyState, "closed");
    await event(duplex, "close");
    await peer.deserted();
  });

  it("carries bytes as they are", async () => {
    await using peer = await listen(echo);
    const duplex = dial(peer.address);
    const chunks: Buffer[] = [];
    let size = 0;
    const all = new Promise<void>((resolve) =>
      duplex.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if ((size += chunk.length) === PATTERN.length) resolve();
      })
    );
    for (let at = 0; at < PATTERN.length; at += 10_007) {
      duplex.write(PATTERN.slice(at, at + 10_007));
    }
    await all;
    assert(Buffer.concat(chunks).equals(PATTERN));
    duplex.destroy();
    await event(duplex, "close");
  });

  it("returns false from write() when there is enough to send, and emits drain", async () => {
    await using peer = await listen((net) => net.pause());
    await using valve = await Valve.open(peer.address);
    const duplex = dial(valve.address);
    const sent = new Promise((resolve) => duplex.once("drain", resolve));
    assert(!duplex.write(new Uint8Array(SIZE)));
    await stalled(() => valve.up);
    assertLess(valve.up, SIZE);
    for (const net of peer.open) net.resume();
    await sent;
    duplex.destroy();
    await event(duplex, "close");
  });

  it("holds the server back while it is paused", async () => {
    await using peer = await listen((net) => net.write(new Uint8Array(SIZE)));
    await using valve = await Valve.open(peer.address);
    const duplex = dial(valve.address);
    let received = 0;
    duplex.on("data", (chunk: Buffer) => received += chunk.length);
    await event(duplex, "data");
    duplex.pause();
    await stalled(() => valve.down);
    assertLess(valve.down, SIZE * 3 / 4);
    const done = new Promise<void>((resolve) =>
      duplex.on("data", () => received === SIZE ? resolve() : undefined)
    );
    duplex.resume();
    await done;
    duplex.destroy();
    await event(duplex, "close");
  });

  it("sends what was written before end(), and then closes, though nobody reads", async () => {
    let heard = "";
    await using peer = await listen((net) => net.on("data", (data) => heard += data));
    const duplex = dial(peer.address);
    const events = record(duplex);
    duplex.end(Buffer.from("bye"));
    assertEquals(duplex.readyState, "readOnly");
    await event(duplex, "close");
    await peer.deserted();
    assertEquals(heard, "bye");
    assertEquals(events, [["finish"], ["close", false]]);
  });

  it("closes without an error when the server does", async () => {
    await using peer = await listen((net) => net.end("bye"));
    const duplex = dial(peer.address);
    const events = record(duplex);
    let heard = "";
    duplex.on("data", (data: Buffer) => heard += data);
    await event(duplex, "close");
    assertEquals(heard, "bye");
    assertEquals(events.map(([name]) => name), ["end", "finish", "close"]);
    assertEquals(events.at(-1), ["close", false]);
    await peer.deserted();
  });

  it("emits an error before close when the connection is lost", async () => {
    await using peer = await listen((net) => net.once("data", () => net.resetAndDestroy()));
    const duplex = dial(peer.address);
    const events = record(duplex);
    duplex.on("data", () => {});
    duplex.write(Buffer.from("?"));
    await event(duplex, "close");
    assertEquals(events.map(([name]) => name), ["error", "close"]);
    assertEquals(events.at(-1), ["close", true]);
  });

  it("emits why it could not be opened, once", async () => {
    const reason = new Error("no");
    const duplex = make_duplex(() => Promise.reject(reason));
    const events = record(duplex);
    duplex.on("data", () => {});
    duplex.write(Buffer.from("?"));
    await event(duplex, "close");
    assertEquals(events, [["error", reason], ["close", true]]);
    assertEquals(duplex.readyState, "closed");
  });

  it("abandons the attempt to open it when it is destroyed", async () => {
    let reason: unknown;
    const duplex = make_duplex((signal) =>
      new Promise<Socket>((_, reject) =>
        signal.addEventListener("abort", () => reject(reason = signal.reason))
      )
    );
    const events = record(duplex);
    duplex.write(Buffer.from("?"));
    duplex.destroy();
    await event(duplex, "close");
    assertEquals(events, [["close", false]]);
    assertMatch(String(reason), /AbortError/);
  });

  it("closes a socket that opens after it was destroyed", async () => {
    await using peer = await listen(echo);
    const opened = adapter.dial(peer.address);
    const duplex = make_duplex(() => opened);
    duplex.destroy();
    await event(duplex, "close");
    await peer.deserted();
  });

  it("refs and unrefs the socket, also before that is there", async () => {
    const calls: string[] = [];
    await using peer = await listen(echo);
    const duplex = make_duplex(async (signal) =>
      Object.assign(await adapter.dial(peer.address, signal), {
        ref: () => void calls.push("ref"),
        unref: () => void calls.push("unref"),
      })
    );
    assertStrictEquals(duplex.unref(), duplex);
    assertEquals(calls, []);
    duplex.on("data", () => {});
    duplex.write(Buffer.from("?"));
    await event(duplex, "data");
    duplex.ref();
    assertEquals(calls, ["unref", "ref"]);
    duplex.destroy();
    await event(duplex, "close");
  });
});
