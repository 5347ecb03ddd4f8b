/**
 * A socket that leads to a PGlite in this process.
 *
 * Laws: one socket at a time has the database's only session, which is clean when it gets it and
 * when it leaves it. Nothing is run while too much of what came before is unread; and the runtime
 * gets its turns, though every statement keeps it to itself until it ends.
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import { OperationalError } from "../errors.ts";
import { encode_query, encode_startup, encode_sync } from "../protocol/frontend.ts";
import { BackendTag } from "../protocol/tags.ts";
import { Inflow } from "./inflow.ts";
import { PgliteFrontend, type PgliteStep } from "./pglite_frontend.ts";
import type { PgliteDatabase } from "./pglite_instance.ts";
import type { Socket } from "./socket.ts";

/** Who has the session of each database. */
const owners: WeakMap<PgliteDatabase, PgliteSocket> = new WeakMap();
/** Databases whose process, so to speak, has exited: to run anything more would hang. */
const dead: WeakSet<PgliteDatabase> = new WeakSet();

const TURN = 10; // milliseconds of work after which the runtime gets a turn
const FOREVER = 0x7fffffff; // milliseconds
const NOTHING = new Uint8Array(0);

/** A socket to the session of one database. */
export class PgliteSocket implements Socket {
  /** Socket. */
  readonly is_private = true;
  /** Socket. */
  readonly peer_certificate: null = null;
  /** Socket. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Socket. */
  readonly writable: WritableStream<Uint8Array>;
  readonly #db: PgliteDatabase;
  readonly #on_end: () => Promise<void>;
  readonly #frontend: PgliteFrontend = new PgliteFrontend();
  readonly #inflow: Inflow;
  #room: PromiseWithResolvers<void> | null = null; // resolves when more may be run
  #left: Promise<void> | null = null; // once it ends: resolves when it has left the session
  #worked = 0; // milliseconds since the runtime's turn
  #alive: ReturnType<typeof setInterval> | undefined;

  /** @param on_end Awaited when it has ended and nobody has the session. */
  constructor(db: PgliteDatabase, on_end: () => Promise<void>) {
    this.#db = db;
    this.#on_end = on_end;
    this.#inflow = new Inflow({
      pause: () => this.#room = Promise.withResolvers(),
      resume: () => this.#more(),
      close: () => this.close(),
    });
    this.readable = this.#inflow.readable;
    this.writable = new WritableStream<Uint8Array>({
      write: (chunk) => this.#write(chunk),
      close: () => this.close(),
      abort: () => this.close(),
    });
    this.ref();
  }

  /** Socket: there is no handle that the runtime would wait for, so a timer stands in for it. */
  ref(): void {
    if (this.#left === null) this.#alive ??= setInterval(() => {}, FOREVER);
  }

  /** Socket. */
  unref(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
  }

  /** Socket. */
  close(): void {
    this.#inflow.end();
    void this.#end();
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#left !== null) throw new OperationalError("cannot write: the socket is closed");
    const steps = this.#frontend.take(chunk);
    for (let step = steps.next(); !step.done && this.#left === null;) {
      step = steps.next(await this.#perform(step.value));
    }
  }

  /** Whether there was an error in an answer that was to be inspected. */
  async #perform(step: PgliteStep): Promise<boolean> {
    switch (step.kind) {
      case "answer":
        this.#inflow.push(step.bytes);
        return false;
      case "start":
        await this.#start(step.version, step.parameters);
        return false;
      case "run":
        return await this.#run(step.messages, step.inspect);
      case "end":
        await this.#end();
        this.#inflow.end();
        return false;
    }
  }

  async #start(version: number, parameters: readonly string[]): Promise<void> {
    const owner = owners.get(this.#db);
    if (owner !== undefined) await owner.#left;
    if (owners.has(this.#db)) return this.#refuse("53300", IN_USE);
    const names = parameters.filter((_, i) => i % 2 === 0);
    if (names.includes("replication")) return this.#refuse("0A000", NO_REPLICATION);
    owners.set(this.#db, this);
    await this.#run(CLEAN, null);
    // Nothing of the client's: a login of anyone else's would be no other session.
    await this.#run(startup(version), false);
  }

  #refuse(sqlstate: string, message: string): void {
    this.#inflow.push(fatal(sqlstate, message));
    void this.#end();
    this.#inflow.end();
  }

  /** @param inspect See `PgliteStep`; null: nobody is to see the answer. */
  async #run(messages: Uint8Array, inspect: boolean | null): Promise<boolean> {
    await this.#may_run();
    if (this.#left !== null) return false;
    const answer: Uint8Array[] = [];
    const deliver = inspect === false
      ? (data: Uint8Array) => this.#inflow.push(data.slice())
      : (data: Uint8Array) => void answer.push(data.slice());
    const began = performance.now();
    try {
      await this.#db.runExclusive(() => execute(this.#db, messages, deliver));
      this.#worked += performance.now() - began;
    } catch (cause) {
      for (const part of answer) this.#inflow.push(part);
      this.#fail(cause);
    }
    return inspect === true && this.#inspect(answer);
  }

  /** Waits while too much is unread, and for the runtime's turn. */
  async #may_run(): Promise<void> {
    await this.#room?.promise;
    if (this.#worked < TURN) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#worked = 0;
  }

  /** Delivers all but CopyInResponse, which was given before; whether there is an error. */
  #inspect(answer: readonly Uint8Array[]): boolean {
    let failed = false;
    for (const [tag, message] of messages_in(answer)) {
      failed ||= tag === BackendTag.ErrorResponse;
      if (tag !== BackendTag.CopyInResponse) this.#inflow.push(message);
    }
    return failed;
  }

  #more(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  #fail(cause: unknown): void {
    const fact = this.#db.closed ? "the PGlite instance was closed" : "PGlite has come to its end";
    this.#inflow.fail(new OperationalError(`the connection was lost: ${fact}`, { cause }));
    void this.#end();
  }

  /** Ends it once; resolves when the session is left. */
  #end(): Promise<void> {
    this.#left ??= this.#leave();
    this.unref();
    this.#more();
    return this.#left;
  }

  /** Never rejects: whom the database's end concerns hears of it elsewhere. */
  async #leave(): Promise<void> {
    const db = this.#db;
    if (owners.get(db) === this) {
      await db.runExclusive(() => execute(db, CLEAN, () => {})).catch(() => {});
      owners.delete(db);
    }
    if (!owners.has(db)) await this.#on_end().catch(() => {});
  }
}

const IN_USE =
  "a PGlite instance has one session, but another connection has it: close that one first, or share it";
const NO_REPLICATION = "PGlite replicates nothing";

/** Ends what is open, and leaves nothing behind; also where a batch was not finished. */
const CLEAN: Uint8Array = encoded((writer) => {
  encode_sync(writer);
  encode_query(writer, "ROLLBACK");
  encode_query(writer, "DISCARD ALL");
});

async function execute(
  db: PgliteDatabase,
  messages: Uint8Array,
  deliver: (data: Uint8Array) => void,
): Promise<void> {
  if (dead.has(db)) throw new OperationalError("PGlite has come to its end");
  try {
    await db.execProtocolRawStream(messages, { onRawData: deliver });
  } catch (error) {
    dead.add(db);
    throw error;
  }
  // Or the next answer to a caller of its own would come here.
  await db.execProtocol(NOTHING, { syncToFs: false, throwOnError: false });
}

function startup(version: number): Uint8Array {
  const parameters = new Map([["user", "postgres"], ["database", "postgres"]]);
  return encoded((writer) => encode_startup(writer, version, parameters));
}

/** ErrorResponse. */
function fatal(sqlstate: string, message: string): Uint8Array {
  return encoded((writer) => {
    const mark = writer.begin(BackendTag.ErrorResponse);
    for (const field of ["SFATAL", "VFATAL", `C${sqlstate}`, `M${message}`, ""]) {
      writer.cstring(field);
    }
    writer.end(mark);
  });
}

function encoded(encode: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  encode(writer);
  return writer.take();
}

/** Each message of an answer, by its tag. */
function* messages_in(parts: readonly Uint8Array[]): Iterable<readonly [number, Uint8Array]> {
  const writer = new ByteWriter();
  for (const part of parts) writer.raw(part);
  const bytes = writer.take();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + view.getInt32(at + 1);
    yield [bytes[at]!, bytes.subarray(at, end)];
    at = end;
  }
}
