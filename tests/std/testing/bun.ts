/**
 * `describe` and `it` on Bun's own runner.
 *
 * @module
 */

import type { Body, Runner } from "./bdd.ts";

/** The part of `bun:test` used here; its own types are not installed. */
interface BunTest {
  readonly describe: BunDeclare;
  readonly test: BunDeclare;
  beforeAll(fn: Body): void;
  afterAll(fn: Body): void;
  beforeEach(fn: Body): void;
  afterEach(fn: Body): void;
}

interface BunDeclare {
  (name: string, fn: Body): void;
  readonly skip: (name: string, fn: Body) => void;
  readonly only: (name: string, fn: Body) => void;
}

// A variable keeps the type checker from looking for the module.
const name = "bun:test";
const bun: BunTest = await import(name);

/** Runs under `bun test`. */
export const bun_runner: Runner = {
  describe: (name, { ignore, only }, fn) => {
    const declare = ignore ? bun.describe.skip : only ? bun.describe.only : bun.describe;
    declare(name, fn);
  },
  it: (name, { ignore, only }, fn) => {
    const declare = ignore ? bun.test.skip : only ? bun.test.only : bun.test;
    declare(name, fn);
  },
  beforeAll: bun.beforeAll,
  afterAll: bun.afterAll,
  beforeEach: bun.beforeEach,
  afterEach: bun.afterEach,
};
