/**
 * Uses a pool and does not close it. Arguments: the database's URL; whether to keep a connection.
 *
 * @module
 */

import process from "node:process";
import { create_pool } from "../../../mod.ts";

const [url, keep] = process.argv.slice(2);

const pool = await create_pool(url!, { minsize: 2 });
const connection = await pool.acquire();
console.log(await connection.fetchval("select 'it works'"));
if (keep !== "keep") await pool.release(connection);
