/**
 * Reads a row with a bundle of an entry module. Arguments: the bundle; the server's URL; for an
 * entry that takes one, the proxy's URL.
 *
 * @module
 */

import process from "node:process";
import { pathToFileURL } from "node:url";
import postgres from "postgres";
import { adapter } from "../../adapters/here.ts";

const [file, dsn, proxy] = process.argv.slice(2);
const module = await import(pathToFileURL(file!).href);

async function read_row(): Promise<unknown> {
  if ("socket_for" in module) {
    const sql = postgres(dsn!, { ssl: false, socket: module.socket_for() } as { ssl: false });
    const [row] = await sql`select 40 + ${2}::int as sum`;
    await sql.end();
    return row;
  }
  const { connect } = "bind_adapter" in module ? module.bind_adapter(adapter) : module;
  const conn = await connect(dsn, { passfile: "/nonexistent", proxy });
  const row = await conn.fetchone("select 40 + $1::int as sum", [2]);
  await conn.close();
  return row;
}

console.log(JSON.stringify(await read_row()));
