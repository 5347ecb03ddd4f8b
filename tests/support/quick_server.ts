/**
 * A server in memory that is quick and remembers nothing: for programs that ask it a million times.
 *
 * Law: it answers every statement with one row, and keeps nothing of what it was sent.
 *
 * @module
 */

import type { Adapter, Socket } from "../../src/adapters/socket.ts";
import {
  bind_complete,
  command_complete,
  concat,
  data_row,
  parameter_description,
  parse_complete,
  ready,
  row_description,
  trust_startup,
} from "./messages.ts";

const STARTUP = trust_startup();
const RESET = concat(command_complete("RESET"), ready());
const COLD = concat(
  parse_complete(),
  parameter_description(),
  row_description("one"),
  bind_complete(),
  data_row("1"),
  command_complete("SELECT 1"),
  ready(),
);
const WARM = concat(bind_complete(), data_row("1"), command_complete("SELECT 1"), ready());

const TERMINATE = "X".charCodeAt(0);

/** All its connections lead to such a server. */
export const quick_server: Adapter = {
  name: "quick",
  dial: () => Promise.resolve(quick_socket()),
};

/** The client's end. A chunk that it writes is taken to hold whole messages. */
function quick_socket(): Socket {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let started = false;
  let open = true;
  const close = () => {
    if (open) controller.close();
    open = false;
  };
  const answer = (chunk: Uint8Array) => {
    if (!started) controller.enqueue(STARTUP.slice());
    else if (chunk[0] === TERMINATE) close();
    else for (const bytes of answers(chunk)) controller.enqueue(bytes.slice());
    started = true;
  };
  return {
    readable: new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) }),
    writable: new WritableStream<Uint8Array>({ write: answer }),
    close,
  };
}

function* answers(chunk: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  let parsed = false;
  for (let at = 0; at < chunk.length; at += 1 + view.getInt32(at + 1)) {
    const tag = String.fromCharCode(chunk[at]!);
    if (tag === "P") parsed = true;
    if (tag === "Q") yield RESET;
    if (tag !== "S") continue;
    yield parsed ? COLD : WARM;
    parsed = false;
  }
}
