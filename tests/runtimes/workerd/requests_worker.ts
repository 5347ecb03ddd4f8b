/**
 * Runs in workerd: pools and connections that outlive the request that made them.
 *
 * @module
 */

import {
  connect,
  type Connection,
  create_pool,
  type Cursor,
  type Listener,
  type Pool,
  sql,
  type Transaction,
} from "../../../src/entries/workerd.ts";

/** What the worker is started with. */
interface Env {
  readonly DATABASE_URL: string;
  readonly Keeper: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(url: string): Promise<Response> };
  };
}

/** A Durable Object: all requests to it are handled in one place. */
export class Keeper {
  readonly #env: Env;
  #pool: Promise<Pool> | null = null;

  constructor(_state: unknown, env: Env) {
    this.#env = env;
  }

  /** Answers with the backend that was used. */
  async fetch(): Promise<Response> {
    const pool = await (this.#pool ??= create_pool(this.#env.DATABASE_URL));
    return Response.json([await pool.fetchval("select pg_backend_pid()"), pool.size]);
  }
}

let escaped = 0;
addEventListener("unhandledrejection", () => {
  escaped++;
});

let shared: Promise<Pool> | undefined;
let kept: Kept | undefined;
let stop: AbortController | undefined;

// What can be done outside of any request.
const nowhere = "postgres://me@127.0.0.1:1/db";
const pool_outside: Pool = await create_pool(nowhere, { minsize: 0 });
const OUTSIDE: Readonly<Record<string, string>> = {
  "a pool with a minsize": await refusal(() => create_pool(nowhere)),
  "a connection": await refusal(() => connect(nowhere)),
  "a pool's connection": await refusal(() => pool_outside.acquire()),
  "its size": String(pool_outside.size),
};

/** Made in one request, and found by others. */
interface Kept {
  readonly conn: Connection;
  readonly lent: Connection;
  readonly pool: Pool;
  readonly cursor: Cursor;
  readonly tx: Transaction;
  readonly rows: AsyncIterableIterator<unknown>;
  readonly data: ReadableStreamDefaultReader<Uint8Array>;
  readonly sink: WritableStreamDefaultWriter<Uint8Array>;
  readonly listener: Listener;
}

/** The pool of the module, made by the first request. */
function the_pool({ DATABASE_URL }: Env): Promise<Pool> {
  return shared ??= create_pool(DATABASE_URL, {
    minsize: 0,
    maxsize: 3,
    on_warning() {}, // of transactions that are garbage
  });
}

const ACTIONS: Record<string, (env: Env) => Promise<unknown>> = {
  // deno-lint-ignore require-await -- all actions are asynchronous
  async outside() {
    return OUTSIDE;
  },

  /** The backends of some calls one after the other. */
  async backends(env) {
    const pool = await the_pool(env);
    const pids: number[] = [];
    for (let i = 0; i < 3; i++) {
      await using conn = await pool.acquire();
      pids.push(await conn.fetchval<number>("select pg_backend_pid()") ?? NaN);
      pids.push(await pool.fetchval<number>("select pg_backend_pid()") ?? NaN);
    }
    return { pids, size: pool.size };
  },

  /** More calls at once than the pool has connections, a stream among them. */
  async crowd(env) {
    const pool = await the_pool(env);
    const squares = Array.from(
      { length: 8 },
      (_, i) => pool.fetchval<number>("select $1::int4 * $1::int4", [i]),
    );
    let rows = 0;
    for await (const _ of pool.stream("select generate_series(1, 500)", [], { itersize: 50 })) {
      rows++;
    }
    return { squares: await Promise.all(squares), rows, used: pool.stats().used, size: pool.size };
  },

  /** Ends with leases that are not released, one of them in a transaction, and one that will be late. */
  async leave(env) {
    const pool = await the_pool(env);
    const conns = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    await conns[0]!.begin();
    pool.acquire().catch(() => {});
    return conns.map((conn) => conn.get_backend_pid());
  },

  /** Makes one of everything, lets others try it, and looks whether all of it still works. */
  async keep({ DATABASE_URL: url }) {
    kept = await make_all(url);
    const { conn, lent, cursor, tx, pool, listener } = kept;
    await others(conn);
    await pool.execute("select pg_notify('a channel', 'heard')");
    return [
      await conn.fetchval("select 'conn'"),
      await lent.fetchval("select 'lent'"),
      await tx.fetchval("select 'tx'"),
      (await cursor.fetchone())?.["n"],
      (await listener[Symbol.asyncIterator]().next()).value?.payload,
      await pool.release(lent),
      await conn.close(),
      await listener.close(),
      pool.terminate(),
      await pool.wait_closed(),
    ];
  },

  /** Holds a connection of a pool that others end. */
  async outlive({ DATABASE_URL: url }) {
    kept = await make_all(url);
    const { conn, lent, pool } = kept;
    await others(conn);
    return [
      await lent.fetchval("select 'lent'"),
      await refusal(() => pool.acquire()),
      await pool.release(lent),
      pool.terminate(),
      await pool.wait_closed(),
      pool.size,
      await conn.close(),
    ];
  },

  /** Runs a statement until others abort it. */
  async run({ DATABASE_URL: url }) {
    await using conn = await connect(url);
    stop = new AbortController();
    await conn.notify("kept");
    const outcome = await refusal(() =>
      conn.execute("select pg_sleep(5)", [], { signal: stop!.signal })
    );
    return [outcome, await refusal(() => conn.fetchval("select 'usable'"))];
  },

  // deno-lint-ignore require-await -- all actions are asynchronous
  async abort() {
    stop!.abort(new RangeError("by another request"));
  },

  /** As `keep`, and ends. */
  async forsake({ DATABASE_URL: url }) {
    kept = await make_all(url);
    return kept.conn.get_backend_pid();
  },

  /** What becomes of the use of what another request made. */
  async use() {
    const { conn, lent, cursor, tx, pool, listener, rows, data, sink } = kept!;
    const uses: Record<string, () => Promise<unknown>> = {
      execute: () => conn.execute("select 1"),
      pipeline: () => Promise.all([conn.execute("select 1"), conn.execute("select 2")]),
      cursor: () => conn.cursor(),
      begin: () => conn.begin(),
      stream: () => conn.stream("select 1").next(),
      copy_to: () => conn.copy_to("copy (select 1) to stdout").getReader().read(),
      executemany: () => conn.executemany("select $1::int4", [[1], [2]]),
      copy_records_from: () => conn.copy_records_from("t", [[1]]),
      cancel: () => conn.cancel(),
      listen: () => conn.listen("x"),
      "notifies.get": () => conn.notifies.get(),
      "for await notifies": () => conn.notifies[Symbol.asyncIterator]().next(),
      reset: () => conn.reset(),
      close: () => conn.close(),
      "await using": () => conn[Symbol.asyncDispose](),
      "lent.execute": () => lent.execute("select 1"),
      "pool.release": () => pool.release(lent),
      "await using lent": () => lent[Symbol.asyncDispose](),
      "cursor.execute": () => cursor.execute("select 1"),
      "cursor.fetchone": () => cursor.fetchone(),
      "tx.execute": () => tx.execute("select 1"),
      "tx.commit": () => tx.commit(),
      "tx.rollback": () => tx.rollback(),
      "tx.begin_nested": () => tx.begin_nested(),
      transaction: () => conn.transaction(() => Promise.resolve()),
      "await using tx": () => tx[Symbol.asyncDispose](),
      "rows.next": () => rows.next(),
      "rows.return": () => rows.return!(),
      "data.read": () => data.read(),
      "sink.write": () => sink.write(new Uint8Array(1)),
      "listener.next": () => listener[Symbol.asyncIterator]().next(),
      "listener.close": () => listener.close(),
    };
    const outcomes: Record<string, string> = {};
    for (const [name, use] of Object.entries(uses)) outcomes[name] = await refusal(use);
    return outcomes;
  },

  /** Asks an object of each name, one after the other. */
  async objects({ Keeper }) {
    const answers: unknown[] = [];
    for (const name of ["a", "b", "a"]) {
      const response = await Keeper.get(Keeper.idFromName(name)).fetch("http://keeper/");
      answers.push(await response.json());
    }
    return answers;
  },

  /** What a pool can do that another request made, and holds connections of. */
  async share() {
    const { pool } = kept!;
    const before = pool.stats();
    const one = await pool.fetchval("select 1");
    return { before: [before.size, before.used], one, size: pool.size };
  },

  /** Ends a pool that another request uses. */
  async end() {
    const { pool } = kept!;
    pool.close();
    await pool.wait_closed();
    return [pool.closed, await refusal(() => pool.acquire())];
  },
};

/** Until others did what they want: a test is told, and tells. */
async function others(conn: Connection): Promise<void> {
  await conn.listen("go on");
  await conn.notify("kept");
  await conn.notifies.get();
}

async function make_all(url: string): Promise<Kept> {
  const conn = await connect(url);
  const pool = await create_pool(url, { minsize: 0 });
  const [lent, for_cursor, for_tx] = [
    await pool.acquire(),
    await pool.acquire(),
    await pool.acquire(),
  ];
  const tx = await for_tx.begin();
  const rest = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
  await rest[2]!.execute("create temp table t (n int4)");
  await for_cursor.execute("begin");
  const cursor = await for_cursor.cursor({ name: "far", itersize: 1 });
  await cursor.execute("select generate_series(1, 100) as n");
  const rows = rest[0]!.stream(sql`select generate_series(1, 100000)`, null, { itersize: 1 });
  await rows.next();
  const data = rest[1]!.copy_to("copy (select generate_series(1, 1000000)) to stdout").getReader();
  await data.read();
  const sink = rest[2]!.copy_from("copy t from stdin").getWriter();
  sink.closed.catch(() => {});
  await sink.write(new TextEncoder().encode("1\n"));
  return {
    conn,
    lent,
    pool,
    cursor,
    tx,
    rows,
    data,
    sink,
    listener: await pool.listen("a channel"),
  };
}

/** The first line of the error that something ends with; what it hangs in, or gives, if it does not. */
async function refusal(work: () => Promise<unknown>): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const hung = Symbol("hung");
    const late = new Promise((resolve) => {
      if (kept !== undefined) timer = setTimeout(resolve, 2000, hung);
    });
    const result = await Promise.race([work(), late]);
    return result === hung ? "it hung" : `gave ${String(result)}`;
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message.split("\n")[0]}`;
  } finally {
    clearTimeout(timer);
  }
}

export default {
  /** Does what the path says. */
  async fetch(request: Request, env: Env): Promise<Response> {
    const action = ACTIONS[new URL(request.url).pathname.slice(1)]!;
    const result = await action(env).catch((error) => `failed: ${error?.stack ?? error}`);
    await new Promise((resolve) => setTimeout(resolve)); // the turn in which rejections would escape
    return Response.json({ result, escaped });
  },
};
