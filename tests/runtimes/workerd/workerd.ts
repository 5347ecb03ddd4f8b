/**
 * Starts workerd with a worker made of this repository's own files.
 *
 * The program is the toolchain's, or what the variable `WORKERD` names.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as node_module from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { temporary } from "../../adapters/peer.ts";
import { tool_path } from "../../support/toolchain.ts";
import type { Task } from "./worker.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const WORKER = join(ROOT, "tests/runtimes/workerd/worker.ts");
/** Before Node's modules were there by default: what must work with the least. */
const COMPATIBILITY_DATE = "2025-01-01";

/** Removes types; Bun lacks it. */
const strip_types: ((code: string) => string) | undefined = "stripTypeScriptTypes" in node_module
  ? node_module.stripTypeScriptTypes
  : undefined;

/** Whether this runtime can feed workerd: the programs' types must be removed. */
export const can_drive: boolean = strip_types !== undefined;

/** A running workerd. */
export interface Workerd extends AsyncDisposable {
  /** Has the worker run a task. */
  run(task: Task | null): Promise<{ result: unknown; escaped: number }>;
}

/** Starts workerd; trusts the roots in `roots`, PEM. */
export async function start_workerd(roots: string): Promise<Workerd> {
  const directory = temporary();
  const config = join(directory.path, "config.capnp");
  writeFileSync(config, configuration(copy_modules(directory.path), roots));
  const child = spawn(program(), ["serve", config, "--control-fd=1"], {
    stdio: ["ignore", "pipe", "ignore"], // it logs every refused connection
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let output = "";
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.on("data", (data) => {
      output += data;
      const match = /"port":(\d+)/.exec(output);
      if (match) resolve(Number(match[1]));
    });
    ended.then(() => reject(new Error("workerd did not start")));
  });
  return {
    async run(task) {
      const body = JSON.stringify(task);
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      return await response.json();
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL"); // SIGTERM waits for requests to end
      await ended;
      directory[Symbol.dispose]();
    },
  };
}

/** Copies the worker and what it imports, without types; returns the names, the worker's first. */
function copy_modules(directory: string): string[] {
  const names: string[] = [];
  const copy = (path: string) => {
    const name = relative(ROOT, path);
    if (names.includes(name)) return;
    names.push(name);
    const code = strip_types!(readFileSync(path, "utf8"));
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), code);
    for (const [, specifier] of code.matchAll(/from "(\.[^"]+)"/g)) {
      copy(resolve(dirname(path), specifier!));
    }
  };
  copy(WORKER);
  return names;
}

function configuration(modules: readonly string[], roots: string): string {
  const embedded = modules.map((name) => `(name = "${name}", esModule = embed "${name}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${embedded.join(", ")}],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      compatibilityFlags = ["unhandled_rejection_after_microtask_checkpoint"],
      globalOutbound = "net")),
    (name = "net", network = (
      allow = ["private", "local"],
      tlsOptions = (trustBrowserCas = false, trustedCertificates = [${JSON.stringify(roots)}]))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
`;
}

function program(): string {
  const path = process.env.WORKERD ?? tool_path("workerd");
  if (path === null) throw new Error("cannot find workerd: run deno install");
  return path;
}
