/**
 * Lends a pool's connections a million times in one way, and prints, as JSON, how often that was, by
 * how many bytes the heap grew after the warm-up, and how many bytes a cycle left that are garbage, but
 * only to a full collection. Argument: the way.
 *
 * @module
 */

import process from "node:process";
import { bind_adapter, type Pool, type PoolOptions } from "../../../src/entries/core.ts";
import { collector } from "../../support/garbage.ts";
import { quick_server } from "../../support/quick_server.ts";

const CYCLES = 1_000_000;
/** What comes first may fill caches, compile code and grow the heap to its usual size. */
const WARM_UP = 100_000;
const CONNECTIONS = 4;

interface Way {
  readonly options?: PoolOptions;
  /** From idle to busy, and back. */
  readonly run: (pool: Pool) => Promise<unknown>;
}

async function lend(pool: Pool): Promise<void> {
  await pool.release(await pool.acquire());
}

function call(pool: Pool): Promise<unknown> {
  return pool.fetchval("select 1", []);
}

const WAYS: Readonly<Record<string, Way>> = {
  lease: { run: lend },
  lease_without_reset: { options: { reset: false }, run: lend },
  one_shot_call: { run: call },
};

/** Cycles of which the garbage is looked at, between full collections. */
const AGED = 10_000;

const [collect, collect_young] = [collector("all"), collector("young")];

function heap(collect: () => void): number {
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const { options = {}, run } = WAYS[process.argv[2]!]!;
const pool = await bind_adapter(quick_server).create_pool(
  "postgres://me@quick/db?sslmode=disable",
  {
    minsize: CONNECTIONS,
    maxsize: CONNECTIONS,
    ...options,
  },
);
let cycles = 0;
for (; cycles < WARM_UP; cycles++) await run(pool);
const before = heap(collect);
const young = heap(collect_young);
for (; cycles < WARM_UP + AGED; cycles++) await run(pool);
const aged = (heap(collect_young) - young) / AGED;
for (; cycles < CYCLES; cycles++) await run(pool);
const grew = heap(collect) - before;
pool.terminate();
await pool.wait_closed();
console.log(JSON.stringify({ cycles, grew, aged }));
