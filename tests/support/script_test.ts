import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Socket } from "../../src/adapters/socket.ts";
import { concat, cstring, i16, i32, message, ready, trust_startup } from "./messages.ts";
import { scripted } from "./script.ts";

const address = { hostname: "db", port: 5432 };
const options = { hostname: "db", verify: "full" } as const;
const body = concat(i32(0x30002), cstring("user"), cstring("me"), "\0");
const startup = concat(i32(body.length + 4), body);
const ssl_request = concat(i32(8), i32(80877103));
const query = message("Q", cstring("select 1"));
const terminate = message("X");

async function write(socket: Socket, ...messages: Uint8Array[]): Promise<void> {
  const writer = socket.writable.getWriter();
  await writer.write(concat(...messages));
  writer.releaseLock();
}

async function read(socket: Socket): Promise<Uint8Array | undefined> {
  const reader = socket.readable.getReader();
  try {
    return (await reader.read()).value;
  } finally {
    reader.releaseLock();
  }
}

describe("scripted()", () => {
  it("reads what the client sends, and answers it", async () => {
    await using server = scripted(async (peer) => {
      assertEquals((await peer.start()).parameters, { user: "me" });
      assertEquals((await peer.expect("Q")).sql, "select 1");
      peer.send(ready());
      peer.close();
    });
    const socket = await server.dial(address);
    await write(socket, startup);
    assertEquals(await read(socket), trust_startup());
    await write(socket, query.subarray(0, 7));
    await write(socket, query.subarray(7), terminate);
    assertEquals(await read(socket), ready());
    assertEquals(await read(socket), undefined);
    assertEquals(server.dialed, [address]);
  });

  it("reads every field of an extended query", async () => {
    await using server = scripted(async (peer) => {
      await peer.startup();
      const [parse, bind] = await peer.expect_all("P", "B", "D", "E", "S");
      assertEquals(parse, { tag: "P", name: "s", sql: "select $1", oids: [25] });
      assertEquals(bind, {
        tag: "B",
        portal: "p",
        statement: "s",
        formats: [1],
        values: [Uint8Array.of(65), null],
        result_formats: [1, 0],
      });
    });
    await write(
      await server.dial(address),
      startup,
      message("P", cstring("s"), cstring("select $1"), i16(1), i32(25)),
      message(
        "B",
        concat(cstring("p"), cstring("s"), i16(1), i16(1)),
        concat(i16(2), i32(1), "A", i32(-1), i16(2), i16(1), i16(0)),
      ),
      message("D", "P", cstring("p")),
      message("E", cstring("p"), i32(0)),
      message("S"),
    );
  });

  it("cuts what it sends", async () => {
    await using server = scripted((peer) => peer.send(ready()), { cut: 4 });
    const socket = await server.dial(address);
    assertEquals(await read(socket), ready().subarray(0, 4));
    assertEquals(await read(socket), ready().subarray(4));
  });

  it("moves to TLS", async () => {
    const certificate = Uint8Array.of(1, 2);
    await using server = scripted(async (peer) => {
      await peer.expect("ssl");
      peer.send("S");
      await peer.start();
      assertEquals(peer.tls, options);
    }, { certificate });
    const plain = await server.dial(address);
    await write(plain, ssl_request);
    assertEquals(await read(plain), Uint8Array.of(0x53));
    const secure = await plain.start_tls!(options);
    assertEquals(secure.peer_certificate, certificate);
    await write(secure, startup);
    assertEquals(await read(secure), trust_startup());
    await assertRejects(() => read(plain), Error, "moved to TLS");
  });

  it("fails both sides of a connection that it resets", async () => {
    await using server = scripted((peer) => {
      peer.send(ready());
      peer.reset();
    });
    const socket = await server.dial(address);
    await assertRejects(() => read(socket), Error, "reset");
    await assertRejects(() => write(socket, startup), Error, "reset");
  });

  it("lets writes wait while it is paused", async () => {
    const order: string[] = [];
    await using server = scripted((peer) => peer.pause());
    const socket = await server.dial(address);
    const written = write(socket, startup.subarray(0, 3)).then(() => order.push("written"));
    await new Promise((resolve) => setTimeout(resolve));
    order.push("resumed");
    server.peers[0]!.resume();
    await written;
    assertEquals(order, ["resumed", "written"]);
  });

  it("refuses connections that the script refuses", async () => {
    await using server = scripted([null, () => {}]);
    await assertRejects(() => server.dial(address), Error, "refused");
    await server.dial(address);
  });
});

describe("ScriptedServer.finished()", () => {
  const failures: [name: string, expected: string, run: () => Promise<() => Promise<void>>][] = [
    ["a script that still waits", "expects Q, but the client sent nothing more", async () => {
      const server = scripted(async (peer) => {
        await peer.expect("Q");
      });
      await server.dial(address);
      return () => server.finished();
    }],
    ["another message than the expected", 'expects S, but the client sent {"tag":"Q"', async () => {
      const server = scripted(async (peer) => {
        await peer.start();
        await peer.expect("S");
      });
      await write(await server.dial(address), startup, query);
      return () => server.finished();
    }],
    ["a client that closed too early", "expects startup, but the client has closed", async () => {
      const server = scripted(async (peer) => {
        await peer.startup();
      });
      (await server.dial(address)).close();
      return () => server.finished();
    }],
    ["messages after the script's end", "expects nothing more", async () => {
      const server = scripted(async (peer) => {
        await peer.start();
      });
      await write(await server.dial(address), startup, query);
      return () => server.finished();
    }],
    ["an assertion in the script", "no such luck", async () => {
      const server = scripted(() => {
        throw new Error("no such luck");
      });
      const socket = await server.dial(address);
      await assertRejects(() => read(socket), Error, "the script failed");
      return () => server.finished();
    }],
    ["a connection that has no script", "no script is left for connection 1", async () => {
      const server = scripted([]);
      await assertRejects(() => server.dial(address), Error, "refused");
      return () => server.finished();
    }],
    ["a script that no connection came for", "made 0 connections of 1", () => {
      const server = scripted([() => {}]);
      return Promise.resolve(() => server.finished());
    }],
  ];
  for (const [name, expected, run] of failures) {
    it(`throws for ${name}`, async () => {
      await assertRejects(await run(), Error, expected);
    });
  }
});
