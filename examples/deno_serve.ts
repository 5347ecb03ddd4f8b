/**
 * An HTTP service on `Deno.serve`, as an edge function would be: one pool for the
 * process, one short call for each request.
 *
 * ```sh
 * DATABASE_URL=postgres://localhost/postgres deno run --allow-net --allow-env examples/deno_serve.ts
 * curl localhost:8000/types?like=int%25
 * ```
 */

import { create_pool, PgError, TimeoutError } from "../mod.ts";

await using pool = await create_pool(Deno.env.get("DATABASE_URL"), {
  minsize: 0, // connects with the first request
  maxsize: 10,
  max_waiting: 100, // more are refused at once: a queue that long would not be served in time
  timeout: 5,
  application_name: "deno_serve",
});

/** `int8` is a bigint, which JSON has not; as a number it would lose digits, so it goes as text. */
function to_json(value: unknown): string {
  return JSON.stringify(value, (_, item) => typeof item === "bigint" ? String(item) : item);
}

async function list_types(request: Request): Promise<Response> {
  const like = new URL(request.url).searchParams.get("like") ?? "%";
  // A client that goes away takes its statement with it.
  const types = await pool.fetchall<{ oid: number; name: string; uses: bigint }>(
    `select t.oid, t.typname as name,
            (select count(*) from pg_attribute a where a.atttypid = t.oid) as uses
       from pg_type t where t.typname like $1 order by t.oid limit 20`,
    [like],
    { signal: request.signal },
  );
  return new Response(to_json(types), { headers: { "content-type": "application/json" } });
}

/** Answers for what went wrong; a client that went away hears nothing of it, and the log neither. */
async function handle(request: Request): Promise<Response> {
  try {
    return await list_types(request);
  } catch (error) {
    if (!request.signal.aborted) console.error(error);
    const status = error instanceof TimeoutError ? 504 : error instanceof PgError ? 503 : 500;
    return new Response("the database did not answer", { status });
  }
}

const server = Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000) }, handle);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => void server.shutdown());
}
await server.finished; // every request is answered, so the pool is closed with nothing under way
