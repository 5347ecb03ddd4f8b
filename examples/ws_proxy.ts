/**
 * A proxy that carries TCP over WebSockets, for `@edgepg/edgepg/websocket`: it lets a runtime without
 * TCP reach the servers that it was started for, and no others.
 *
 * ```sh
 * ALLOW=db.internal:5432 PORT=8080 deno run --allow-net --allow-env examples/ws_proxy.ts
 * ALLOW=db.internal:5432 PORT=8080 bun examples/ws_proxy.ts
 * ALLOW=db.internal:5432 PORT=8080 node examples/ws_proxy.ts
 * ```
 *
 * `ws://127.0.0.1:8080/?address=db.internal:5432` then leads there. What it carries is not encrypted:
 * put it behind something that speaks TLS, which makes it `wss:`.
 *
 * Source: RFC 6455, sections 4.2.2 (handshake) and 5.2 (frames).
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import process from "node:process";

/** A running proxy. */
export interface WsProxy extends AsyncDisposable {
  /** Its TCP port. */
  readonly port: number;
}

/** How a proxy runs. */
export interface WsProxyOptions {
  /** Whether it leads to `host:port`. */
  readonly allow: (address: string) => boolean;
  /** The port; 0 for any. Default: 0. */
  readonly port?: number;
  /** The address to listen at. Default: 127.0.0.1. */
  readonly hostname?: string;
}

/** Starts a proxy. Disposing of it cuts what it carries. */
export async function start_ws_proxy(options: WsProxyOptions): Promise<WsProxy> {
  const { allow, port = 0, hostname = "127.0.0.1" } = options;
  const open = new Set<Socket>();
  const server = createServer((_, response) => {
    response.writeHead(426, { Upgrade: "websocket" }).end("this is a proxy for WebSockets\n");
  });
  server.on("upgrade", (request, web: Socket, head: Buffer) => {
    open.add(web);
    web.on("close", () => open.delete(web));
    web.on("error", () => web.destroy());
    const address = URL.parse(request.url!, "ws://proxy")?.searchParams.get("address") ?? "";
    const target = parse_address(address);
    const key = request.headers["sec-websocket-key"];
    if (key === undefined || target === null) return web.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    if (!allow(address)) return web.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    web.write(accept(key));
    carry(web, head, target);
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, hostname, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const web of open) web.destroy();
      await closed;
    },
  };
}

/** Where a server listens. */
interface Target {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, or `[IPv6]:port`; null for what is neither. */
function parse_address(address: string): Target | null {
  const [, ipv6, name, port] = /^(?:\[(.+)\]|([^[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = ipv6 ?? name;
  return host === undefined || Number(port) > 65535 ? null : { host, port: Number(port) };
}

function accept(key: string): string {
  const proof = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${proof.digest("base64")}`,
    "\r\n",
  ].join("\r\n");
}

const CLOSE = 8, PING = 9, PONG = 10, BINARY = 2; // opcodes
const NORMAL = 1000, TOO_BIG = 1009, BROKEN = 1011; // reasons to close
const MAX_FRAME = 16 * 1024 * 1024; // bytes of one frame, which is held until it is whole

/** Carries bytes both ways; whoever is slow holds the other back. */
function carry(web: Socket, head: Buffer, { host, port }: Target): void {
  const tcp = connect({ host, port, noDelay: true });
  web.setNoDelay(true);

  let rest: Buffer = head;
  const take = (data: Buffer) => {
    rest = Buffer.concat([rest, data]);
    for (let frame = decode(rest); frame !== null; frame = decode(rest)) {
      if (frame.size > MAX_FRAME) return hang_up(TOO_BIG);
      if (frame.size > rest.length) return;
      rest = rest.subarray(frame.size);
      if (frame.opcode === CLOSE) hang_up(NORMAL);
      else if (frame.opcode === PING) web.write(encode(PONG, frame.body));
      else if (frame.opcode !== PONG && !tcp.write(frame.body)) web.pause();
    }
  };
  const hang_up = (code: number) => {
    if (!web.writable) return;
    web.end(encode(CLOSE, Uint8Array.of(code >> 8, code & 255)));
    tcp.end();
  };

  web.on("data", take);
  web.on("error", () => tcp.destroy());
  web.on("close", () => tcp.destroy());
  tcp.on("drain", () => web.resume());
  tcp.on("data", (data) => {
    if (web.writable && !web.write(encode(BINARY, data))) tcp.pause();
  });
  web.on("drain", () => tcp.resume());
  tcp.on("end", () => hang_up(NORMAL));
  tcp.on("error", () => hang_up(BROKEN));
  take(Buffer.alloc(0));
}

function encode(opcode: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(body.length < 126 ? 2 : body.length < 65536 ? 4 : 10);
  header[0] = 0x80 | opcode; // whole in one frame
  if (header.length === 2) header[1] = body.length;
  else if (header.length === 4) {
    header[1] = 126;
    header.writeUInt16BE(body.length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(body.length), 2);
  }
  return Buffer.concat([header, body]);
}

/** The first frame, its body unmasked if all of it is there; null if even its size is not known. */
function decode(data: Buffer): { opcode: number; body: Buffer; size: number } | null {
  if (data.length < 2) return null;
  const short = data[1]! & 127;
  const mask_at = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (data.length < mask_at + 4) return null;
  const length = short === 127
    ? Number(data.readBigUInt64BE(2))
    : short === 126
    ? data.readUInt16BE(2)
    : short;
  const size = mask_at + 4 + length;
  if (data.length < size) return { opcode: 0, body: Buffer.alloc(0), size };
  const mask = data.subarray(mask_at, mask_at + 4);
  const body = Buffer.from(data.subarray(mask_at + 4, size));
  for (let i = 0; i < body.length; i++) body[i]! ^= mask[i & 3]!;
  return { opcode: data[0]! & 15, body, size };
}

if (import.meta.main) {
  const allowed = (process.env["ALLOW"] ?? "127.0.0.1:5432").split(",");
  const proxy = await start_ws_proxy({
    allow: (address) => allowed.includes(address),
    port: Number(process.env["PORT"] ?? 8080),
  });
  process.once("SIGTERM", () => void proxy[Symbol.asyncDispose]());
  console.log(`listening on ws://127.0.0.1:${proxy.port}, for ${allowed.join(", ")}`);
}
