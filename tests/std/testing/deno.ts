/**
 * `describe` and `it` on `Deno.test`, the only runner with sanitizers.
 *
 * Law: a suite outside all others is one `Deno.test`, and everything in it is a step. So a resource
 * that `beforeAll` opens and `afterAll` closes lives within one test, as the sanitizers want it,
 * and a test that leaks is named.
 *
 * @module
 */

import { type Body, type Options, type Runner, TEST_LIMIT } from "./runner.ts";

interface Test {
  readonly name: string;
  readonly options: Options;
  readonly fn: Body;
}

interface Suite {
  readonly name: string;
  readonly options: Options;
  readonly outer: Suite | null;
  readonly members: (Suite | Test)[];
  readonly before_all: Body[];
  readonly after_all: Body[];
  readonly before_each: Body[];
  readonly after_each: Body[];
}

// Taken now: a test may replace the global ones by a clock of its own.
const { setTimeout, clearTimeout } = globalThis;

/** The file: its hooks run around every test in it. */
const file = new_suite("", {}, null);
let current = file;

/** Runs under `deno test`. */
export const deno_runner: Runner = {
  describe(name, options, fn): void {
    const suite = new_suite(name, options, current);
    current = suite;
    try {
      fn();
    } finally {
      current = suite.outer!;
    }
    if (current === file) {
      Deno.test({ name, ...run_options(suite), fn: (context) => run_suite(suite, context) });
    } else {
      current.members.push(suite);
    }
  },
  it(name, options, fn): void {
    const test = { name, options, fn };
    if (current === file) {
      Deno.test({ name, ...run_options(test), fn: () => run_test(test, file) });
    } else {
      current.members.push(test);
    }
  },
  beforeAll(fn): void {
    if (current === file) Deno.test.beforeAll(fn);
    else current.before_all.push(fn);
  },
  afterAll(fn): void {
    if (current === file) Deno.test.afterAll(fn);
    else current.after_all.push(fn);
  },
  beforeEach(fn): void {
    current.before_each.push(fn);
  },
  afterEach(fn): void {
    current.after_each.push(fn);
  },
};

function new_suite(name: string, options: Options, outer: Suite | null): Suite {
  return {
    name,
    options,
    outer,
    members: [],
    before_all: [],
    after_all: [],
    before_each: [],
    after_each: [],
  };
}

async function run_suite(suite: Suite, context: Deno.TestContext): Promise<void> {
  await with_hooks(suite.before_all, suite.after_all, async () => {
    for (const member of chosen(suite)) {
      await context.step({
        name: member.name,
        ignore: member.options.ignore ?? false,
        fn: (inner) => is_suite(member) ? run_suite(member, inner) : run_test(member, suite),
      });
    }
  });
}

async function run_test(test: Test, suite: Suite): Promise<void> {
  let run = () => within_limit(test.fn);
  for (let at: Suite | null = suite; at !== null; at = at.outer) {
    const { before_each, after_each } = at;
    const inner = run;
    run = () => with_hooks(before_each, after_each, inner);
  }
  await run();
}

/** The `after` hooks run whatever happened before; the first failure is the one reported. */
async function with_hooks(
  before: readonly Body[],
  after: readonly Body[],
  fn: () => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const attempt = (run: Promise<void>) => run.catch((reason) => void failures.push(reason));
  for (const hook of before) {
    if (failures.length === 0) await attempt(within_limit(hook));
  }
  if (failures.length === 0) await attempt(fn());
  for (const hook of after) await attempt(within_limit(hook));
  if (failures.length > 0) throw failures[0];
}

async function within_limit(fn: Body): Promise<void> {
  const { promise: too_late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`still running after ${TEST_LIMIT / 1000} seconds`)),
    TEST_LIMIT,
  );
  try {
    await Promise.race([fn(), too_late]);
  } finally {
    clearTimeout(timer);
  }
}

/** All members; if some are marked `only`, those. */
function chosen(suite: Suite): (Suite | Test)[] {
  const marked = suite.members.filter(is_only);
  return marked.length > 0 ? marked : suite.members;
}

function is_only(member: Suite | Test): boolean {
  return member.options.only === true || is_suite(member) && member.members.some(is_only);
}

function is_suite(member: Suite | Test): member is Suite {
  return "members" in member;
}

function run_options(member: Suite | Test): { ignore: boolean; only: boolean } {
  return { ignore: member.options.ignore ?? false, only: is_only(member) };
}
