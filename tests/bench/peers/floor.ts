/**
 * The least that a client can do over our sockets: sends the same bytes, and
 * reads until ReadyForQuery without looking at what it reads.
 *
 * What is above this floor is the client's own work; what is below it is the
 * server's, the kernel's and the runtime's.
 *
 * @module
 */

import { bun_adapter } from "../../../src/adapters/bun.ts";
import { deno_adapter } from "../../../src/adapters/deno.ts";
import { node_adapter } from "../../../src/adapters/node.ts";
import type { Adapter, Socket } from "../../../src/adapters/socket.ts";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import { resolve_options } from "../../../src/connection/options/options.ts";
import { reset_sql } from "../../../src/connection/session/reset.ts";
import { decode_backend } from "../../../src/protocol/backend.ts";
import { FrameDecoder } from "../../../src/protocol/frame.ts";
import {
  encode_bind,
  encode_copy_data,
  encode_copy_done,
  encode_execute,
  encode_parse,
  encode_query,
  encode_sync,
  encode_terminate,
} from "../../../src/protocol/frontend.ts";
import { handshake } from "../../../src/protocol/handshake.ts";
import type { Peer, Query } from "../peer.ts";

const READY = 6; // bytes of ReadyForQuery: tag, length, state
const Z = 0x5a;
const RESET = reset_sql({ initial_settings: "" });
const adapters: Readonly<Record<string, Adapter>> = {
  deno: deno_adapter,
  bun: bun_adapter,
  node: node_adapter,
};

/** Reads and throws away. */
export const floor: Peer = {
  name: "floor",

  async open(url) {
    const link = await log_in(url);
    const run = async (query: Query, values?: readonly unknown[]) => {
      await link.run(query, values);
      return null;
    };
    return {
      rows: run,
      tuples: run,
      async rows_once(query) {
        await link.ask((writer) => {
          encode_parse(writer, "", query, []);
          encode_run(writer, "", []);
          encode_sync(writer);
        });
        return null;
      },
      copy_out: async (query) => {
        await link.ask((writer) => encode_query(writer, query));
        return null;
      },
      async copy_in(query, chunks) {
        await link.send((writer) => encode_query(writer, query));
        await link.read(); // CopyInResponse
        for (const chunk of chunks) await link.send((writer) => encode_copy_data(writer, chunk));
        await link.ask((writer) => encode_copy_done(writer));
      },
      // deno-lint-ignore require-await -- the last write goes out by itself
      async close() {
        link.end();
      },
    };
  },

  async open_pool(url, size, reset) {
    const links = await Promise.all(Array.from({ length: size }, () => log_in(url)));
    const free = [...links];
    const waiters: ((link: RawLink) => void)[] = [];
    const give_back = async (link: RawLink) => {
      if (reset) await link.ask((writer) => encode_query(writer, RESET));
      const next = waiters.shift();
      if (next === undefined) free.push(link);
      else next(link);
    };
    return {
      async borrowed(query, values) {
        const link = free.shift() ?? await new Promise<RawLink>((resolve) => waiters.push(resolve));
        await link.run(query, values);
        void give_back(link);
        return [];
      },
      // deno-lint-ignore require-await -- as above
      async close() {
        for (const link of links) link.end();
      },
    };
  },
};

/** Values go out as text, results come in binary. */
function encode_run(writer: ByteWriter, statement: string, values: readonly unknown[]): void {
  const parameters = {
    parameter_count: values.length,
    write_parameter(writer: ByteWriter, index: number): 0 {
      const mark = writer.begin_value();
      writer.text(String(values[index]));
      writer.end_value(mark);
      return 0;
    },
  };
  encode_bind(writer, "", statement, parameters, [1]);
  encode_execute(writer, "", 0);
}

/** Sends flights and counts out their answers. */
class RawLink {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #out = new ByteWriter();
  readonly #tail = new Uint8Array(READY); // the last bytes read
  readonly #prepared: Map<Query, string> = new Map(); // by name

  constructor(socket: Socket) {
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
  }

  write(bytes: Uint8Array): void {
    void this.#writer.write(bytes);
  }

  async read(): Promise<Uint8Array> {
    const { value } = await this.#reader.read();
    if (value === undefined) throw new Error("the server closed the connection");
    return value;
  }

  /** Sends what `encode` writes. */
  async send(encode: (writer: ByteWriter) => void): Promise<void> {
    encode(this.#out);
    await this.#writer.write(this.#out.take());
  }

  /** Sends what `encode` writes, and reads until the server is ready. */
  async ask(encode: (writer: ByteWriter) => void): Promise<void> {
    void this.send(encode);
    do this.#keep_tail(await this.read()); while (!this.#is_ready());
  }

  /** Runs a statement, which is prepared at first. */
  async run(query: Query, values: readonly unknown[] = []): Promise<void> {
    const known = this.#prepared.get(query);
    const name = known ?? `f${this.#prepared.size}`;
    this.#prepared.set(query, name);
    await this.ask((writer) => {
      if (known === undefined) encode_parse(writer, name, query, []);
      encode_run(writer, name, values);
      encode_sync(writer);
    });
  }

  end(): void {
    encode_terminate(this.#out);
    this.write(this.#out.take());
    void this.#writer.close();
  }

  #keep_tail(chunk: Uint8Array): void {
    if (chunk.length >= READY) return this.#tail.set(chunk.subarray(chunk.length - READY));
    this.#tail.copyWithin(0, chunk.length);
    this.#tail.set(chunk, READY - chunk.length);
  }

  #is_ready(): boolean {
    const [tag, a, b, c, length] = this.#tail;
    return tag === Z && a === 0 && b === 0 && c === 0 && length === READY - 1;
  }
}

async function log_in(url: string): Promise<RawLink> {
  const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
  const adapter = adapters[runtime]!;
  const options = await resolve_options(url, { sslmode: "disable" }, adapter);
  const [host] = options.hosts;
  const link = new RawLink(await adapter.dial(host!.address));
  const frames = new FrameDecoder();
  await handshake({
    send: (bytes) => link.write(bytes.slice()),
    async next() {
      while (!frames.next()) frames.push(await link.read());
      return decode_backend(frames.tag, frames.body());
    },
  }, {
    password: () => options.password_for(host!),
    secret_allowed: true,
    encrypted: false,
    parameters: options.startup,
  });
  return link;
}
