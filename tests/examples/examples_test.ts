/** Every program of examples/ runs on the runtimes that it is for, and says what it should. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Database, fresh_database } from "../support/database.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const RUNTIME = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

/** What each program prints; a server's `get` is asked of it once it listens. */
const PROGRAMS: readonly {
  readonly file: string;
  readonly on: readonly string[];
  readonly says?: readonly RegExp[];
  readonly get?: string;
  readonly answers?: RegExp;
}[] = [
  {
    file: "quickstart.ts",
    on: ["deno", "bun", "node"],
    says: [/four tasks at once/, /\d{4} functions in all/, /boolean +\d+/, /pool: 4 of at most 4/],
  },
  {
    file: "transactions.ts",
    on: ["deno", "bun", "node"],
    says: [/50 transfers/, /sum: 500/, /not_overdrawn/],
  },
  {
    file: "copy_import.ts",
    on: ["deno", "bun", "node"],
    says: [/200000 imported/, /"many"; COPY measurement, line 2/, /rows in the table: 200000/],
  },
  { file: "listen_sse.ts", on: ["deno"], get: "/", answers: /: welcome\n/ },
  { file: "deno_serve.ts", on: ["deno"], get: "/types?like=int4", answers: /"name":"int4"/ },
  { file: "ws_proxy.ts", on: ["deno", "bun", "node"], get: "/", answers: /for WebSockets/ },
  {
    file: "unit_test.ts",
    on: ["deno", "bun", "node"],
    says: [/ok: an order takes from the stock/, /ok: no order exceeds the stock/, /3 passed/],
  },
  { file: "worker.ts", on: ["workerd"] }, // by tests/runtimes/workerd/example_test.ts
  {
    file: "bun_serve.ts",
    on: ["bun"],
    get: "/?to=2000000000", // it ends only because the client leaves
    answers: /"n":5000,"cube":"125000000000"}\n/,
  },
];

describe("examples/", () => {
  let database: Database;

  beforeAll(async () => {
    database = await fresh_database();
  });
  afterAll(async () => {
    await database.drop();
  });

  it("are all listed here", () => {
    const files = readdirSync(`${ROOT}examples`).filter((name) => name.endsWith(".ts")).sort();
    assertEquals(PROGRAMS.map(({ file }) => file).sort(), files);
  });

  for (const { file, on, says = [], get, answers } of PROGRAMS) {
    if (!on.includes(RUNTIME)) continue;

    it(`${file} runs`, async () => {
      const port = get === undefined ? 0 : await free_port();
      const child = start(file, { DATABASE_URL: database.url, PORT: String(port) });
      const output = collect(child);
      if (get !== undefined) {
        await output.until(/listening/i);
        const response = await fetch(`http://127.0.0.1:${port}${get}`);
        assertMatch(await read_until(response.body!, answers!), answers!);
        process.kill(child.pid!, "SIGTERM"); // Deno would take child.kill() for the cause of the end
      }
      const code = await output.ended;
      assert(code === 0, `${file} ended with ${code}:\n${output.text()}`);
      for (const pattern of says) assertMatch(output.text(), pattern);
    });
  }

  it("say so when no server is there", async () => {
    const child = start("quickstart.ts", { DATABASE_URL: "postgres://me@127.0.0.1:1/db" });
    const output = collect(child);
    assert(await output.ended !== 0);
    assertStringIncludes(output.text(), "cannot connect to 127.0.0.1:1: connection refused");
  });
});

/** What is read until it matches, or ends. */
async function read_until(body: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  let text = "";
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (pattern.test(text)) break;
  }
  return text;
}

function start(file: string, env: Record<string, string>): ChildProcess {
  const program = `${ROOT}examples/${file}`;
  const args = RUNTIME === "deno" ? ["run", "-A", "--no-check", program] : [program];
  return spawn(process.execPath, args, {
    env: { ...process.env, ...env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function collect(child: ChildProcess) {
  let text = "";
  let heard = () => {};
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (chunk) => {
      text += chunk;
      heard();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    ended,
    text: () => text,
    until: async (pattern: RegExp) => {
      while (!pattern.test(text) && child.exitCode === null) {
        await Promise.race([new Promise<void>((resolve) => heard = resolve), ended]);
      }
    },
  };
}

function free_port(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
