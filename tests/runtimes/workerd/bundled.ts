/**
 * Loads a bundle of an entry module into workerd, as it was made by a bundler.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporary } from "../../adapters/peer.ts";
import { tool_path } from "../../support/toolchain.ts";

/** Before Node's modules were there by default: what must work with the least. */
const COMPATIBILITY_DATE = "2025-01-01";

const WORKER = `
import { connect } from "bundle.mjs";

export default {
  async fetch(request) {
    const conn = await connect(await request.text());
    const row = await conn.fetchone("select 40 + $1::int as sum", [2]);
    await conn.close();
    return new Response(JSON.stringify(row) + "\\n");
  },
};
`;

const CONFIGURATION = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        (name = "worker.mjs", esModule = embed "worker.mjs"),
        (name = "bundle.mjs", esModule = embed "bundle.mjs")],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      globalOutbound = "net")),
    (name = "net", network = (allow = ["private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
`;

/** What a worker that reads a row answers. */
export async function read_row_in_workerd(bundle: string, url: string): Promise<string> {
  using directory = temporary();
  copyFileSync(bundle, join(directory.path, "bundle.mjs"));
  writeFileSync(join(directory.path, "worker.mjs"), WORKER);
  const config = join(directory.path, "config.capnp");
  writeFileSync(config, CONFIGURATION);
  const child = spawn(tool_path("workerd")!, ["serve", config, "--control-fd=1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout.on("data", (data) => {
        const match = /"port":(\d+)/.exec(String(data));
        if (match) resolve(match[1]!);
      });
      ended.then(() => reject(new Error("workerd did not start")));
    });
    return await (await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: url })).text();
  } finally {
    child.kill("SIGKILL"); // SIGTERM waits for requests to end
    await ended;
  }
}
