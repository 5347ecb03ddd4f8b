/**
 * Opens a socket, waits for bytes that never come, and does nothing else.
 * Arguments: the port; `plain` or `tls`; then calls to make, such as `unref`.
 *
 * @module
 */

import process from "node:process";
import { adapter } from "../here.ts";

const [port, kind, ...calls] = process.argv.slice(2);

const plain = await adapter.dial({ hostname: "127.0.0.1", port: Number(port) });
const socket = kind === "tls"
  ? await plain.start_tls!({ hostname: "localhost", verify: "none" })
  : plain;
void socket.readable.getReader().read();
for (const call of calls) {
  if (call === "ref") socket.ref!();
  else if (call === "unref") socket.unref!();
}
console.log("open");
