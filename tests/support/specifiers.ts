/**
 * Where Bun and Node find the modules that deno.json names: the package's own, and the suite's.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url);

/** URLs of files by import specifier, such as `@edgepg/edgepg/node` and `@std/assert`. */
export const specifiers: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(config.exports).map(([entry, path]) => [
      config.name + entry.slice(1),
      new URL(path, root).href,
    ]),
  ),
  "@std/assert": new URL("tests/std/assert/mod.ts", root).href,
  "@std/testing/bdd": new URL("tests/std/testing/bdd.ts", root).href,
};
