/** Bun's native client. */

import type { Peer, Query } from "../peer.ts";

interface BunQuery extends Promise<readonly unknown[]> {
  values(): Promise<readonly unknown[]>;
}

interface BunSql {
  (strings: readonly string[], ...values: readonly unknown[]): BunQuery;
  begin<T>(run: (sql: BunSql) => Promise<T>): Promise<T>;
  reserve(): Promise<BunSql & { release(): void }>;
  connect(): Promise<unknown>;
  end(): Promise<void>;
}

interface Host {
  readonly Bun?: {
    readonly SQL: new (options: { readonly url: string; readonly max: number }) => BunSql;
  };
}

const { Bun } = globalThis as unknown as Host;

/** https://bun.com/docs/runtime/sql; null on other runtimes. */
export const bun_sql: Peer | null = Bun === undefined ? null : {
  name: "Bun.SQL",

  async open(url) {
    const sql = new Bun.SQL({ url, max: 1 });
    await sql.connect();
    const templates = new Templates();
    return {
      rows: async (query, values = []) => await sql(templates.of(query), ...values),
      tuples: async (query) => await sql(templates.of(query)).values(),
      rows_once: async (query) => await sql(template(query)),
      async run_many(query, sets) {
        const strings = templates.of(query);
        await sql.begin((sql) => Promise.all(sets.map((values) => sql(strings, ...values))));
      },
      close: () => sql.end(),
    };
  },

  async open_pool(url, size) {
    const sql = new Bun.SQL({ url, max: size });
    await sql.connect();
    const templates = new Templates();
    return {
      async borrowed(query, values) {
        const reserved = await sql.reserve();
        try {
          return await reserved(templates.of(query), ...values);
        } finally {
          reserved.release();
        }
      },
      one_shot: async (query, values) => await sql(templates.of(query), ...values),
      close: () => sql.end(),
    };
  },
};

/** The strings of tagged templates, which are one object for each place in a program. */
class Templates {
  readonly #templates: Map<Query, readonly string[]> = new Map();

  of(query: Query): readonly string[] {
    const known = this.#templates.get(query);
    if (known !== undefined) return known;
    const strings = template(query);
    this.#templates.set(query, strings);
    return strings;
  }
}

/** Parameters have to stand in order. */
function template(query: Query): readonly string[] {
  const strings = query.split(/\$\d+/);
  return Object.defineProperty(strings, "raw", { value: strings });
}
