/**
 * What a socket and its adapter do to the whole process: keep it alive, or not.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe_where } from "../support/where.ts";
import { echo, listen, listen_tls, type Peer, stalled } from "./peer.ts";

/** A program of tests/adapters/programs, run by the runtime at hand. */
class Program implements AsyncDisposable {
  /** What it has printed. */
  output = "";
  /** Its exit code; null while it runs. */
  code: number | null = null;
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  constructor(name: string, args: readonly string[], deno_flags: readonly string[] = ["-A"]) {
    const file = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
    const flags = "Deno" in globalThis ? ["run", "--no-check", "--quiet", ...deno_flags] : [];
    this.#child = spawn(process.execPath, [...flags, file, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child.stdout!.on("data", (data) => this.output += data);
    this.ended = new Promise((resolve) =>
      this.#child.once("close", (code) => {
        this.code = code;
        resolve();
      })
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.code === null) this.#child.kill("SIGKILL");
    await this.ended;
  }
}

describe("Socket.unref()", () => {
  const listens: Record<string, () => Promise<Peer>> = {
    plain: () => listen(echo),
    tls: () => listen_tls(echo),
  };

  for (const [kind, listen] of Object.entries(listens)) {
    it(`lets the process end while a ${kind} socket waits for bytes`, async () => {
      await using peer = await listen();
      const { port } = peer.address as { port: number };
      await using program = new Program("open.ts", [`${port}`, kind, "unref"]);
      await program.ended;
      assertEquals(program.output, "open\n");
      assertEquals(program.code, 0);
    });

    for (const calls of [[], ["unref", "ref"]]) {
      it(`not called or undone, lets a ${kind} socket hold the process: ${calls}`, async () => {
        await using peer = await listen();
        const { port } = peer.address as { port: number };
        await using program = new Program("open.ts", [`${port}`, kind, ...calls]);
        await peer.until(() => peer.open.size > 0);
        while (program.output === "" && program.code === null) await stalled();
        for (let waits = 0; waits < 20; waits++) await stalled(); // a process takes long to end
        assertEquals(program.code, null);
        for (const net of peer.open) net.destroy();
        await program.ended;
        assertEquals(program.code, 0);
      });
    }
  }
});

describe_where("Deno" in globalThis, "deno_adapter", () => {
  it("takes what is not permitted for absent, and names the flag that permits dialling", async () => {
    // With no flag at all, a process of `node:child_process` inherits every permission.
    await using program = new Program("forbidden.ts", [], ["--allow-net=192.0.2.1"]);
    await program.ended;
    assertEquals(JSON.parse(program.output), {
      env: null,
      user: null,
      text: null,
      tcp: "OperationalError: cannot connect to 127.0.0.1:5432: permission denied\n" +
        "HINT: run deno with --allow-net=127.0.0.1:5432",
      unix: "OperationalError: cannot connect to /tmp/.s.PGSQL.5432: permission denied\n" +
        "HINT: run deno with --allow-net=unix:/tmp/.s.PGSQL.5432 " +
        "--allow-read=/tmp/.s.PGSQL.5432 --allow-write=/tmp/.s.PGSQL.5432",
    });
  });
});
