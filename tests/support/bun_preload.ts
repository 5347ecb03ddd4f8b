/**
 * Lets Bun resolve what deno.json names; bunfig.toml has it loaded before tests.
 *
 * Bun has no hook that sees a bare specifier, so the modules are given whole.
 *
 * @module
 */

import { specifiers } from "./specifiers.ts";

/** The part of `Bun` used here; its own types are not installed. */
interface BunGlobal {
  plugin(plugin: { name: string; setup(build: Build): void }): void;
}

interface Build {
  module(
    specifier: string,
    load: () => Promise<{ exports: Record<string, unknown>; loader: "object" }>,
  ): void;
}

const bun: BunGlobal = Reflect.get(globalThis, "Bun");

bun.plugin({
  name: "deno.json",
  setup(build) {
    for (const [specifier, url] of Object.entries(specifiers)) {
      build.module(specifier, async () => ({ exports: await import(url), loader: "object" }));
    }
  },
});
