/** edgepg, as its README uses it. */

import { connect, create_pool, tuple_row } from "../../../mod.ts";
import type { Peer } from "../peer.ts";

/** This module. */
export const edgepg: Peer = {
  name: "edgepg",

  async open(url) {
    const conn = await connect(url);
    return {
      rows: (query, values) => conn.fetchall(query, values ?? []),
      tuples: (query) => conn.fetchall(query, [], { row_factory: tuple_row }),
      rows_once: (query) => conn.fetchall(query, []),
      async stream(query, batch, see) {
        for await (const row of conn.stream(query, [], { itersize: batch })) see(row);
      },
      run_many: async (query, sets) => void await conn.executemany(query, sets),
      async insert_rows(rows) {
        await conn.executemany("insert into target (id, name, price) values ($1, $2, $3)", rows);
      },
      async copy_out(query) {
        let size = 0;
        for await (const chunk of conn.copy_to(query)) size += chunk.length;
        return size;
      },
      async copy_in(query, chunks) {
        const writer = conn.copy_from(query).getWriter();
        for (const chunk of chunks) await writer.write(chunk);
        await writer.close();
      },
      close: () => conn.close(),
    };
  },

  async open_pool(url, size, reset) {
    const pool = await create_pool(url, { minsize: 0, maxsize: size, reset });
    return {
      async borrowed(query, values) {
        const conn = await pool.acquire();
        try {
          const cursor = await conn.cursor();
          await cursor.execute(query, values);
          return await cursor.fetchall();
        } finally {
          await pool.release(conn);
        }
      },
      one_shot: (query, values) => pool.fetchall(query, values),
      async close() {
        pool.close();
        await pool.wait_closed();
      },
    };
  },
};
