/**
 * The part of the benchmark that runs on each runtime: measures some workloads
 * on all clients, and writes what it found to a file.
 *
 *     program.ts '{"output": "/path", "workloads": ["rows"], "peers": null, ...}'
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import process from "node:process";
import { type Effort, measure, type Measured } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { bun_sql } from "./peers/bun_sql.ts";
import { edgepg } from "./peers/edgepg.ts";
import { floor } from "./peers/floor.ts";
import { pg_peer } from "./peers/pg.ts";
import { postgres_js } from "./peers/postgres.ts";
import { server_clock } from "./server_cpu.ts";
import { WORKLOADS } from "./workloads.ts";

/** What the program is told. */
export interface Orders extends Effort {
  /** Where its findings go, as JSON. */
  readonly output: string;
  /** Names of the workloads to run. */
  readonly workloads: readonly string[];
  /** Names of the clients to run; null: all. */
  readonly peers: readonly string[] | null;
}

/** What it found. */
export interface Findings {
  /** The runtime and its version. */
  readonly runtime: string;
  /** By the workload's name. */
  readonly workloads: Readonly<Record<string, readonly Measured[]>>;
}

const PEERS: readonly (Peer | null)[] = [edgepg, postgres_js, pg_peer, bun_sql, floor];

async function main(): Promise<void> {
  const orders = JSON.parse(process.argv[2]!) as Orders;
  const url = process.env["DATABASE_URL"]!;
  const peers = PEERS
    .filter((peer) => peer !== null)
    .filter((peer) => orders.peers?.includes(peer.name) ?? true);
  const server = await server_clock(url);
  const workloads: Record<string, Measured[]> = {};
  for (const workload of WORKLOADS) {
    if (!orders.workloads.includes(workload.name)) continue;
    console.error(`  ${workload.name}`);
    workloads[workload.name] = await measure(workload, peers, url, orders, server);
  }
  const findings: Findings = { runtime: runtime_version(), workloads };
  writeFileSync(orders.output, JSON.stringify(findings));
}

function runtime_version(): string {
  const { deno, bun, node } = process.versions;
  if (deno !== undefined) return `Deno ${deno}`;
  return bun !== undefined ? `Bun ${bun}` : `Node ${node}`;
}

await main();
