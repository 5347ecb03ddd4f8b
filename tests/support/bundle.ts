/**
 * Makes one file of an entry module, as each bundler does without configuration.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import config from "../../deno.json" with { type: "json" };
import { tool_path } from "./toolchain.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Files of the entry modules by import specifier. */
export const ENTRIES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(config.exports).map(([name, file]) => [config.name + name.slice(1), ROOT + file]),
);

/** Commands that bundle `entry` into `output`. Of what is given, only esbuild has to be told the format. */
export const BUNDLERS: Readonly<Record<string, (entry: string, output: string) => string[]>> = {
  "esbuild": (entry, output) => [
    tool("esbuild"),
    entry,
    "--bundle",
    "--format=esm",
    `--outfile=${output}`,
  ],
  "bun build": (entry, output) => [tool("bun"), "build", entry, `--outfile=${output}`],
  "deno bundle": (entry, output) => [Deno.execPath(), "bundle", "--quiet", entry, `-o=${output}`],
};

/** The command for a worker, with what packages have for workerd; it leaves the runtime's own modules to it. */
export function bundle_for_workerd(entry: string, output: string): string[] {
  const own = ["--external:node:*", "--external:cloudflare:*"];
  const flags = ["--bundle", "--format=esm", "--conditions=workerd", ...own];
  return [tool("esbuild"), entry, ...flags, `--outfile=${output}`];
}

/** How large a bundle is, in bytes. */
export interface Size {
  /** Without comments, spaces and long names. */
  readonly minified: number;
  /** Compressed by gzip, too. */
  readonly gzipped: number;
}

/** Runs a bundler; what it says of errors is in the error. */
export function bundle(command: readonly string[]): string {
  const [program, ...args] = command;
  const { status, stdout, stderr } = spawnSync(program!, args, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return stdout;
  throw new Error(`cannot bundle: ${command.join(" ")} failed:\n${stderr}`);
}

/** How large the entry module is by esbuild, with all of this package that it imports. */
export function bundle_size(entry: string): Size {
  const flags = ["--bundle", "--format=esm", "--minify", "--packages=external"];
  const code = bundle([tool("esbuild"), entry, ...flags]);
  return { minified: code.length, gzipped: gzipSync(code, { level: 9 }).length };
}

function tool(name: "bun" | "esbuild"): string {
  const path = tool_path(name);
  if (path === null) throw new Error(`cannot find ${name}: run deno install`);
  return path;
}
