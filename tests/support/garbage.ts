/**
 * Makes the runtime collect garbage, so that a test can see what happens to handles that were dropped.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { turn } from "./peer.ts";

/** Collects until `done`, a few times at most; whether it came to that. */
export async function collect_until(done: () => boolean): Promise<boolean> {
  const collect = collector();
  for (let i = 0; i < 20; i++) {
    collect();
    await turn(); // finalizers run in a turn of their own
    if (done()) return true;
    await turn(); // what `done` has looked at stays alive as long as its turn
  }
  return false;
}

/** What makes it collect once: all, or, where the runtime can, what is young alone. */
export function collector(what: "all" | "young" = "all"): () => void {
  const { Bun } = globalThis as { Bun?: { gc(now: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: { type: "major" | "minor" }) => void;
  return () => gc({ type: what === "all" ? "major" : "minor" });
}
