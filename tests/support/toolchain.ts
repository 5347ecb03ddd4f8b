/**
 * Where the programs are that the suite runs on: Bun, Node, workerd, PostgreSQL and esbuild.
 *
 * Law: a machine needs nothing but Deno. `tests/support/toolchain/` has a package per platform that
 * depends on what this platform needs, and deno.json links them; `deno install` fetches the one that
 * fits. The packages' install scripts are not run, so the programs are called where they lie.
 *
 * @module
 */

import { existsSync, readFileSync, realpathSync } from "node:fs";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program of the toolchain; of `postgres` it is the directory that holds `bin`, `lib` and `share`. */
export type Tool = "bun" | "esbuild" | "node" | "postgres" | "workerd";

/** Path of the tool, or null if it has no package for this platform or `deno install` was not run. */
export function tool_path(tool: Tool): string | null {
  const manifest = here(`./toolchain/${platform()}-${arch()}/package.json`);
  const installed = here("../../node_modules/@edgepg/toolchain");
  if (!existsSync(manifest) || !existsSync(installed)) return null;
  const { tools } = JSON.parse(readFileSync(manifest, "utf8")) as { tools: Record<Tool, string> };
  return find_above(realpathSync(installed), join("node_modules", tools[tool]));
}

/** Looks in the directory and in those around it, as a runtime looks for a package. */
function find_above(directory: string, path: string): string | null {
  const candidate = join(directory, path);
  if (existsSync(candidate)) return realpathSync(candidate);
  const parent = dirname(directory);
  return parent === directory ? null : find_above(parent, path);
}

function here(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
