/**
 * Lets `bun test` resolve `@std/*`; bunfig.toml names this file.
 *
 * Bun has no hook that sees a bare specifier, so the modules are given whole.
 *
 * @module
 */

import { std_paths } from "./std_paths.ts";

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
  name: "std",
  setup(build) {
    for (const [specifier, url] of Object.entries(std_paths)) {
      build.module(specifier, async () => ({ exports: await import(url), loader: "object" }));
    }
  },
});
