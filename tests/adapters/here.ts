/**
 * The adapter of the runtime at hand. Apart from the rest, for programs that
 * run without the suite's own modules.
 *
 * @module
 */

import { bun_adapter } from "../../src/adapters/bun.ts";
import { deno_adapter } from "../../src/adapters/deno.ts";
import { node_adapter } from "../../src/adapters/node.ts";
import type { Adapter } from "../../src/adapters/socket.ts";

/** The adapter of the runtime at hand. */
export const adapter: Adapter = "Deno" in globalThis
  ? deno_adapter
  : "Bun" in globalThis
  ? bun_adapter
  : node_adapter;
