/**
 * What is measured: one table.
 *
 * Law: every client gets the same statements on the same tables, and what they
 * return is compared before anything is timed.
 *
 * @module
 */

import process from "node:process";
import { type Scale, scaled } from "./fixtures.ts";
import { P99 } from "./measure.ts";
import type { Lender, Link, Peer } from "./peer.ts";

/** Something to measure. */
export interface Workload {
  /** For `--only`. */
  readonly name: string;
  /** What it does, at this scale. */
  title(scale: Scale): string;
  /** How many units of work it does at this scale, and what a unit is; for rates. */
  readonly work?: (scale: Scale) => readonly [count: number, unit: string];
  /** Whether each client gets a process of its own. */
  readonly alone?: boolean;
  /**
   * Whether it makes many small steps. Garbage is then not collected before each time: V8 throws away
   * compiled code when nothing of the shapes that it was made for is alive, and whoever has more code
   * would be measured cold.
   */
  readonly steps?: boolean;
  /** Makes it ready to run on a client; null if that client cannot do it. */
  start(peer: Peer, url: string, scale: Scale): Promise<Run | null>;
}

/** A workload on one client. */
export interface Run {
  /** Done before each time, and not measured. */
  before?(): Promise<void>;
  /** The work. */
  once(): Promise<Outcome>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** What a run gave. */
export interface Outcome {
  /** Equal for all clients; null: not to be compared. */
  readonly result: unknown;
  /** What was measured besides the time, by name; smaller is better. */
  readonly metrics?: Readonly<Record<string, number>>;
}

const SEQUENTIAL = 2_000;
const CALLERS = 64;
const CALLS = 40; // of each caller
const CONNECTIONS = 10;
const SETS = 10_000;
const MISSES = 500;
const CONNECTS = 20;
const VALUE_SIZE = 64; // MB, 2^20 bytes
const STREAMED = 1_000_000;
const BATCH = 2_000;
const CHUNK_ROWS = 1_000;
const SEEN_ROWS = 5_000; // between looks at the memory

const ITEMS = "select * from items";
const ONE_ITEM = "select id, name, price from items where id = $1";
const INSERT = "insert into target (id, name, price) values ($1, $2, $3)";
// Five times the table, so that its own pages are not the bulk of what is read.
const STREAM = "select items.* from items, generate_series(1, 5)";

/** All of them, in the order in which they run. */
export const WORKLOADS: readonly Workload[] = [
  on_link({
    name: "rows",
    title: (scale) => `${count(200_000, scale)} rows of 6 columns as objects`,
    work: (scale) => [scaled(200_000, scale), "rows"],
    run: ({ rows }) => rows && (() => rows(ITEMS)),
  }),
  on_link({
    name: "tuples",
    title: (scale) => `${count(200_000, scale)} rows of 6 columns as arrays`,
    work: (scale) => [scaled(200_000, scale), "rows"],
    run: ({ tuples }) => tuples && (() => tuples(ITEMS)),
  }),
  on_link({
    name: "ints",
    title: (scale) => `${count(500_000, scale)} rows of one int4`,
    work: (scale) => [scaled(500_000, scale), "rows"],
    run: ({ rows }) => rows && (() => rows("select n from numbers")),
  }),
  on_link({
    name: "texts",
    title: (scale) => `${count(20_000, scale)} rows of 20 texts that are not ASCII`,
    work: (scale) => [scaled(20_000, scale), "rows"],
    run: ({ rows }) => rows && (() => rows("select * from texts")),
  }),
  on_link({
    name: "stream",
    title: (scale) => `${count(STREAMED, scale)} rows streamed`,
    work: (scale) => [scaled(STREAMED, scale), "rows"],
    run: ({ stream }) =>
      stream && (async () => {
        const sum = new Sum();
        await stream(STREAM, BATCH, (row) => sum.add(row));
        return sum.result;
      }),
  }),
  {
    name: "memory",
    title: (scale) => `${count(STREAMED, scale)} rows streamed, in a process of its own`,
    alone: true,
    async start(peer, url) {
      const link = await peer.open(url);
      if (link.stream === undefined) return await give_up(link);
      return { once: () => streamed_memory(link.stream!), stop: () => link.close() };
    },
  },
  on_link({
    name: "sequence",
    steps: true,
    title: (scale) => `${count(SEQUENTIAL, scale)} queries of one row, one after the other`,
    work: (scale) => [scaled(SEQUENTIAL, scale), "queries"],
    run: ({ rows }, scale) =>
      rows && (async () => {
        const found = [];
        for (let id = 1; id <= scaled(SEQUENTIAL, scale); id++) {
          found.push((await rows(ONE_ITEM, [id]))?.[0]);
        }
        return found[0] === undefined ? null : found;
      }),
  }),
  on_pool("borrow", "leases", false, (pool) => pool.borrowed),
  on_pool("reset", "leases, each reset", true, (pool) => pool.borrowed),
  on_pool("shots", "calls of the pool", true, (pool) => pool.one_shot),
  on_link({
    name: "many",
    title: (scale) => `${count(SETS, scale)} inserts in one transaction`,
    work: (scale) => [scaled(SETS, scale), "sets"],
    before: "truncate target",
    run: ({ run_many }, scale) => {
      const sets = Array.from(
        { length: scaled(SETS, scale) },
        (_, n) => [n, `item ${n}`, n * 0.5] as const,
      );
      return run_many && (() => run_many(INSERT, sets));
    },
    check: "select count(*)::int4, sum(price) from target",
  }),
  on_link({
    name: "insert",
    title: (scale) => `${count(SETS, scale)} rows: executemany(), or one insert`,
    work: (scale) => [scaled(SETS, scale), "rows"],
    before: "truncate target",
    run: ({ insert_rows }, scale) => {
      const rows = Array.from(
        { length: scaled(SETS, scale) },
        (_, n) => [n, `item ${n}`, n * 0.5] as const,
      );
      return insert_rows && (() => insert_rows(rows));
    },
    check: "select count(*)::int4, sum(price) from target",
  }),
  on_link({
    name: "copy_out",
    title: (scale) => `COPY of ${count(200_000, scale)} rows to the client`,
    work: (scale) => [scaled(200_000, scale), "rows"],
    run: ({ copy_out }) => copy_out && (() => copy_out("copy items to stdout")),
  }),
  on_link({
    name: "copy_in",
    title: (scale) => `COPY of ${count(200_000, scale)} rows from the client`,
    work: (scale) => [scaled(200_000, scale), "rows"],
    before: "truncate target",
    run: ({ copy_in }, scale) => {
      const chunks = copy_chunks(scaled(200_000, scale));
      return copy_in && (() => copy_in("copy target from stdin", chunks));
    },
    check: "select count(*)::int4, sum(price) from target",
  }),
  {
    name: "connect",
    steps: true,
    title: (scale) => `${count(CONNECTS, scale)} connections, each for one query`,
    work: (scale) => [scaled(CONNECTS, scale), "connections"],
    // deno-lint-ignore require-await -- as the others
    async start(peer, url, scale) {
      const once = async () => {
        let found: readonly unknown[] | null | undefined;
        for (let i = 0; i < scaled(CONNECTS, scale); i++) {
          const link = await peer.open(url);
          found = await link.rows?.("select 1 as one");
          await link.close();
        }
        return { result: found ?? null };
      };
      return { once, stop: () => Promise.resolve() };
    },
  },
  on_link({
    name: "value",
    title: (scale) => `one text of ${count(VALUE_SIZE, scale)} MB`,
    work: (scale) => [scaled(VALUE_SIZE, scale), "MB"],
    run: ({ rows }, scale) => {
      const query = `select repeat('0123456789abcdef', ${
        scaled(VALUE_SIZE, scale) << 16
      }) as value`;
      return rows && (() => rows(query));
    },
  }),
  on_link({
    name: "misses",
    steps: true,
    title: (scale) => `${count(MISSES, scale)} statements that were never seen before`,
    work: (scale) => [scaled(MISSES, scale), "statements"],
    run: ({ rows_once }, scale) => {
      let next = 0;
      return rows_once && (async () => {
        let found: readonly unknown[] | null = null;
        for (let i = 0; i < scaled(MISSES, scale); i++) {
          found = await rows_once(`select id, name, ${next++} as n from items where id = 7`);
        }
        return found;
      });
    },
  }),
];

interface LinkWorkload extends Omit<Workload, "start"> {
  /** What is run; undefined if the client cannot. */
  run(link: Link, scale: Scale): (() => Promise<unknown>) | undefined;
  /** A statement that is run before each time. */
  readonly before?: string;
  /** A query for what is to be compared in place of the result. */
  readonly check?: string;
}

/** On one connection. */
function on_link({ run, before, check, ...workload }: LinkWorkload): Workload {
  return {
    ...workload,
    async start(peer, url, scale) {
      const link = await peer.open(url);
      const work = run(link, scale);
      if (work === undefined) return await give_up(link);
      let checked = check === undefined;
      return {
        ...(before !== undefined && {
          before: async () => void await link.rows!(before),
        }),
        async once() {
          const result = await work();
          if (check === undefined) return { result };
          const found = checked ? null : await link.rows!(check);
          checked = true; // the first time is a rehearsal
          return { result: found };
        },
        stop: () => link.close(),
      };
    },
  };
}

/** Many callers at once, who share a pool. */
function on_pool(
  name: string,
  how: string,
  reset: boolean,
  call_of: (pool: Lender) => Lender["one_shot"],
): Workload {
  return {
    name,
    steps: true,
    title: () => `${CALLERS} callers on ${CONNECTIONS} connections: ${how}`,
    work: (scale) => [CALLERS * scaled(CALLS, scale), "queries"],
    async start(peer, url, scale) {
      const pool = await peer.open_pool?.(url, CONNECTIONS, reset);
      if (pool === undefined) return null;
      const call = call_of(pool);
      if (call === undefined) return await give_up(pool);
      return {
        once: () => callers(scaled(CALLS, scale), (id) => call(ONE_ITEM, [id])),
        stop: () => pool.close(),
      };
    },
  };
}

async function callers(
  calls: number,
  call: (id: number) => Promise<readonly unknown[]>,
): Promise<Outcome> {
  const waits: number[] = [];
  const result: unknown[] = [];
  const caller = async (index: number) => {
    for (let i = 0; i < calls; i++) {
      const id = 1 + index * calls + i;
      const started = performance.now();
      const [row] = await call(id);
      waits.push(performance.now() - started);
      result[id] = row;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, index) => caller(index)));
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.floor(share * (waits.length - 1))]!;
  const is_compared = result[1] !== undefined;
  return {
    result: is_compared ? result : null,
    metrics: { "p50, ms": at(0.5), [P99]: at(0.99) },
  };
}

async function streamed_memory(stream: NonNullable<Link["stream"]>): Promise<Outcome> {
  const before = process.memoryUsage().rss;
  const sum = new Sum();
  let most = before;
  await stream(STREAM, BATCH, (row) => {
    sum.add(row);
    if (sum.rows % SEEN_ROWS === 0) most = Math.max(most, process.memoryUsage().rss);
  });
  return { result: sum.result, metrics: { "peak, MB": (most - before) / 2 ** 20 } };
}

/** What is compared of rows that nobody keeps. */
class Sum {
  rows = 0;
  #ids = 0;

  add(row: unknown): void {
    this.rows++;
    this.#ids += (row as { id: number }).id;
  }

  get result(): unknown {
    return [this.rows, this.#ids];
  }
}

function copy_chunks(rows: number): Uint8Array[] {
  const encoder = new TextEncoder();
  const chunks = [];
  for (let first = 0; first < rows; first += CHUNK_ROWS) {
    let text = "";
    for (let n = first; n < Math.min(rows, first + CHUNK_ROWS); n++) {
      text += `${n}\titem ${n}\t${n * 0.5}\n`;
    }
    chunks.push(encoder.encode(text));
  }
  return chunks;
}

async function give_up(link: Link | Lender): Promise<null> {
  await link.close();
  return null;
}

function count(size: number, scale: Scale): string {
  return scaled(size, scale).toLocaleString("en-US");
}
