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

/** The client's end; of the streams there is what the core uses, since real ones take most of the time. */
function quick_socket(): Socket {
  const end = new QuickEnd();
  return {
    readable: { getReader: () => end } as unknown as ReadableStream<Uint8Array>,
    writable: { getWriter: () => end } as unknown as WritableStream<Uint8Array>,
    close: () => end.close(),
  };
}

/** Both a reader and a writer. */
class QuickEnd {
  readonly ready: Promise<void> = Promise.resolve();
  readonly closed: Promise<void> = Promise.resolve();
  readonly #unread: Uint8Array[] = [];
  #open = true;
  #started = false;
  #wake: (() => void) | null = null;

  /** The next answer. */
  async read(): Promise<{ value: Uint8Array | undefined; done: boolean }> {
    while (this.#open && this.#unread.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return { value: this.#unread.shift(), done: !this.#open };
  }

  /** Answers a chunk, which is taken to hold whole messages. */
  write(chunk: Uint8Array): Promise<void> {
    if (!this.#started) this.#unread.push(STARTUP);
    else if (chunk[0] === TERMINATE) this.close();
    else this.#unread.push(...answers(chunk));
    this.#started = true;
    this.#wake?.();
    return this.ready;
  }

  close(): void {
    this.#open = false;
    this.#wake?.();
  }
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
