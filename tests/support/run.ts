/**
 * Runs the suite: the same test files on every runtime, each with its own test runner, against one
 * PostgreSQL that is started for it.
 *
 *     deno task test                       every runtime
 *     deno task test:bun tests/codecs      one runtime, some files
 *     deno task test:unit                  what needs no server
 *     deno task test --matrix              every runtime; if all is well, the README's table is written
 *
 * A run of everything also proves what the README says works where; see matrix.ts.
 *
 * Law: the last line is `N passed, N failed`, over all runtimes, and the exit code agrees with it. A
 * runtime that crashes, hangs or runs no test has failed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { end_command_on_signals, run_command } from "./child.ts";
import { test_server } from "./cluster.ts";
import { matrix_table, unproven } from "./matrix.ts";
import { write_readme_table } from "./readme.ts";
import { count_tests, type Counts, read_tests, type Test } from "./report.ts";
import { install_toolchain, type RuntimeName, RUNTIMES, test_command } from "./runtimes.ts";

/** What a test file that needs a server imports or reads. */
const WITH_SERVER = /\/(\w*cluster|database|replicas)\.ts"|DATABASE_URL/;

/** A runtime that prints nothing for so long hangs; in seconds. A single test has 30 of them. */
const SILENCE_LIMIT = 120;

interface Outcome extends Counts {
  readonly runtime: RuntimeName;
  readonly tests: readonly Test[];
  readonly seconds: number;
}

if (import.meta.main) {
  Deno.chdir(new URL("../../", import.meta.url));
  end_command_on_signals();
  Deno.exit(await main());
}

/** Returns the exit code. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      on: { type: "string", multiple: true },
      unit: { type: "boolean" },
      matrix: { type: "boolean" },
    },
  });
  const runtimes = RUNTIMES.filter((name) => values.on?.includes(name) ?? true);
  const files = [...test_files("tests")]
    .filter((file) => positionals.length === 0 || positionals.some((path) => is_in(file, path)))
    .filter((file) => !values.unit || !needs_server(file))
    .sort();
  if (files.length === 0 || runtimes.length === 0) {
    console.error("cannot run tests: none fits the arguments");
    return 1;
  }
  await install_toolchain();
  const server = files.some(needs_server) ? await test_server() : null;
  const report = Deno.makeTempFileSync({ suffix: ".xml" });
  globalThis.addEventListener("unload", () => Deno.removeSync(report));
  const outcomes: Outcome[] = [];
  for (const runtime of runtimes) {
    console.log(`\n${runtime}: ${files.length} files`);
    outcomes.push(await run_tests(runtime, files, report, server?.url ?? null));
  }
  await server?.stop();
  const is_all = positionals.length === 0 && !values.on && !values.unit;
  const missing = is_all || values.matrix ? missing_proofs(outcomes) : [];
  if (values.matrix && missing.length === 0) write_readme_table("matrix", matrix_table());
  return summarize(outcomes, missing);
}

function missing_proofs(outcomes: readonly Outcome[]): string[] {
  return unproven(Object.fromEntries(outcomes.map(({ runtime, tests }) => [runtime, tests])));
}

function* test_files(directory: string): Generator<string> {
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) yield* test_files(path);
    else if (path.endsWith("_test.ts")) yield path;
  }
}

function is_in(file: string, path: string): boolean {
  const plain = path.replace(/^\.\//, "").replace(/\/$/, "");
  return file === plain || file.startsWith(`${plain}/`);
}

function needs_server(file: string): boolean {
  return WITH_SERVER.test(Deno.readTextFileSync(file));
}

async function run_tests(
  runtime: RuntimeName,
  files: string[],
  report: string,
  url: string | null,
): Promise<Outcome> {
  const started = performance.now();
  await Deno.writeTextFile(report, "");
  const failure = await run_command(test_command(runtime, files, report), url, SILENCE_LIMIT);
  const tests = read_tests(await Deno.readTextFile(report));
  const { passed, ignored, failed } = count_tests(tests);
  const failures = [...failed];
  if (failure !== null && failed.length === 0) failures.push(failure);
  if (passed === 0 && failures.length === 0) failures.push("no test ran");
  const seconds = (performance.now() - started) / 1000;
  return { runtime, tests, passed, ignored, failed: failures, seconds };
}

function summarize(outcomes: readonly Outcome[], missing: readonly string[]): number {
  console.log();
  for (const claim of missing) console.log(`not proven: ${claim}`);
  for (const { runtime, failed } of outcomes) {
    for (const name of failed) console.log(`failed on ${runtime}: ${name}`);
  }
  for (const { runtime, passed, failed, ignored, seconds } of outcomes) {
    const counts = `${passed} passed, ${failed.length} failed, ${ignored} ignored`;
    console.log(`${runtime.padEnd(4)}  ${counts}  (${seconds.toFixed(1)} s)`);
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed.length, missing.length);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
