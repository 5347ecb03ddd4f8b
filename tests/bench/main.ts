/**
 * Measures edgepg beside the other clients, on every runtime.
 *
 *     deno task bench                            everything; ten minutes or so
 *     deno task bench --quick                    a tenth of the work
 *     deno task bench --only=rows,sequence --on=deno --on=bun
 *     deno task bench --cpu                      processor time, too
 *     deno task bench --json=results.json --svg=results.svg
 *     deno task bench --from=results.json --readme   writes the README's tables of what was found before
 *
 * It reads from the server that DATABASE_URL names, in a database of its own;
 * without one it starts a server.
 *
 * @module
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import postgres from "postgres";
import config from "../../deno.json" with { type: "json" };
import { end_command_on_signals, run_command } from "../support/child.ts";
import { start_cluster } from "../support/cluster.ts";
import { write_readme_table } from "../support/readme.ts";
import {
  install_toolchain,
  program_command,
  type RuntimeName,
  RUNTIMES,
} from "../support/runtimes.ts";
import { fixtures, TABLES } from "./fixtures.ts";
import type { Effort, Measured } from "./measure.ts";
import { plot } from "./plot.ts";
import type { Findings, Orders } from "./program.ts";
import { summary, table, whereabouts } from "./table.ts";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** In seconds; nothing runs so long. */
const SILENCE_LIMIT = 300;

/** Everything that was found, and where. */
export interface Results extends Effort {
  /** The day, as ISO 8601 has it. */
  readonly date: string;
  /** Model and number of the processors. */
  readonly machine: string;
  /** Versions of what the runtimes share. */
  readonly versions: Readonly<Record<string, string>>;
  /** By runtime. */
  readonly findings: readonly Findings[];
}

if (import.meta.main) {
  Deno.chdir(new URL("../../", import.meta.url));
  end_command_on_signals();
  await main();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      on: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      cpu: { type: "boolean", default: false },
      rounds: { type: "string" },
      json: { type: "string" },
      svg: { type: "string" },
      from: { type: "string" },
      readme: { type: "boolean", default: false },
    },
  });
  const names = values.only?.split(",");
  const workloads = WORKLOADS.filter(({ name }) => names?.includes(name) ?? true);
  const runtimes = RUNTIMES.filter((name) => values.on?.includes(name) ?? true);
  const effort = {
    divisor: values.quick ? 10 : 1,
    rounds: Number(values.rounds ?? (values.quick ? 5 : 9)),
    warmups: 3,
  };
  const results = values.from
    ? JSON.parse(await Deno.readTextFile(values.from)) as Results
    : await measure_all(runtimes, workloads, effort);
  console.log(table(results, values.cpu));
  if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(results, null, 2) + "\n");
  if (values.svg) await Deno.writeTextFile(values.svg, plot(results));
  if (values.readme) {
    write_readme_table("speed", summary(results));
    write_readme_table("whereabouts", whereabouts(results));
  }
}

async function measure_all(
  runtimes: readonly RuntimeName[],
  workloads: readonly Workload[],
  effort: Effort,
): Promise<Results> {
  await install_toolchain();
  return await with_database(effort, async (url, server) => {
    const findings = [];
    for (const runtime of runtimes) findings.push(await run_on(runtime, workloads, url, effort));
    return { ...facts(server), ...effort, findings };
  });
}

/** Runs `work` with the tables in place. */
async function with_database<T>(
  effort: Effort,
  work: (url: string, server: string) => Promise<T>,
): Promise<T> {
  const cluster = Deno.env.get("DATABASE_URL") ? null : await start_cluster({
    settings: { shared_buffers: "256MB", max_wal_size: "4GB" },
  });
  if (cluster !== null) Deno.env.set("DATABASE_URL", cluster.url);
  try {
    const { fresh_database } = await import("../support/database.ts"); // looks for the server
    await using database = await fresh_database();
    const url = new URL(database.url);
    url.searchParams.set("sslmode", "disable"); // as the others connect where nothing is said
    return await work(url.href, await prepare(database.url, effort));
  } finally {
    await cluster?.stop();
  }
}

/** Makes the tables; returns the server's version. */
async function prepare(url: string, effort: Effort): Promise<string> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  for (const statement of fixtures(effort)) await sql.unsafe(statement);
  for (const name of TABLES) await sql.unsafe(`select count(*) from ${name}`);
  const [{ server_version }] = await sql<[{ server_version: string }]>`show server_version`;
  await sql.end();
  return server_version;
}

async function run_on(
  runtime: RuntimeName,
  workloads: readonly Workload[],
  url: string,
  effort: Effort,
): Promise<Findings> {
  console.error(runtime);
  const together = workloads.filter(({ alone }) => !alone).map(({ name }) => name);
  const found = await run_program(runtime, url, { ...effort, workloads: together, peers: null });
  const alone: Record<string, Measured[]> = {};
  for (const { name } of workloads.filter(({ alone }) => alone)) {
    alone[name] = await run_apart(runtime, name, url, effort);
  }
  return { ...found, workloads: { ...found.workloads, ...alone } };
}

/** A process for each client. */
async function run_apart(
  runtime: RuntimeName,
  workload: string,
  url: string,
  effort: Effort,
): Promise<Measured[]> {
  const found: Measured[] = [];
  for (const peer of ["edgepg", "postgres", "pg", "Bun.SQL"]) {
    const orders = { ...effort, workloads: [workload], peers: [peer], rounds: 1, warmups: 0 };
    const { workloads } = await run_program(runtime, url, orders);
    found.push(...workloads[workload] ?? []);
  }
  return found.map(({ peer, medians }) => ({
    peer,
    medians,
    ratios: Object.fromEntries(
      Object.entries(medians).map(([name, value]) => [name, value / found[0]!.medians[name]!]),
    ),
  }));
}

async function run_program(
  runtime: RuntimeName,
  url: string,
  orders: Omit<Orders, "output">,
): Promise<Findings> {
  const output = await Deno.makeTempFile({ suffix: ".json" });
  Deno.env.set("NODE_OPTIONS", "--expose-gc");
  Deno.env.set("DENO_V8_FLAGS", "--expose-gc");
  try {
    const command = program_command(runtime, "tests/bench/program.ts");
    const text = JSON.stringify({ ...orders, output });
    const failure = await run_command([...command, text], url, SILENCE_LIMIT);
    if (failure !== null) throw new Error(`the benchmark on ${runtime} ${failure}`);
    return JSON.parse(await Deno.readTextFile(output)) as Findings;
  } finally {
    await Deno.remove(output);
  }
}

function facts(server: string): Pick<Results, "date" | "machine" | "versions"> {
  const processors = cpus();
  const version = (name: "postgres" | "pg" | "pg-cursor") =>
    config.imports[name].split("@").at(-1)!;
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${processors.length} x ${processors[0]?.model ?? "an unknown processor"}`,
    versions: {
      edgepg: config.version,
      postgres: version("postgres"),
      pg: version("pg"),
      "pg-cursor": version("pg-cursor"),
      PostgreSQL: server,
    },
  };
}
