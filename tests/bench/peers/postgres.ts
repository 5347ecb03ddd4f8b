/** The `postgres` package. */

import { finished } from "node:stream/promises";
import postgres from "postgres";
import type { Peer } from "../peer.ts";

type Value = postgres.ParameterOrJSON<never>;

/** https://github.com/porsager/postgres */
export const postgres_js: Peer = {
  name: "postgres",

  // deno-lint-ignore require-await -- it connects with the first query
  async open(url) {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    const prepared = (query: string, values: readonly unknown[] = []) =>
      sql.unsafe(query, values as Value[], { prepare: true });
    return {
      rows: prepared,
      tuples: (query) => prepared(query).values(),
      rows_once: (query) => prepared(query),
      async stream(query, batch, see) {
        for await (const rows of prepared(query).cursor(batch)) rows.forEach(see);
      },
      async run_many(query, sets) {
        await sql.begin((sql) =>
          sets.map((values) => sql.unsafe(query, values as Value[], { prepare: true }))
        );
      },
      async insert_rows(rows) {
        await sql`insert into target (id, name, price) values ${sql(rows as number[][])}`;
      },
      async copy_out(query) {
        let size = 0;
        const stream = await sql.unsafe(query).readable();
        // By events: iterating it pauses the socket for good, on Deno and Bun.
        stream.on("data", (chunk: Uint8Array) => size += chunk.length);
        await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
        return size;
      },
      async copy_in(query, chunks) {
        const stream = await sql.unsafe(query).writable();
        for (const chunk of chunks) {
          if (!stream.write(chunk)) await new Promise((resolve) => stream.once("drain", resolve));
        }
        stream.end();
        await finished(stream);
      },
      close: () => sql.end(),
    };
  },

  // deno-lint-ignore require-await -- it connects with the first query
  async open_pool(url, size) {
    const sql = postgres(url, { max: size, onnotice: () => {} });
    return {
      async borrowed(query, values) {
        const reserved = await sql.reserve();
        try {
          return await reserved.unsafe(query, values as Value[], { prepare: true });
        } finally {
          reserved.release();
        }
      },
      one_shot: (query, values) => sql.unsafe(query, values as Value[], { prepare: true }),
      close: () => sql.end(),
    };
  },
};
