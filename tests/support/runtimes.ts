/**
 * How each runtime runs a program, and a set of test files.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { tool_path } from "./toolchain.ts";

/** A runtime the suite runs on. */
export type RuntimeName = "deno" | "bun" | "node";

/** All of them, in the order in which they run. */
export const RUNTIMES: readonly RuntimeName[] = ["deno", "bun", "node"];

/** Lets Bun and Node resolve what deno.json maps. */
const PRELOAD = {
  bun: "./tests/support/bun_preload.ts",
  node: "./tests/support/node_preload.ts",
} as const;

/** Installs Bun, Node and PostgreSQL, and the packages that tests import. */
export async function install_toolchain(): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet"],
  }).spawn().status;
  if (!success) throw new Error("cannot install what the suite runs on: deno install failed");
}

/** The command that runs a program, given from the repository's root. */
export function program_command(runtime: RuntimeName, program: string): string[] {
  switch (runtime) {
    case "deno":
      return [Deno.execPath(), "run", "-A", program];
    case "bun":
      return [find("bun", 1), `--preload=${PRELOAD.bun}`, program];
    case "node":
      return [find("node", 24), `--import=${PRELOAD.node}`, program];
  }
}

/** The command that runs test files, given from the repository's root, and writes a JUnit report. */
export function test_command(runtime: RuntimeName, files: string[], report: string): string[] {
  switch (runtime) {
    case "deno":
      return [Deno.execPath(), "test", "-A", "--no-check", `--junit-path=${report}`, ...files];
    case "bun":
      return [
        find("bun", 1),
        "test",
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        ...files.map((file) => `./${file}`),
      ];
    case "node":
      return [
        find("node", 24),
        `--import=${PRELOAD.node}`,
        "--test",
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        "--test-reporter=junit",
        `--test-reporter-destination=${report}`,
        ...files,
      ];
  }
}

/** The toolchain's, else the one on the PATH, which has to be of this major version or later. */
function find(tool: "bun" | "node", major: number): string {
  const packaged = tool_path(tool);
  if (packaged !== null) return packaged;
  const asked = spawnSync(tool, ["--version"], { encoding: "utf8" });
  if (parseInt((asked.stdout ?? "").replace("v", "")) >= major) return tool;
  throw new Error(`cannot find ${tool}: install ${tool} ${major} or later`);
}
