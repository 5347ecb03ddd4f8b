/**
 * PostgreSQL for every JavaScript runtime, after Python's aiopg: pool, connection,
 * DB-API cursor, transactions, notifications.
 *
 * ```ts ignore
 * import { create_pool } from "@edgepg/edgepg";
 *
 * await using pool = await create_pool("postgres://localhost/app");
 * await using conn = await pool.acquire();
 * await using cur = await conn.cursor();
 * await cur.execute("select id, name from city where country = $1", ["MX"]);
 * for await (const { id, name } of cur) console.log(id, name);
 * ```
 *
 * @module
 */

import { bun_adapter } from "./src/adapters/bun.ts";
import { deno_adapter } from "./src/adapters/deno.ts";
import { node_adapter } from "./src/adapters/node.ts";
import type { Adapter } from "./src/adapters/socket.ts";
import { workerd_adapter } from "./src/adapters/workerd.ts";
import { type Api, bind_adapter } from "./src/entries/core.ts";

export * from "./src/entries/public.ts";

// The only place that asks which runtime this is. Bun and workerd answer to Node's names too, so
// Node, which had no name of its own before version 21, is last.
function adapter(): Adapter {
  if ("Deno" in globalThis) return deno_adapter;
  if ("Bun" in globalThis) return bun_adapter;
  if (globalThis.navigator?.userAgent === "Cloudflare-Workers") return workerd_adapter;
  return node_adapter;
}

const api: Api = bind_adapter(adapter());

/** Opens a connection. See `Api.connect`. */
export const connect: Api["connect"] = api.connect;

/** Opens a pool. See `Api.create_pool`. */
export const create_pool: Api["create_pool"] = api.create_pool;
