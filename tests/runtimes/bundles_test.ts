/** Each entry module, bundled without configuration, is loaded where it belongs and reads a row there. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { start_ws_proxy, type WsProxy } from "../../examples/ws_proxy.ts";
import { temporary } from "../adapters/peer.ts";
import { bundle, BUNDLERS, ENTRIES } from "../support/bundle.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { program_command, type RuntimeName, RUNTIMES } from "../support/runtimes.ts";
import { describe_where } from "../support/where.ts";
import { read_row_in_workerd } from "./workerd/bundled.ts";

const PROGRAM = fileURLToPath(new URL("programs/read_row.ts", import.meta.url));

/** Where each module belongs. */
const HOMES: Readonly<Record<string, readonly (RuntimeName | "workerd")[]>> = {
  "@edgepg/edgepg": [...RUNTIMES, "workerd"],
  "@edgepg/edgepg/deno": ["deno"],
  "@edgepg/edgepg/bun": ["bun"],
  "@edgepg/edgepg/node": RUNTIMES,
  "@edgepg/edgepg/workerd": ["workerd"],
  "@edgepg/edgepg/websocket": RUNTIMES,
  "@edgepg/edgepg/core": RUNTIMES,
  "@edgepg/edgepg/postgres": RUNTIMES,
};

/** PGlite has files of its own beside its code, so bundlers must be told to leave it out. */
const NOT_BUNDLED = ["@edgepg/edgepg/pglite"];

// Deno bundles, and starts the other runtimes.
describe_where("Deno" in globalThis, "a bundle", () => {
  const directory = temporary();
  let database: Database;
  let proxy: WsProxy;

  beforeAll(async () => {
    database = await fresh_database();
    proxy = await start_ws_proxy({ allow: () => true });
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await database.drop();
    directory[Symbol.dispose]();
  });

  it("is made of every entry module", () => {
    const entries = Object.keys(ENTRIES).filter((entry) => !NOT_BUNDLED.includes(entry));
    assertEquals(Object.keys(HOMES), entries);
  });

  for (const [bundler, command] of Object.entries(BUNDLERS)) {
    for (const [entry, runtimes] of Object.entries(HOMES)) {
      it(`of ${entry} by ${bundler} runs on ${runtimes.join(", ")}`, async () => {
        const file = join(directory.path, `${bundler}${entry.replaceAll("/", "_")}.mjs`);
        bundle(command(ENTRIES[entry]!, file));
        const proxied = entry.endsWith("/websocket") ? [`ws://127.0.0.1:${proxy.port}`] : [];
        for (const runtime of runtimes) {
          const output = runtime === "workerd"
            ? await read_row_in_workerd(file, database.url)
            : await run(program_command(runtime, PROGRAM), file, database.url, ...proxied);
          assertEquals(output, '{"sum":42}\n', runtime);
        }
      });
    }
  }
});

/** Runs a command to its end; gives what it printed. */
async function run(command: readonly string[], ...args: readonly string[]): Promise<string> {
  const child = spawn(command[0]!, [...command.slice(1), ...args], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => output += data);
  await new Promise((resolve) => child.once("close", resolve));
  return output;
}
