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
import { create_pool } from "../mod.ts";

/** The part of Bun that is used here. */
declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly fetch: (request: Request) => Response | Promise<Response>;
  }): { readonly port: number; stop(): Promise<void> };
};

const pool = await create_pool(process.env["DATABASE_URL"], { minsize: 0, maxsize: 10 });
const utf8 = new TextEncoder();

/** One JSON text a line. A client that stops reading stops the server's cursor; one that leaves ends it. */
function numbers(request: Request): Response {
  const to = Number(new URL(request.url).searchParams.get("to") ?? 10);
  const rows = pool.stream<{ n: number; root: number }>(
    "select n, sqrt(n) as root from generate_series(1, $1::int) n",
    [to],
  );
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await rows.next();
      if (done) controller.close();
      else controller.enqueue(utf8.encode(`${JSON.stringify(value)}\n`));
    },
    async cancel() {
      await rows.return();
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

const server = Bun.serve({ port: Number(process.env["PORT"] ?? 3000), fetch: numbers });
console.log(`listening on ${server.port}`);
process.once("SIGTERM", async () => {
  await server.stop();
  await pool[Symbol.asyncDispose]();
});
