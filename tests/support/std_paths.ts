/**
 * Where Bun and Node find the modules that deno.json maps for Deno.
 *
 * @module
 */

/** Import specifiers of the suite, and the files that stand in for them. */
export const std_paths: Readonly<Record<string, string>> = {
  "@std/assert": new URL("../std/assert/mod.ts", import.meta.url).href,
  "@std/testing/bdd": new URL("../std/testing/bdd.ts", import.meta.url).href,
};
