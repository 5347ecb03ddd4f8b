/**
 * LISTEN/NOTIFY to server-sent events: every browser that is connected sees what
 * any transaction of the database announces.
 *
 * A client is told when something may have been missed, and then asks for the state anew.
 *
 * ```sh
 * DATABASE_URL=postgres://localhost/postgres deno run --allow-net --allow-env examples/listen_sse.ts
 * curl -N localhost:8000 & psql -c "notify news, 'hello'" postgres://localhost/postgres
 * ```
 */

import { create_pool, type ListenerEvent } from "../mod.ts";

await using pool = await create_pool(Deno.env.get("DATABASE_URL"), { minsize: 0 });
const clients = new Set<ReadableStreamDefaultController<Uint8Array>>();
const utf8 = new TextEncoder();
const MAX_UNREAD = -64; // events that a client may be behind before it is dropped

function event_text(event: ListenerEvent): string {
  if ("gap" in event) return `event: gap\ndata: ${event.since.toISOString()}\n\n`;
  const lines = event.payload.split("\n").map((line) => `data: ${line}\n`).join("");
  return `event: ${event.channel}\n${lines}\n`;
}

/** One connection to the database serves all clients. */
async function broadcast(): Promise<void> {
  for await (const event of listener) {
    const bytes = utf8.encode(event_text(event));
    for (const client of clients) {
      if (client.desiredSize! > MAX_UNREAD) client.enqueue(bytes);
      else {
        clients.delete(client); // it would be kept in memory for ever
        client.error(new Error("the client reads too slowly"));
      }
    }
  }
}

function subscribe(): Response {
  let client: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      client = controller;
      clients.add(client);
      client.enqueue(utf8.encode(": welcome\n\n"));
    },
    cancel() {
      clients.delete(client);
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}

await using listener = await pool.listen("news");
const broadcasting = broadcast();
const server = Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000) }, subscribe);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, async () => {
    await listener.close(); // which ends the broadcast
    for (const client of clients) client.close();
    await server.shutdown();
  });
}
await Promise.all([server.finished, broadcasting]);
