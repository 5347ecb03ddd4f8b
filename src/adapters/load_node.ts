/**
 * Loads Node's modules where there are any.
 *
 * By `process.getBuiltinModule()` and not by an import, which bundlers want to
 * resolve: for a browser some refuse it, and some put stubs in its place that
 * cannot connect. So one bundle, made without configuration, runs everywhere.
 *
 * Source: https://nodejs.org/api/process.html#processgetbuiltinmoduleid (Node
 * 20.16 and 22.3; Deno 2; Bun 1.2)
 *
 * @module
 */

import { NotSupportedError } from "../errors.ts";

interface Modules {
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:net": typeof import("node:net");
  readonly "node:os": typeof import("node:os");
  readonly "node:stream": typeof import("node:stream");
  readonly "node:tls": typeof import("node:tls");
}

interface Process {
  getBuiltinModule?<Name extends keyof Modules>(name: Name): Modules[Name] | undefined;
}

/**
 * One of Node's modules.
 *
 * @throws {NotSupportedError} If this runtime has none of that name.
 */
export function load_node<Name extends keyof Modules>(name: Name): Modules[Name] {
  const { process } = globalThis as unknown as { readonly process?: Process };
  const module = process?.getBuiltinModule?.(name);
  if (module) return module;
  throw new NotSupportedError(`cannot connect: this runtime has no ${name}`);
}
