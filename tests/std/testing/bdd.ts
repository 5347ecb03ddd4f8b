/**
 * `describe`, `it` and their hooks, as `@std/testing/bdd` has them, on the runtime's own test runner:
 * `Deno.test` with its sanitizers, `bun:test`, or `node:test`.
 *
 * Law: a file that runs here runs unchanged with the real package on Deno. It has what the suite uses.
 *
 * Source: https://jsr.io/@std/testing.
 *
 * @module
 */

import type { Body, Options, Runner } from "./runner.ts";

export type { Body, Options };

/** Declares a test or a suite. The name reads as a sentence. */
export interface Declare {
  /** Declares it with the default options. */
  (name: string, fn: Body): void;
  /** Declares it with options. */
  (name: string, options: Options, fn: Body): void;
}

/** `it` and `describe`, with their variants. */
export interface DeclareWithVariants extends Declare {
  /** The only one to run. */
  readonly only: Declare;
  /** One that does not run. */
  readonly ignore: Declare;
  /** One that does not run. */
  readonly skip: Declare;
}

const runner: Runner = await runner_of_this_runtime();

/** Declares a suite: a group of tests with hooks of its own. */
export const describe: DeclareWithVariants = with_variants((name, options, fn) =>
  runner.describe(name, options, () => {
    if (fn() instanceof Promise) throw new TypeError("cannot declare tests in an async describe");
  })
);

/** Declares a test. */
export const it: DeclareWithVariants = with_variants((name, options, fn) =>
  runner.it(name, options, fn)
);

/** Another name of `it`. */
export const test: DeclareWithVariants = it;

/** Runs once before the first test of the suite, or of the file. */
export function beforeAll(fn: Body): void {
  runner.beforeAll(fn);
}

/** Another name of `beforeAll`. */
export const before: typeof beforeAll = beforeAll;

/** Runs once after the last test of the suite, or of the file, also if tests failed. */
export function afterAll(fn: Body): void {
  runner.afterAll(fn);
}

/** Another name of `afterAll`. */
export const after: typeof afterAll = afterAll;

/** Runs before each test of the suite, or of the file; outer ones first. */
export function beforeEach(fn: Body): void {
  runner.beforeEach(fn);
}

/** Runs after each test of the suite, or of the file, also if it failed; inner ones first. */
export function afterEach(fn: Body): void {
  runner.afterEach(fn);
}

async function runner_of_this_runtime(): Promise<Runner> {
  if ("Deno" in globalThis) return (await import("./deno.ts")).deno_runner;
  if ("Bun" in globalThis) return (await import("./bun.ts")).bun_runner;
  return (await import("./node.ts")).node_runner;
}

function with_variants(
  declare: (name: string, options: Options, fn: Body) => void,
): DeclareWithVariants {
  const marked =
    (mark?: keyof Options): Declare => (name: string, ...rest: [Body] | [Options, Body]) => {
      const [options, fn] = rest.length === 1 ? [{}, rest[0]] : rest;
      declare(name, mark === undefined ? options : { ...options, [mark]: true }, fn);
    };
  const ignore = marked("ignore");
  return Object.assign(marked(), { only: marked("only"), ignore, skip: ignore });
}
