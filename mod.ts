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

import { detect_adapter } from "./src/adapters/detect.ts";
import { type Api, bind_adapter } from "./src/entries/core.ts";

export * from "./src/entries/public.ts";

const api: Api = bind_adapter(detect_adapter());

/** Opens a connection. See `Api.connect`. */
export const connect: Api["connect"] = api.connect;

/** Opens a pool. See `Api.create_pool`. */
export const create_pool: Api["create_pool"] = api.create_pool;
