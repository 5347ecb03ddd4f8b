/**
 * An HTTP service on `Bun.serve`: one pool for the process, rows streamed to the
 * client as they come, at the client's pace.
 *
 * ```sh
 * DATABASE_URL=postgres://localhost/postgres bun examples/bun_serve.ts
 * curl localhost:3000/numbers?to=1000000 | tail -1
 * ```
 */

import process from "node:process";
import { create_pool, PgError, type RowIterator } from "../mod.ts";

/** The part of Bun that is used here. */
declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly fetch: (request: Request) => Response | Promise<Response>;
  }): { readonly port: number; stop(): Promise<void> };
};

const pool = await create_pool(process.env["DATABASE_URL"], {
  minsize: 0, // connects with the first request
  maxsize: 10,
  max_waiting: 100, // more are refused at once: a queue that long would not be served in time
  application_name: "bun_serve",
});
const utf8 = new TextEncoder();

interface NumberRow {
  n: number;
  cube: bigint;
}

/** One JSON text a line. A client that stops reading stops the server's cursor; one that leaves ends it. */
async function numbers(request: Request): Promise<Response> {
  const to = Number(new URL(request.url).searchParams.get("to") ?? 10);
  if (!Number.isInteger(to)) return new Response("to must be an integer\n", { status: 400 });
  const rows = pool.stream<NumberRow>(
    "select n, n::int8 * n * n as cube from (select generate_series(1, $1::int) as n) numbers",
    [to],
    { signal: request.signal },
  );
  try {
    const first = await rows.next(); // what goes wrong until here has a status of its own
    return new Response(json_lines(first, rows), {
      headers: { "content-type": "application/x-ndjson" },
    });
  } catch (error) {
    if (!(error instanceof PgError)) throw error;
    console.error(error);
    return new Response("the database did not answer\n", { status: 503 });
  }
}

function json_lines(
  first: IteratorResult<NumberRow>,
  rows: RowIterator<NumberRow>,
): ReadableStream<Uint8Array> {
  let next: typeof first | null = first;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = next ?? await rows.next();
      next = null;
      if (done) controller.close();
      else controller.enqueue(utf8.encode(`${to_json(value)}\n`));
    },
    async cancel() {
      await rows.return();
    },
  });
}

/** `int8` is a bigint, which JSON has not; as a number it would lose digits, so it goes as text. */
function to_json(value: unknown): string {
  return JSON.stringify(value, (_, item) => typeof item === "bigint" ? String(item) : item);
}

const server = Bun.serve({ port: Number(process.env["PORT"] ?? 3000), fetch: numbers });
console.log(`listening on ${server.port}`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await server.stop(); // every request is answered, so nothing is cut
    await pool[Symbol.asyncDispose]();
  });
}
