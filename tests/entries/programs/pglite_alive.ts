/**
 * Waits for a notification that never comes, with nothing else to keep the process alive; then ends
 * with its pool open.
 */

import { create_pool } from "../../../src/entries/pglite.ts";

const pool = await create_pool();
const conn = await pool.acquire();
await conn.listen("news");
await conn.notifies.get({ timeout: 0.2 }).catch((error) => console.log(error.name));
await pool.release(conn);
console.log(await pool.fetchval("select 'the end'"));
