/**
 * `describe` and `it` on Bun's own runner.
 *
 * @module
 */

import { type Body, type Options, type Runner, TEST_LIMIT } from "./runner.ts";

/** The part of `bun:test` used here; its own types are not installed. */
interface BunTest {
  readonly describe: Declare;
  readonly test: Declare;
  beforeAll(fn: Body, limit: number): void;
  afterAll(fn: Body, limit: number): void;
  beforeEach(fn: Body, limit: number): void;
  afterEach(fn: Body, limit: number): void;
}

interface Declare {
  (name: string, fn: Body, limit?: number): void;
  readonly skip: Declare;
  readonly only: Declare;
}

// A variable keeps the type checker from looking for the module.
const name = "bun:test";
const bun: BunTest = await import(name);

/** Runs under `bun test`. */
export const bun_runner: Runner = {
  describe: (name, options, fn) => variant(bun.describe, options)(name, fn),
  it: (name, options, fn) => variant(bun.test, options)(name, fn, TEST_LIMIT),
  beforeAll: (fn) => bun.beforeAll(fn, TEST_LIMIT),
  afterAll: (fn) => bun.afterAll(fn, TEST_LIMIT),
  beforeEach: (fn) => bun.beforeEach(fn, TEST_LIMIT),
  afterEach: (fn) => bun.afterEach(fn, TEST_LIMIT),
};

function variant(declare: Declare, { ignore, only }: Options): Declare {
  if (ignore) return declare.skip;
  return only ? declare.only : declare;
}
