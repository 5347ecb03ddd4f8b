/**
 * Does what an application does, and prints what came of it. Arguments: options of `connect()`, as JSON.
 *
 * @module
 */

import { connect, create_pool, TimeoutError } from "../../../mod.ts";

const options = JSON.parse(Deno.args[0]!);

async function use(): Promise<unknown> {
  await using conn = await connect(options);
  const late = await conn.execute("select pg_sleep(60)", [], { timeout: 0.2 })
    .then(() => "in time", (error) => error instanceof TimeoutError && "late");
  await using pool = await create_pool(options);
  await using listener = await pool.listen("channel");
  await pool.execute("select pg_notify('channel', 'heard')");
  const { value: event } = await listener[Symbol.asyncIterator]().next();
  return {
    late,
    usable: !conn.closed, // the statement was cancelled, for which the server is dialled again
    heard: event.payload,
    encrypted: await pool.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()"),
    name: await conn.fetchval("select current_setting('application_name')"),
  };
}

console.log(JSON.stringify(await use().catch((error) => ({ error: error.message }))));
