/**
 * Runs the suite: the same test files on every runtime, each with its own test runner, against one
 * PostgreSQL that is started for it.
 *
 *     deno task test                       every runtime
 *     deno task test:bun tests/codecs      one runtime, some files
 *     deno task test:unit                  what needs no server
 *     deno task test:pooler                what can, through PgBouncer: in session mode, in transaction
 *                                          mode, and with named statements there
 *     deno task test --matrix              every runtime; if all is well, the README's table is written
 *
 * Without arguments, all of it: on every runtime, and on Deno through PgBouncer where there is one. The
 * latter goes on beside the former, as tests mostly wait, and shows what it prints when a pass has ended.
 * A run of everything also proves what the README says works where; see matrix.ts.
 *
 * Law: the last line is `N passed, N failed`, over all runtimes, and the exit code agrees with it. A
 * runtime that crashes, hangs or runs no test has failed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { end_command_on_signals, type Output, run_command, write_all } from "./child.ts";
import { start_cluster, test_server } from "./cluster.ts";
import { matrix_table, unproven } from "./matrix.ts";
import { describe_way, pairings, PgBouncer, WAYS } from "./pgbouncer.ts";
import { write_readme_table } from "./readme.ts";
import { count_tests, type Counts, read_tests, type Test } from "./report.ts";
import { install_toolchain, type RuntimeName, RUNTIMES, test_command } from "./runtimes.ts";

/** What a test file that needs a server imports or reads. */
const WITH_SERVER = /\/(\w*cluster|database|replicas)\.ts"|DATABASE_URL/;

/** A runtime that prints nothing for so long hangs; in seconds. A single test has 30 of them. */
const SILENCE_LIMIT = 120;

/** Files about what a database answers, which may be reached through a pooler. */
const THROUGH_POOLER =
  /^tests\/(integration|parity|security|runtimes\/checks_test|adversity\/attribution)/;

interface Outcome extends Counts {
  readonly runtime: RuntimeName;
  /** What was between the tests and the server, such as `PgBouncer 1.24, ...`; null: nothing. */
  readonly through: string | null;
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
      through: { type: "string", multiple: true },
      matrix: { type: "boolean" },
    },
  });
  const runtimes = RUNTIMES.filter((name) => values.on?.includes(name) ?? true);
  const files = [...test_files("tests")]
    .filter((file) => positionals.length === 0 || positionals.some((path) => is_in(file, path)))
    .filter((file) => !values.unit || !needs_server(file))
    .sort();
  const is_all = positionals.length === 0 && !values.on && !values.unit && !values.through;
  const ways = Object.keys(WAYS).filter((name) => values.through?.includes(name) ?? is_all);
  if (files.length === 0 || runtimes.length === 0 || (values.through && ways.length === 0)) {
    console.error("cannot run tests: none fits the arguments");
    return 1;
  }
  await install_toolchain();
  const direct = values.through ? [] : run_direct(runtimes, files);
  const poolers = run_through_poolers(ways, values.on ? runtimes : ["deno"], files, is_all);
  const outcomes = (await Promise.all([direct, poolers])).flat();
  const missing = is_all || values.matrix ? missing_proofs(outcomes) : [];
  if (values.matrix && missing.length === 0) write_readme_table("matrix", matrix_table());
  return summarize(outcomes, missing);
}

async function run_direct(
  runtimes: readonly RuntimeName[],
  files: string[],
): Promise<Outcome[]> {
  const server = files.some(needs_server) ? await test_server() : null;
  const outcomes: Outcome[] = [];
  for (const runtime of runtimes) {
    outcomes.push(await run_tests(runtime, files, { url: server?.url ?? null }));
  }
  await server?.stop();
  return outcomes;
}

async function run_through_poolers(
  ways: readonly string[],
  runtimes: readonly RuntimeName[],
  files: readonly string[],
  aside: boolean,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const poolable = files.filter(is_poolable);
  for (const name of ways) outcomes.push(...await run_through(name, runtimes, poolable, aside));
  return outcomes;
}

/** Through a PgBouncer that pools in that way, to a server of its own. */
async function run_through(
  name: string,
  runtimes: readonly RuntimeName[],
  files: string[],
  aside: boolean,
): Promise<Outcome[]> {
  const way = WAYS[name]!;
  const found = pairings([way]).at(-1); // the system's own, where it knows that way
  if (found === undefined) {
    console.log(`\nno PgBouncer for ${describe_way(way)}: nothing is run through it`);
    return [];
  }
  const [program] = found;
  await using cluster = await start_cluster();
  await using bouncer = await PgBouncer.start(program, cluster, { ...way, size: 50 });
  const surroundings = {
    url: cluster.url,
    through: `PgBouncer ${program.version}, ${name}`,
    aside,
    variables: {
      POOLER_URL: `postgres://postgres@127.0.0.1:${bouncer.port}/?pooler=${way.pooler}`,
      POOL_MODE: way.pool_mode,
    },
  };
  const outcomes: Outcome[] = [];
  for (const runtime of runtimes) outcomes.push(await run_tests(runtime, files, surroundings));
  return outcomes;
}

/** Of tests that nothing stood between: what holds through a pooler proves nothing of a runtime. */
function missing_proofs(outcomes: readonly Outcome[]): string[] {
  const direct = outcomes.filter(({ through }) => through === null);
  return unproven(Object.fromEntries(direct.map(({ runtime, tests }) => [runtime, tests])));
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

function is_poolable(file: string): boolean {
  return THROUGH_POOLER.test(file) && Deno.readTextFileSync(file).includes('support/database.ts"');
}

function needs_server(file: string): boolean {
  return WITH_SERVER.test(Deno.readTextFileSync(file));
}

/** Where the tests find their server. */
interface Surroundings {
  readonly url: string | null;
  readonly through?: string;
  /** Whether other tests run, and print, at the same time. */
  readonly aside?: boolean;
  /** Variables that say more of it. */
  readonly variables?: Readonly<Record<string, string>>;
}

async function run_tests(
  runtime: RuntimeName,
  files: string[],
  { url, through, aside, variables }: Surroundings,
): Promise<Outcome> {
  const heading = `\n${title({ runtime, through: through ?? null })}: ${files.length} files\n`;
  const held: [part: Uint8Array, to: Output][] = [];
  const show = aside ? (part: Uint8Array, to: Output) => void held.push([part, to]) : write_all;
  await show(new TextEncoder().encode(heading), Deno.stdout);
  const started = performance.now();
  const report = Deno.makeTempFileSync({ suffix: ".xml" });
  globalThis.addEventListener("unload", () => Deno.removeSync(report));
  const command = test_command(runtime, files, report);
  const failure = await run_command(command, url, SILENCE_LIMIT, variables, show);
  for (const [part, to] of held) await write_all(part, to);
  const tests = read_tests(await Deno.readTextFile(report));
  const { passed, ignored, failed } = count_tests(tests);
  const failures = [...failed];
  if (failure !== null && failed.length === 0) failures.push(failure);
  if (passed === 0 && failures.length === 0) failures.push("no test ran");
  const seconds = (performance.now() - started) / 1000;
  return { runtime, through: through ?? null, tests, passed, ignored, failed: failures, seconds };
}

function title({ runtime, through }: Pick<Outcome, "runtime" | "through">): string {
  return through === null ? runtime : `${runtime} through ${through}`;
}

function summarize(outcomes: readonly Outcome[], missing: readonly string[]): number {
  console.log();
  for (const claim of missing) console.log(`not proven: ${claim}`);
  for (const outcome of outcomes) {
    for (const name of outcome.failed) console.log(`failed on ${title(outcome)}: ${name}`);
  }
  for (const outcome of outcomes) {
    const { passed, failed, ignored, seconds } = outcome;
    const counts = `${passed} passed, ${failed.length} failed, ${ignored} ignored`;
    console.log(`${title(outcome).padEnd(4)}  ${counts}  (${seconds.toFixed(1)} s)`);
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed.length, missing.length);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
