/**
 * A Cloudflare Worker: one pool for all requests, with connections of each request's own.
 *
 * A connection cannot outlive the request that opened it. What a request leaves open ends with it.
 *
 * ```toml
 * # wrangler.toml
 * name = "numbers"
 * main = "worker.ts"
 * compatibility_date = "2025-01-01" # or later; no Node compatibility is needed
 * compatibility_flags = ["enable_request_signal"] # request.signal aborts when the client leaves
 * [vars]
 * DATABASE_URL = "postgres://app@db.example/app?sslmode=verify-full" # its password: wrangler secret
 * ```
 */

import { create_pool, PgError, type Pool, TimeoutError } from "../mod.ts";

/** The Worker's bindings. */
interface Env {
  /** The way to the database; with Hyperdrive it is `env.HYPERDRIVE.connectionString`. */
  readonly DATABASE_URL: string;
}

/** The part of the runtime's `ExecutionContext` that is used here. */
interface Context {
  waitUntil(work: Promise<unknown>): void;
}

const utf8 = new TextEncoder();
const BATCH = 500; // rows in a chunk
let pool: Promise<Pool> | undefined;

/** Made by the first request; opens nothing yet. */
function the_pool({ DATABASE_URL }: Env): Promise<Pool> {
  return pool ??= create_pool(DATABASE_URL, {
    minsize: 0,
    maxsize: 3, // for each request
    timeout: 10,
    application_name: "worker",
  });
}

/** `int8` is a bigint, which JSON has not; as a number it would lose digits, so it goes as text. */
function to_json(value: unknown): string {
  return JSON.stringify(value, (_, item) => typeof item === "bigint" ? String(item) : item);
}

/** `GET /types?like=int%25`: a short answer. */
async function types(url: URL, pool: Pool, request: Request): Promise<Response> {
  const rows = await pool.fetchall<{ oid: number; name: string; uses: bigint }>(
    `select t.oid, t.typname as name,
            (select count(*) from pg_attribute a where a.atttypid = t.oid) as uses
       from pg_type t where t.typname like $1 order by t.oid limit 20`,
    [url.searchParams.get("like") ?? "%"],
    { signal: request.signal },
  );
  return new Response(to_json(rows), { headers: { "content-type": "application/json" } });
}

/** `GET /numbers?to=1000000`: one JSON text a line, as the client reads them. */
function numbers(url: URL, pool: Pool, request: Request, context: Context): Response {
  const rows = pool.stream<{ n: bigint; root: number }>(
    "select n, sqrt(n::float8) as root from (select generate_series(1, $1::int8) as n) as numbers",
    [url.searchParams.get("to") ?? "10"],
    { itersize: BATCH, signal: request.signal },
  );
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  // A client that leaves ends its request. This lets the statement be cancelled first.
  context.waitUntil(over);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      let lines = "";
      try {
        for (let count = 0; count < BATCH; count++) {
          const { done, value } = await rows.next();
          if (done) break;
          lines += `${to_json(value)}\n`;
        }
      } catch (error) {
        end();
        throw error; // the client sees a body that is cut
      }
      if (lines !== "") return controller.enqueue(utf8.encode(lines));
      controller.close();
      end();
    },
    async cancel() {
      await rows.return();
      end();
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

export default {
  /** Answers one request. */
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    const url = new URL(request.url);
    try {
      const pool = await the_pool(env);
      if (url.pathname === "/types") return await types(url, pool, request);
      if (url.pathname === "/numbers") return numbers(url, pool, request, context);
      return new Response("GET /types or /numbers", { status: 404 });
    } catch (error) {
      console.error(error);
      const status = error instanceof TimeoutError ? 504 : error instanceof PgError ? 503 : 500;
      return new Response("the database did not answer", { status });
    }
  },
};
