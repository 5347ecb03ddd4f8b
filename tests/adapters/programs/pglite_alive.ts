/** Waits with an open socket for what keeps no process alive; then for the end, with the socket unref'd. */

import { setTimeout } from "node:timers";
import { pglite_adapter } from "../../../src/adapters/pglite.ts";
import type { PgliteDatabase } from "../../../src/adapters/pglite_instance.ts";

/** Nothing asks it for more. */
const database = {
  waitReady: Promise.resolve(),
  closed: false,
  execProtocolRawStream: () => Promise.resolve(),
} as unknown as PgliteDatabase;
const socket = await pglite_adapter(database).dial({ hostname: "db.example", port: 5432 });
await new Promise<void>((resolve) => setTimeout(resolve, 200).unref());
console.log("still here");
socket.unref?.();
setTimeout(() => console.log("for too long"), 20_000).unref();
