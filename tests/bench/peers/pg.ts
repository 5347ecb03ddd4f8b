/** The `pg` package, and `pg-cursor`. */

import pg from "pg";
import Cursor from "pg-cursor";
import type { Peer, Query } from "../peer.ts";

/** A statement is prepared where it has a name. */
interface PgQuery {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
  readonly rowMode?: "array";
}

interface PgClient {
  connect(): Promise<void>;
  query(query: PgQuery | Query): Promise<{ readonly rows: readonly unknown[] }>;
  query(cursor: PgCursor): PgCursor;
  release(): void;
  end(): Promise<void>;
}

interface PgCursor {
  read(count: number): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

interface PgPool {
  connect(): Promise<PgClient>;
  query(query: PgQuery): Promise<{ readonly rows: readonly unknown[] }>;
  end(): Promise<void>;
}

/** https://node-postgres.com */
export const pg_peer: Peer = {
  name: "pg",

  async open(url) {
    const client: PgClient = new pg.Client(url);
    await client.connect();
    const names = new Names();
    return {
      rows: async (text, values = []) =>
        (await client.query({ text, values, name: names.of(text) })).rows,
      tuples: async (text) =>
        (await client.query({ text, name: names.of(text), rowMode: "array" })).rows,
      rows_once: async (text) => (await client.query({ text, values: [] })).rows,
      async stream(text, batch, see) {
        const cursor: PgCursor = client.query(new Cursor(text) as PgCursor);
        for (let size = batch; size > 0;) {
          const rows = await cursor.read(batch);
          rows.forEach(see);
          size = rows.length;
        }
        await cursor.close();
      },
      async run_many(text, sets) {
        const name = names.of(text);
        await client.query("begin");
        await Promise.all(sets.map((values) => client.query({ text, values, name })));
        await client.query("commit");
      },
      close: () => client.end(),
    };
  },

  // deno-lint-ignore require-await -- it connects with the first query
  async open_pool(url, size) {
    const pool: PgPool = new pg.Pool({ connectionString: url, max: size });
    const names = new Names();
    return {
      async borrowed(text, values) {
        const client = await pool.connect();
        try {
          return (await client.query({ text, values, name: names.of(text) })).rows;
        } finally {
          client.release();
        }
      },
      one_shot: async (text, values) =>
        (await pool.query({ text, values, name: names.of(text) })).rows,
      close: () => pool.end(),
    };
  },
};

/** The name under which a text is prepared. */
class Names {
  readonly #names: Map<string, string> = new Map();

  of(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = `s${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}
