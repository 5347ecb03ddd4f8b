/** Each entry module, bundled without configuration, is loaded where it belongs and reads a row there. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
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
  "@edgepg/edgepg/core": RUNTIMES,
  "@edgepg/edgepg/postgres": RUNTIMES,
};

// Deno bundles, and starts the other runtimes.
describe_where("Deno" in globalThis, "a bundle", () => {
  const directory = temporary();
  let database: Database;

  beforeAll(async () => {
    database = await fresh_database();
  });
  afterAll(async () => {
    await database.drop();
    directory[Symbol.dispose]();
  });

  it("is made of every entry module", () => {
    assertEquals(Object.keys(HOMES), Object.keys(ENTRIES));
  });

  for (const [bundler, command] of Object.entries(BUNDLERS)) {
    for (const [entry, runtimes] of Object.entries(HOMES)) {
      it(`of ${entry} by ${bundler} runs on ${runtimes.join(", ")}`, async () => {
        const file = join(directory.path, `${bundler}${entry.replaceAll("/", "_")}.mjs`);
        bundle(command(ENTRIES[entry]!, file));
        for (const runtime of runtimes) {
          const output = runtime === "workerd"
            ? await read_row_in_workerd(file, database.url)
            : await run(program_command(runtime, PROGRAM), file, database.url);
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
