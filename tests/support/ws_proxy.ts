/**
 * A proxy that carries TCP over WebSockets, on `node:http` alone.
 *
 * `ws://127.0.0.1:port/?address=host:port` leads to that host and port.
 *
 * Source: RFC 6455, sections 4.2.2 (handshake) and 5.2 (frames).
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A running proxy. */
export interface WsProxy extends AsyncDisposable {
  /** Its TCP port on 127.0.0.1. */
  readonly port: number;
}

/** Starts a proxy. */
export async function start_ws_proxy(): Promise<WsProxy> {
  const open = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(426).end());
  server.on("upgrade", (request, web: Socket, head: Buffer) => {
    open.add(web);
    web.on("close", () => open.delete(web));
    const address = new URL(request.url!, "ws://proxy").searchParams.get("address");
    if (address === null) return web.destroy();
    web.write(accept(String(request.headers["sec-websocket-key"])));
    carry(web, head, address);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const web of open) web.destroy();
      await closed;
    },
  };
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

function carry(web: Socket, head: Buffer, address: string): void {
  const colon = address.lastIndexOf(":");
  const tcp = connect({
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    noDelay: true,
  });
  web.setNoDelay(true);

  let rest: Buffer = head;
  const take = (data: Buffer) => {
    rest = Buffer.concat([rest, data]);
    for (let frame = decode(rest); frame !== null; frame = decode(rest)) {
      rest = rest.subarray(frame.size);
      if (frame.opcode === CLOSE) hang_up(1000);
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
  tcp.on("end", () => hang_up(1000));
  tcp.on("error", () => hang_up(1011));
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

/** The first frame, unmasked; null if it is not whole yet. */
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
  if (data.length < size) return null;
  const mask = data.subarray(mask_at, mask_at + 4);
  const body = Buffer.from(data.subarray(mask_at + 4, size));
  for (let i = 0; i < body.length; i++) body[i]! ^= mask[i & 3]!;
  return { opcode: data[0]! & 15, body, size };
}
