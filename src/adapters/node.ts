/**
 * Sockets on Node: `node:net` and `node:tls`.
 *
 * Chunks are Node's own, up to 64 KiB each: reading into larger buffers
 * (`onread`) gained nothing in measurements.
 *
 * @module
 */

import { dialing } from "./dialing.ts";
import { host_env, host_text, host_user } from "./host.ts";
import { load_node } from "./load_node.ts";
import { type HostStream, opened, wrap } from "./node_streams.ts";
import type { Adapter, Address, Socket } from "./socket.ts";

/** Node 24 and later; also any runtime that has Node's modules. */
export const node_adapter: Adapter = {
  name: "node",
  dial: (address, signal) => dialing(address, signal, () => open(address, signal)),
  env: host_env,
  user: () => host_user(),
  read_text: host_text,
};

/** What is used of `node:net`'s Socket. */
interface NetSocket extends HostStream {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  ref(): unknown;
  unref(): unknown;
}

async function open(address: Address, signal: AbortSignal | undefined): Promise<Socket> {
  const { connect } = load_node("node:net");
  const net: NetSocket = "path" in address
    ? connect({ path: address.path })
    // TCP_NODELAY for short statements; keep-alive, as libpq does, for quiet connections.
    : connect({ host: address.hostname, port: address.port, noDelay: true, keepAlive: true });
  const drop = () => void net.destroy();
  signal?.addEventListener("abort", drop);
  try {
    await opened(net, "connect");
  } finally {
    signal?.removeEventListener("abort", drop);
  }
  const { remoteAddress: hostname, remotePort: port } = net;
  return wrap(net, {
    ref: () => void net.ref(),
    unref: () => void net.unref(),
    close: () => {},
    remote: hostname !== undefined && port !== undefined ? { hostname, port } : address,
  });
}
