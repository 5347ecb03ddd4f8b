/**
 * Runs one workload on several clients and says how they compare.
 *
 * Law: the clients take turns, and a ratio is made of times that lie side by
 * side, so that what else the machine does falls on all of them.
 *
 * @module
 */

import process from "node:process";
import type { Scale } from "./fixtures.ts";
import type { Peer } from "./peer.ts";
import type { ServerClock } from "./server_cpu.ts";
import type { Run, Workload } from "./workloads.ts";

/** Medians of one client in one workload, by metric; smaller is better. */
export interface Measured {
  /** The client. */
  readonly peer: string;
  /** What it took, such as `time, ms`. */
  readonly medians: Readonly<Record<string, number>>;
  /** How many times as much as the first client's; above 1: the first client is better. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** How often. */
export interface Effort extends Scale {
  /** Times that count. */
  readonly rounds: number;
  /** Times before that. */
  readonly warmups: number;
}

/** What every workload takes. */
export const TIME = "time, ms";
/** What this process spends on it, in all its threads: less moved by what else the machine does. */
export const CPU = "cpu, ms";
/** What the slowest of a hundred callers waits for. */
export const P99 = "p99, ms";
/** What the server spends on it, in all its processes. */
export const SERVER_CPU = "server cpu, ms";

/** How many times as often small steps are rehearsed: compilers need calls, not time. */
const STEPS_WARMUP = 8;
/** How many times as often they are measured: the scheduler's moods move them most. */
const STEPS_ROUNDS = 3;
/** Times that anything is measured over the same connections. */
const SET_ROUNDS = 3;

type Sample = Readonly<Record<string, number>>;

interface Entrant {
  readonly peer: string;
  readonly run: Run;
}

/**
 * Measures a workload.
 *
 * Every few rounds are over new connections: how long they take depends, small steps by a third, on
 * which processors the system gave to the server's processes, and stays so while these live.
 *
 * @param peers The first is what the others are compared with.
 * @param server What it has spent; null: not known.
 * @throws {Error} If they do not return the same.
 */
export async function measure(
  workload: Workload,
  peers: readonly Peer[],
  url: string,
  effort: Effort,
  server: ServerClock | null,
): Promise<Measured[]> {
  const samples = new Map<string, Sample[]>(); // by peer
  const [passes, rounds] = workload.steps
    ? [effort.warmups * STEPS_WARMUP, effort.rounds * STEPS_ROUNDS]
    : [effort.warmups, effort.rounds];
  for (let done = 0; done < rounds; done += SET_ROUNDS) {
    const entrants: Entrant[] = [];
    try {
      for (const peer of rotated(peers, done / SET_ROUNDS)) {
        const run = await workload.start(peer, url, effort);
        if (run !== null) entrants.push({ peer: peer.name, run });
      }
      await rehearse(workload, entrants, done === 0 ? passes : 1);
      for (let round = done; round < Math.min(done + SET_ROUNDS, rounds); round++) {
        for (const { peer, run } of entrants) {
          const found = samples.get(peer) ?? [];
          samples.set(peer, [...found, await sample(workload, run, server)]);
        }
      }
    } finally {
      for (const { run } of entrants) await run.stop();
    }
  }
  const measured = peers.map(({ name }) => name).filter((name) => samples.has(name));
  const first = samples.get(measured[0]!)!;
  return measured.map((peer) => summary(peer, samples.get(peer)!, first));
}

/** Whoever is before one in turn may leave the server better or worse for it, by a tenth in COPY. */
function rotated<T>(all: readonly T[], places: number): T[] {
  const first = places % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

async function rehearse(
  workload: Workload,
  entrants: readonly Entrant[],
  times: number,
): Promise<void> {
  let expected: string | null = null;
  for (const { peer, run } of entrants) {
    await run.before?.();
    const { result } = await run.once();
    if (result === null || result === undefined) continue;
    const found = JSON.stringify(result);
    expected ??= found;
    if (found !== expected) throw new Error(`${workload.name}: ${peer} returns something else`);
  }
  for (let i = 1; i < times; i++) {
    for (const { run } of entrants) await sample(workload, run, null);
  }
}

async function sample(
  { steps = false }: Workload,
  run: Run,
  server: ServerClock | null,
): Promise<Sample> {
  await run.before?.();
  collect_garbage(steps ? "young" : "all");
  const server_spent = server?.();
  const spent = process.cpuUsage();
  const started = performance.now();
  const { metrics } = await run.once();
  const time = performance.now() - started;
  const { user, system } = process.cpuUsage(spent); // microseconds
  return {
    [TIME]: time,
    [CPU]: (user + system) / 1000,
    ...(server !== null && { [SERVER_CPU]: server() - server_spent! }),
    ...metrics,
  };
}

/**
 * So that nobody pays for what another left: also what is garbage, but held by older garbage, as some
 * clients leave it. A full collection would make V8 forget compiled code, which small steps need.
 */
function collect_garbage(what: "all" | "young"): void {
  const host = globalThis as {
    gc?: (options: { type: "major" | "minor" }) => void;
    Bun?: { gc(now: boolean): void };
  };
  if (host.Bun === undefined) host.gc?.({ type: what === "all" ? "major" : "minor" });
  else if (what === "all") host.Bun.gc(true);
}

function summary(
  peer: string,
  samples: readonly Sample[],
  first: readonly Sample[],
): Measured {
  const metrics = Object.keys(samples[0] ?? {});
  const of = (value: (sample: Sample, round: number, metric: string) => number) =>
    Object.fromEntries(
      metrics.map((metric) => [
        metric,
        median(samples.map((sample, round) => value(sample, round, metric))),
      ]),
    );
  return {
    peer,
    medians: of((sample, _, metric) => sample[metric]!),
    ratios: of((sample, round, metric) => sample[metric]! / first[round]![metric]!),
  };
}

/** The middle of an odd number of values, the mean of the two in the middle of an even one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
