/**
 * `describe` and `it` on Node's own runner.
 *
 * @module
 */

import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Options, Runner } from "./bdd.ts";

/** Runs under `node --test`. */
export const node_runner: Runner = {
  describe: (name, options, fn) => void describe(name, node_options(options), fn),
  it: (name, options, fn) => void it(name, node_options(options), fn),
  beforeAll: (fn) => before(fn),
  afterAll: (fn) => after(fn),
  beforeEach: (fn) => beforeEach(fn),
  afterEach: (fn) => afterEach(fn),
};

function node_options({ ignore = false, only = false }: Options): { skip: boolean; only: boolean } {
  return { skip: ignore, only };
}
