/**
 * Runs a program of `examples/` on a runtime, against a PostgreSQL that lasts as long as it does unless
 * DATABASE_URL or PGHOST names one.
 *
 *     deno task demo
 *     deno run -A tests/support/demo.ts --on=bun examples/quickstart.ts
 *
 * @module
 */

import { parseArgs } from "node:util";
import { end_command_on_signals, run_command } from "./child.ts";
import { test_server } from "./cluster.ts";
import { install_toolchain, program_command, RUNTIMES } from "./runtimes.ts";

/** A program that prints nothing for so long hangs; in seconds. */
const SILENCE_LIMIT = 120;

Deno.chdir(new URL("../../", import.meta.url));
end_command_on_signals();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { on: { type: "string", default: "deno" } },
});
const runtime = RUNTIMES.find((name) => name === values.on);
const [program] = positionals;
if (runtime === undefined || program === undefined) {
  console.error(`usage: demo.ts [--on=${RUNTIMES.join("|")}] examples/quickstart.ts`);
  Deno.exit(2);
}
await install_toolchain();
const server = await test_server();
const failure = await run_command(program_command(runtime, program), server.url, SILENCE_LIMIT);
await server.stop();
if (failure !== null) console.error(`${program} ${failure}`);
Deno.exit(failure === null ? 0 : 1);
