import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { TlsOptions } from "../../../src/adapters/socket.ts";
import { echo, listen, listen_tls, type Peer, pem, stalled, Valve } from "../../adapters/peer.ts";
import type { Task } from "./worker.ts";
import { start_workerd, type Workerd } from "./workerd.ts";

const worker = "tests/runtimes/workerd/worker.ts";

const SIZE = 32 * 1024 * 1024;

describe("workerd_adapter", () => {
  let workerd: Workerd;

  beforeAll(async () => {
    workerd = await start_workerd({ worker, roots: pem("ca.pem") });
  });

  afterAll(async () => {
    const { escaped } = await run(workerd, null);
    await workerd[Symbol.asyncDispose]();
    assertEquals(escaped, 0, "rejections that nobody handled");
  });

  for (const size of [1, 64, 65_536, 5_000_000]) {
    it(`carries bytes as they are: ${size}`, async () => {
      await using peer = await listen(echo);
      const { result } = await run(workerd, { action: "echo", address: peer.address, size });
      assertEquals(result, { at: size, same: true, plain: true });
      await peer.deserted();
    });
  }

  it("holds the server back while nobody reads", async () => {
    const cue = await make_cue();
    await using peer = await listen((net) => net.write(new Uint8Array(SIZE)));
    await using valve = await Valve.open(peer.address);
    const { address } = valve;
    const running = run(workerd, { action: "wait", address, size: SIZE, cue: cue.peer.address });
    await cue.peer.until(() => cue.peer.accepted > 0);
    await stalled(() => valve.down);
    assertLess(valve.down, SIZE * 3 / 4);
    cue.give();
    assertEquals((await running).result, SIZE);
    await cue.peer[Symbol.asyncDispose]();
  });

  it("frees the connection on close() with a read pending and a write stuck", async () => {
    const cue = await make_cue();
    await using peer = await listen((net) => net.pause());
    const { address } = peer;
    const running = run(workerd, { action: "close", address, size: SIZE, cue: cue.peer.address });
    await cue.peer.until(() => cue.peer.accepted > 0);
    cue.give();
    assertEquals((await running).result, {
      reading: true,
      writing: "OperationalError: cannot write: the socket is closed",
    });
    for (const net of peer.open) net.resume();
    await peer.deserted();
    await cue.peer[Symbol.asyncDispose]();
  });

  it("ends the readable when the server closes", async () => {
    await using peer = await listen((net) => net.resume().end(new Uint8Array(100_000)));
    const { result } = await run(workerd, { action: "drain", address: peer.address });
    assertEquals(result, 100_000);
    await peer.deserted();
  });

  it("rejects with the reason when the signal aborts, and leaves no socket behind", async () => {
    await using peer = await listen(echo);
    const { result } = await run(workerd, { action: "abort", address: peer.address });
    assertEquals(result, "Error: enough");
    await stalled(() => peer.accepted - peer.open.size);
    assertEquals(peer.open.size, 0);
  });

  it("says whom it could not reach", async () => {
    const address = { hostname: "127.0.0.1", port: await unused_port() };
    const { result } = await run(workerd, { action: "rest", address });
    assertEquals(
      result,
      `OperationalError: cannot connect to 127.0.0.1:${address.port}: ` +
        "proxy request failed, cannot connect to the specified address",
    );
  });

  it("refuses Unix sockets", async () => {
    const { result } = await run(workerd, { action: "rest", address: { path: "/tmp/socket" } });
    assertEquals(
      result,
      "NotSupportedError: cannot connect to /tmp/socket: workerd has no Unix sockets",
    );
  });

  const VERDICTS: Record<string, [TlsOptions, result: RegExp]> = {
    "full": [{ hostname: "127.0.0.1", verify: "full", alpn: ["postgresql"] }, /^done$/],
    "none, which it cannot": [{ hostname: "db.example", verify: "none" }, /^done$/],
    "full, other name": [
      { hostname: "db.example", verify: "full" },
      /cannot start TLS with db.example: workerd verifies the name that it dialled, 127.0.0.1$/,
    ],
    "roots": [
      { hostname: "127.0.0.1", verify: "full", ca: ["PEM"] },
      /cannot start TLS with 127.0.0.1: workerd takes no roots of one's own$/,
    ],
    "a client's certificate": [
      { hostname: "127.0.0.1", verify: "full", cert: "PEM", key: "PEM" },
      /cannot start TLS with 127.0.0.1: workerd takes no client certificate$/,
    ],
  };

  for (const [name, [tls, expected]] of Object.entries(VERDICTS)) {
    it(`starts TLS as it can: ${name}`, async () => {
      await using peer = await listen_tls(echo);
      const { address } = peer;
      const { result } = await run(workerd, { action: "echo", address, tls, size: 64 });
      assertMatch(typeof result === "string" ? result : "done", expected);
    });
  }

  it("refuses a certificate that no authority signed whom it trusts", async () => {
    await using wary = await start_workerd({ worker, roots: pem("other.pem") });
    await using peer = await listen_tls(echo);
    const tls = { hostname: "127.0.0.1", verify: "none" } as const;
    const { result } = await run(wary, { action: "echo", address: peer.address, tls, size: 1 });
    assertMatch(String(result), /^OperationalError: cannot start TLS with 127.0.0.1: /);
    await peer.deserted(0);
  });

  it("rejects start_tls() when the socket is closed meanwhile", async () => {
    const cue = await make_cue();
    await using peer = await listen((net) => net.resume()); // never answers
    const tls = { hostname: "127.0.0.1", verify: "full" } as const;
    const { address } = peer;
    const running = run(workerd, { action: "rest", address, tls, cue: cue.peer.address });
    await cue.peer.until(() => cue.peer.accepted > 0);
    cue.give();
    assertEquals(
      (await running).result,
      "OperationalError: cannot start TLS with 127.0.0.1: the socket was closed",
    );
    await cue.peer[Symbol.asyncDispose]();
  });
});

/** Has the worker run a task. */
async function run(
  { url }: Workerd,
  task: Task | null,
): Promise<{ result: unknown; escaped: number }> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(task) });
  return await response.json();
}

async function make_cue(): Promise<{ peer: Peer; give: () => void }> {
  const peer = await listen(() => {});
  return { peer, give: () => peer.open.forEach((net) => net.write("!")) };
}

async function unused_port(): Promise<number> {
  await using peer = await listen(echo);
  return (peer.address as { port: number }).port;
}
