/**
 * Which runtime this is: the only place that asks.
 *
 * @module
 */

import { bun_adapter } from "./bun.ts";
import { deno_adapter } from "./deno.ts";
import { node_adapter } from "./node.ts";
import type { Adapter } from "./socket.ts";
import { workerd_adapter } from "./workerd.ts";

/**
 * The adapter of the runtime at hand.
 *
 * Bun and workerd answer to Node's names too, so Node, which had no name of its own before version
 * 21, is last.
 */
export function detect_adapter(): Adapter {
  if ("Deno" in globalThis) return deno_adapter;
  if ("Bun" in globalThis) return bun_adapter;
  if (globalThis.navigator?.userAgent === "Cloudflare-Workers") return workerd_adapter;
  return node_adapter;
}
