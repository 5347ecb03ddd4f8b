/**
 * Runs in workerd: does with the adapter what a request asks, and answers with
 * what came of it.
 *
 * @module
 */

import type { Address, Socket, TlsOptions } from "../../../src/adapters/socket.ts";
import { workerd_adapter } from "../../../src/adapters/workerd.ts";

/** What a request carries. */
export interface Task {
  /** One of `ACTIONS`. */
  readonly action: string;
  /** Whom to dial. */
  readonly address: Address;
  /** How to encrypt; plain if absent. */
  readonly tls?: TlsOptions;
  /** How many bytes to send or read. */
  readonly size?: number;
  /** A connection on which a byte comes when it is time to go on, or to give up the handshake. */
  readonly cue?: Address;
}

let escaped = 0;
addEventListener("unhandledrejection", () => {
  escaped++;
});

const ACTIONS: Record<string, (socket: Socket, task: Task) => Promise<unknown>> = {
  /** Sends bytes of every value and says whether the same came back, in chunks that stay as they are. */
  async echo({ readable, writable }, { size = 0 }) {
    const sent = Uint8Array.from({ length: size }, (_, i) => (i * 31) ^ (i >> 8));
    const writer = writable.getWriter();
    const writing = (async () => {
      await writer.write(sent.slice(0, 10));
      await writer.write(sent.slice(10));
    })();
    const chunks = await read(readable, size);
    await writing;
    let at = 0;
    let same = true;
    for (const chunk of chunks) {
      for (const byte of chunk) same &&= byte === sent[at++];
    }
    return { at, same, plain: chunks.every((chunk) => chunk.constructor === Uint8Array) };
  },

  /** Reads nothing until it may; then says how much came in all. */
  async wait({ readable }, { size = 0, cue }) {
    await wait_for(cue!);
    const chunks = await read(readable, size);
    return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  },

  /** Closes at once, with a read pending and a write that is stuck. */
  async close(socket, { size = 0, cue }) {
    const reading = outcome(socket.readable.getReader().read().then(({ done }) => done));
    const writing = outcome(socket.writable.getWriter().write(new Uint8Array(size)));
    await wait_for(cue!);
    socket.close();
    socket.close();
    return { reading: await reading, writing: await writing };
  },

  /** Reads to the end. */
  async drain({ readable }) {
    const reader = readable.getReader();
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return size;
      size += value.length;
    }
  },

  /** Does nothing more. */
  rest: () => Promise.resolve("open"),
};

async function read(readable: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = readable.getReader();
  for (let received = 0; received < size;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    received += value.length;
  }
  return chunks;
}

async function wait_for(cue: Address): Promise<void> {
  const socket = await workerd_adapter.dial(cue);
  await socket.readable.getReader().read();
  socket.close();
}

function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then((value) => value ?? "done", (error) => `${error.name}: ${error.message}`);
}

async function run(task: Task): Promise<unknown> {
  if (task.action === "abort") {
    const abort = new AbortController();
    const dialled = outcome(workerd_adapter.dial(task.address, abort.signal));
    abort.abort(new Error("enough"));
    return await dialled;
  }
  let socket = await workerd_adapter.dial(task.address);
  try {
    if (task.tls) {
      const plain = socket;
      const started = plain.start_tls!(task.tls);
      if (task.cue) wait_for(task.cue).then(() => plain.close());
      socket = await started;
    }
    return await ACTIONS[task.action]!(socket, task);
  } finally {
    socket.close();
  }
}

export default {
  /** Runs the task in the request's body. */
  async fetch(request: Request): Promise<Response> {
    const task = await request.json() as Task | null;
    const result = task && await outcome(run(task));
    await new Promise((resolve) => setTimeout(resolve)); // the turn in which rejections would escape
    return Response.json({ result, escaped });
  },
};
