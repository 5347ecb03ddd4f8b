/**
 * `describe` and `it` on Node's own runner.
 *
 * @module
 */

import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { type Options, type Runner, TEST_LIMIT } from "./runner.ts";

const limit = { timeout: TEST_LIMIT };

/** Runs under `node --test`. */
export const node_runner: Runner = {
  describe: (name, options, fn) => void describe(name, node_options(options), fn),
  it: (name, options, fn) => void it(name, { ...node_options(options), ...limit }, fn),
  beforeAll: (fn) => before(fn, limit),
  afterAll: (fn) => after(fn, limit),
  beforeEach: (fn) => beforeEach(fn, limit),
  afterEach: (fn) => afterEach(fn, limit),
};

function node_options({ ignore = false, only = false }: Options): { skip: boolean; only: boolean } {
  return { skip: ignore, only };
}
