/**
 * Runs a program of the suite by the runtime at hand, with the environment and permissions of one's choice.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";

/** How a program is run. */
export interface ProgramOptions {
  readonly args?: readonly string[];
  /** All of its environment. Default: none of libpq's variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** What Deno allows it. Default: everything. */
  readonly deno_flags?: readonly string[];
}

/** What became of it. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the program at `url` to its end; what it says on stderr is passed on. */
export async function run_program(url: URL, options: ProgramOptions = {}): Promise<Ended> {
  const { args = [], env = {}, deno_flags = ["-A"] } = options;
  const flags = "Deno" in globalThis
    ? ["run", "--no-check", "--quiet", "--no-prompt", ...deno_flags]
    : [];
  const child = spawn(process.execPath, [...flags, url.pathname, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => output += data);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}
