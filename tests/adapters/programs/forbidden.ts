/**
 * Asks Deno for what it was not allowed; prints what it got.
 *
 * @module
 */

import { deno_adapter } from "../../../src/adapters/deno.ts";

async function failure(dialled: Promise<unknown>): Promise<string> {
  return await dialled.then(() => "open", (error) => `${error.name}: ${error.message}`);
}

console.log(JSON.stringify({
  env: deno_adapter.env!("HOME") ?? null,
  user: deno_adapter.user!() ?? null,
  text: await deno_adapter.read_text!("/etc/hostname") ?? null,
  tcp: await failure(deno_adapter.dial({ hostname: "127.0.0.1", port: 5432 })),
  unix: await failure(deno_adapter.dial({ path: "/tmp/.s.PGSQL.5432" })),
}));
