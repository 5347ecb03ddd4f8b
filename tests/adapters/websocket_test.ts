import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { connect, type Socket as Net } from "node:net";
import { start_ws_proxy, type WsProxy } from "../../examples/ws_proxy.ts";
import type { Socket } from "../../src/adapters/socket.ts";
import { websocket_adapter, type WebSocketOptions } from "../../src/adapters/websocket.ts";
import { NotSupportedError, OperationalError } from "../../src/errors.ts";
import { assert_pattern, PATTERN, send_pattern } from "./pattern.ts";
import { echo, listen, no_escapes, type Peer, stalled, Valve } from "./peer.ts";

const SIZE = 32 * 1024 * 1024; // far beyond what the kernel buffers

describe("websocket_adapter()", () => {
  no_escapes();
  let proxy: WsProxy;
  let valve: Valve; // in front of the proxy
  let peer: Peer | undefined;
  let socket: Socket | undefined;

  beforeEach(async () => {
    proxy = await start_ws_proxy({ allow: () => true });
    valve = await Valve.open({ hostname: "127.0.0.1", port: proxy.port });
  });

  afterEach(async () => {
    socket?.close();
    valve.unshut();
    await valve.peer.until(() => valve.peer.open.size === 0);
    await peer?.[Symbol.asyncDispose]();
    await valve[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    socket = peer = undefined;
  });

  function adapter(options?: WebSocketOptions) {
    const { port } = valve.address as { port: number };
    return websocket_adapter(`ws://127.0.0.1:${port}/v1?key=value`, options);
  }

  async function meet(serve: (net: Net) => void, options?: WebSocketOptions): Promise<Socket> {
    peer = await listen(serve);
    return socket = await adapter(options).dial(peer.address);
  }

  it("carries bytes as they are, both ways", async () => {
    const { readable, writable } = await meet(echo);
    const writer = writable.getWriter();
    const reader = readable.getReader();
    for (const size of [1, 125, 126, 65535, 65536, 250_000]) {
      await writer.write(PATTERN.slice(0, size));
      await assert_pattern(reader, size);
    }
    const sent = send_pattern((chunk) => writer.write(chunk), 5_000_000);
    await assert_pattern(reader, 5_000_000);
    await sent;
  });

  it("keeps a write pending while the proxy does not read", async () => {
    const { writable } = await meet((net) => net.resume());
    valve.shut();
    let settled = 0;
    const written = writable.getWriter().write(new Uint8Array(SIZE)).then(() => settled++);
    await stalled(() => settled);
    assertEquals(settled, 0);
    valve.unshut();
    await written;
  });

  it("refuses a write that is stuck, and all others, on close()", async () => {
    const { readable, writable } = await meet((net) => net.resume());
    valve.shut();
    const writer = writable.getWriter();
    const stuck = assertRejects(
      () => writer.write(new Uint8Array(SIZE)),
      OperationalError,
      "cannot write: the socket is closed",
    );
    const read = readable.getReader().read();
    socket!.close();
    socket!.close();
    await stuck;
    assert((await read).done);
    await assertRejects(() => writer.write(Uint8Array.of(1)));
  });

  it("gives up, with a hint, when too much is unread", async () => {
    const { readable } = await meet(
      (net) =>
        void send_pattern((chunk) => new Promise((done) => net.write(chunk, done)), 2 * SIZE),
      { max_unread: 1_000_000 },
    );
    await stalled(() => valve.down);
    assertLess(valve.down, SIZE);
    const reader = readable.getReader();
    await assert_pattern(reader, 1_000_000); // what came before can still be read
    const error = await assertRejects(async () => {
      while (!(await reader.read()).done);
    }, OperationalError);
    assertEquals(error.sqlstate, "08006");
    assertStringIncludes(error.message, "at most 1000000 bytes may wait");
    assertStringIncludes(error.message, "HINT: a WebSocket cannot hold the server back");
  });

  it("ends the readable when the server closes", async () => {
    const { readable } = await meet((net) => net.resume().end(PATTERN));
    const reader = readable.getReader();
    await assert_pattern(reader, PATTERN.length);
    assert((await reader.read()).done);
    await peer!.deserted();
  });

  it("fails the readable when the proxy is lost", async () => {
    const { readable } = await meet(echo);
    const read = readable.getReader().read();
    for (const net of valve.peer.open) net.destroy();
    const error = await assertRejects(() => read, OperationalError, "the connection was lost");
    assertEquals(error.sqlstate, "08006");
    assertStringIncludes(error.message, "the WebSocket proxy closed with code");
  });

  const endings: Record<string, (socket: Socket) => unknown> = {
    "close()": (socket) => socket.close(),
    "cancelling the readable": ({ readable }) => readable.cancel(),
    "closing the writable": ({ writable }) => writable.close(),
    "aborting the writable": ({ writable }) => writable.abort(new Error("enough")),
  };

  for (const [action, end] of Object.entries(endings)) {
    it(`drops the connection on ${action}`, async () => {
      await end(await meet(echo));
      await peer!.deserted();
    });
  }

  it("says whom it could not reach, and through which proxy", async () => {
    const { port } = valve.address as { port: number };
    await valve[Symbol.asyncDispose]();
    const error = await assertRejects(
      () => adapter().dial({ hostname: "db.example", port: 5432 }),
      OperationalError,
    );
    assertEquals(
      error.message,
      "cannot connect to db.example:5432: " +
        `the WebSocket proxy 127.0.0.1:${port} does not answer, or refuses`,
    );
    valve = await Valve.open({ hostname: "127.0.0.1", port: proxy.port });
  });

  it("rejects with the reason when the signal aborts, and leaves no socket behind", async () => {
    peer = await listen(echo);
    const reason = { why: "no longer needed" };
    const abort = new AbortController();
    const dialled = adapter().dial(peer.address, abort.signal).catch((error) => error);
    abort.abort(reason);
    assertStrictEquals(await dialled, reason);
    await stalled(() => valve.peer.accepted - valve.peer.open.size);
    assertEquals(peer.open.size, 0);
  });

  it("tells the proxy whom to reach, with IPv6 in brackets", async () => {
    const asked: string[] = [];
    const allow = (address: string) => asked.push(address) < 0;
    await using wary = await start_ws_proxy({ allow });
    const { dial } = websocket_adapter(`ws://127.0.0.1:${wary.port}`);
    for (const hostname of ["db.example", "10.0.0.1", "2001:db8::1"]) {
      await assertRejects(() => dial({ hostname, port: 5432 }), OperationalError, "refuses");
    }
    assertEquals(asked, ["db.example:5432", "10.0.0.1:5432", "[2001:db8::1]:5432"]);
  });

  it("refuses Unix sockets, and proxies that are no URL", async () => {
    await assertRejects(() => adapter().dial({ path: "/tmp/socket" }), NotSupportedError);
    assertThrows(() => websocket_adapter("proxy"), TypeError);
  });
});

describe("start_ws_proxy()", () => {
  no_escapes();

  /** The first line of the answer to a request for a WebSocket. */
  function answer(port: number, target: string): Promise<string> {
    const request = [
      `GET ${target} HTTP/1.1`,
      "Host: proxy",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    return new Promise((resolve, reject) => {
      const net = connect(port, "127.0.0.1", () => net.write(`${request.join("\r\n")}\r\n\r\n`));
      net.on("error", reject);
      net.on("data", (data) => {
        resolve(String(data).split("\r\n")[0]!);
        net.destroy();
      });
    });
  }

  it("survives whoever asks for what is no address", async () => {
    await using proxy = await start_ws_proxy({ allow: (address) => address !== "a:1" });
    for (
      const target of ["//", "http://%", "/", "/?address=a", "/?address=a:65536", "/?address=:1"]
    ) {
      assertEquals(await answer(proxy.port, target), "HTTP/1.1 400 Bad Request", target);
    }
    assertEquals(await answer(proxy.port, "/?address=a:1"), "HTTP/1.1 403 Forbidden");
  });
});
