/**
 * What Node, Bun and Deno show of the host in the same way, through Node's
 * names: environment, user, files.
 *
 * Law: nothing here throws; what cannot be known is undefined.
 *
 * @module
 */

import { load_node } from "./load_node.ts";

interface Process {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
}

function host(): Process {
  return (globalThis as unknown as { readonly process: Process }).process;
}

/** An environment variable. */
export function host_env(name: string): string | undefined {
  try {
    return host().env[name];
  } catch {
    return undefined;
  }
}

/**
 * The user's name: the operating system's, else the environment's.
 *
 * @param env Reads a variable.
 * @param ask_system Whether the operating system may be asked.
 */
export function host_user(
  env: (name: string) => string | undefined = host_env,
  ask_system: boolean = true,
): string | undefined {
  return (ask_system && system_user()) || env("USER") || env("USERNAME") || undefined;
}

function system_user(): string | undefined {
  try {
    return load_node("node:os").userInfo().username;
  } catch {
    return undefined; // the system has no name for this user's number, or there is no system
  }
}

/** Bits of a file's mode that let the group or others in. */
const OTHERS = 0o077;

/**
 * A text file, or undefined.
 *
 * `secret` takes regular files that only their owner may use, as libpq does
 * with passfiles (passwordFromFile, src/interfaces/libpq/fe-connect.c); on
 * Windows, where modes say nothing, any regular file.
 */
export async function host_text(
  path: string,
  { secret = false }: { readonly secret?: boolean } = {},
): Promise<string | undefined> {
  try {
    const { open } = load_node("node:fs/promises");
    const file = await open(path);
    try {
      if (secret) {
        const stat = await file.stat(); // of the open file, so that it cannot be swapped meanwhile
        const shared = host().platform !== "win32" && (stat.mode & OTHERS) !== 0;
        if (shared || !stat.isFile()) return undefined;
      }
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
