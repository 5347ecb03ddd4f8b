/**
 * What a client sends, cut and sorted for a PGlite that runs whole batches. No I/O, no clock.
 *
 *     chunks ──take()──▶ steps: run this, answer that, begin, end
 *
 * Law: PGlite never meets the end of its input while it copies in, for that ends it for good. So a
 * COPY ... FROM STDIN is answered here, held until its data is whole, and run in one piece; and behind
 * whatever might be one that was not recognized stands a CopyFail, which does nothing elsewhere.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (COPY Operations)
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import { OperationalError } from "../errors.ts";
import { encode_copy_fail } from "../protocol/frontend.ts";
import { FrontendTag } from "../protocol/tags.ts";
import { code_of } from "../sql/scan.ts";

/** What is to be done, in this order. */
export type PgliteStep =
  /** Give the messages to PGlite. `inspect`: leave CopyInResponse out of its answer, and say whether there is an error in it. */
  | { readonly kind: "run"; readonly messages: Uint8Array; readonly inspect: boolean }
  /** Send the client this. */
  | { readonly kind: "answer"; readonly bytes: Uint8Array }
  /** Begin the session. */
  | { readonly kind: "start"; readonly version: number; readonly parameters: readonly string[] }
  /** The client is done, or only asked for a cancel, which has no effect. */
  | { readonly kind: "end" };

/** Steps; after a `run` with `inspect` it is told whether there was an error. */
export type PgliteSteps = Generator<PgliteStep, void, boolean>;

// In place of a protocol version: src/include/libpq/pqcomm.h.
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

const NO_TLS = Uint8Array.of(0x4e); // N
const COPY_WORD = /\bcopy\b/i;
const COPY_IN = /^\s*copy\b[^()]*(?:\([^()]*\))?\s*from\s+stdin\b/i;
const BINARY = /\bbinary\b/i;
const GUARD = copy_fail();
const text = new TextDecoder();

/** One client's side of the conversation. */
export class PgliteFrontend {
  #rest: Uint8Array = new Uint8Array(0); // of an unfinished message
  #started = false;
  #batch: Uint8Array[] = []; // to be run together
  #copy: { readonly messages: Uint8Array[]; formats: readonly number[] } | null = null;
  readonly #statements: Map<string, string> = new Map(); // SQL that may copy, by name
  readonly #portals: Map<string, string> = new Map();

  /** Takes the next chunk, which may be overwritten when the steps are done. */
  *take(chunk: Uint8Array): PgliteSteps {
    let left = this.#rest.length === 0 ? chunk : join([this.#rest, chunk]);
    for (let size = size_of(left, this.#started); size <= left.length;) {
      const message = left.subarray(0, size);
      left = left.subarray(size);
      if (this.#started) yield* this.#message(message);
      else yield* this.#first(message);
      size = size_of(left, this.#started);
    }
    this.#rest = left.slice();
    this.#batch = this.#batch.map((message) => message.slice());
  }

  *#first(message: Uint8Array): PgliteSteps {
    const version = view_of(message).getInt32(4);
    if (version === CANCEL_REQUEST) return void (yield { kind: "end" });
    if (version === SSL_REQUEST || version === GSS_REQUEST) {
      return void (yield { kind: "answer", bytes: NO_TLS });
    }
    this.#started = true;
    yield { kind: "start", version, parameters: text.decode(message.subarray(8)).split("\0") };
  }

  *#message(message: Uint8Array): PgliteSteps {
    const tag = message[0]!;
    if (tag === FrontendTag.Terminate) return void (yield { kind: "end" });
    if (this.#copy !== null) return yield* this.#held(tag, message);
    switch (tag) {
      case FrontendTag.CopyData:
      case FrontendTag.CopyDone:
      case FrontendTag.CopyFail:
        return; // of a COPY that has failed
      case FrontendTag.Query:
        return yield* this.#query(message, cstring(message, 5));
      case FrontendTag.Execute:
        return yield* this.#execute(message, this.#portals.get(cstring(message, 5)));
    }
    this.#note(tag, message);
    this.#batch.push(message);
    if (ENDS_BATCH.has(tag)) yield* this.#run();
  }

  *#query(message: Uint8Array, sql: string): PgliteSteps {
    const formats = COPY_WORD.test(sql) ? copy_formats(sql) : [];
    if (formats.length > 0) return yield* this.#hold(message, formats);
    this.#batch.push(message);
    if (COPY_WORD.test(sql)) this.#batch.push(GUARD);
    yield* this.#run();
  }

  *#execute(message: Uint8Array, sql: string | undefined): PgliteSteps {
    const formats = sql === undefined ? [] : copy_formats(sql);
    if (formats.length === 0) {
      this.#batch.push(message);
      if (sql !== undefined) this.#batch.push(GUARD);
      return;
    }
    const failed = yield* this.#run(true); // it would then skip the COPY, and so must we
    if (!failed) yield* this.#hold(message, formats);
  }

  *#hold(message: Uint8Array, formats: readonly number[]): PgliteSteps {
    this.#copy = { messages: [message.slice()], formats };
    yield { kind: "answer", bytes: copy_in_response(formats[0]!) };
  }

  /** A message while the client copies in. */
  *#held(tag: number, message: Uint8Array): PgliteSteps {
    const copy = this.#copy!;
    if (tag === FrontendTag.Flush || tag === FrontendTag.Sync) return; // as the server ignores them
    copy.messages.push(message.slice());
    if (tag === FrontendTag.CopyData) return;
    copy.formats = copy.formats.slice(1);
    if (tag === FrontendTag.CopyDone && copy.formats.length > 0) {
      return void (yield { kind: "answer", bytes: copy_in_response(copy.formats[0]!) });
    }
    this.#copy = null;
    this.#batch.push(...copy.messages, GUARD);
    yield* this.#run(true);
  }

  *#run(inspect: boolean = false): Generator<PgliteStep, boolean, boolean> {
    if (this.#batch.length === 0) return false;
    const messages = this.#batch.length === 1 ? this.#batch[0]! : join(this.#batch);
    this.#batch = [];
    return yield { kind: "run", messages, inspect };
  }

  /** Remembers which statements and portals may copy. */
  #note(tag: number, message: Uint8Array): void {
    if (tag === FrontendTag.Parse) {
      const name = cstring(message, 5);
      const sql = cstring(message, end_of_cstring(message, 5));
      if (COPY_WORD.test(sql)) this.#statements.set(name, sql);
      else this.#statements.delete(name);
    } else if (tag === FrontendTag.Bind) {
      const portal = cstring(message, 5);
      const sql = this.#statements.get(cstring(message, end_of_cstring(message, 5)));
      if (sql !== undefined) this.#portals.set(portal, sql);
      else this.#portals.delete(portal);
    }
  }
}

/** What the server answers at once, or must be seen to have ended. */
const ENDS_BATCH: ReadonlySet<number> = new Set([
  FrontendTag.Sync,
  FrontendTag.Flush,
  FrontendTag.Password,
  0x46, // FunctionCall
]);

/** Of each COPY ... FROM STDIN in `sql` the format: 0 for text, 1 for binary. */
export function copy_formats(sql: string): readonly number[] {
  return code_of(sql).split(";")
    .filter((statement) => COPY_IN.test(statement))
    .map((statement) => BINARY.test(statement) ? 1 : 0);
}

function copy_in_response(format: number): Uint8Array {
  return Uint8Array.of(0x47, 0, 0, 0, 7, format, 0, 0); // no columns: clients know better
}

function copy_fail(): Uint8Array {
  const writer = new ByteWriter();
  encode_copy_fail(writer, "its data cannot be sent to PGlite");
  return writer.take();
}

/** Size of the first message; more than there is if that is unknown. */
function size_of(bytes: Uint8Array, has_tag: boolean): number {
  const tag = has_tag ? 1 : 0;
  if (bytes.length < tag + 4) return Infinity;
  const length = view_of(bytes).getInt32(tag);
  if (length >= (has_tag ? 4 : 8)) return tag + length;
  throw new OperationalError(
    `cannot read a message: its length must be 4 or more, but is ${length}`,
  );
}

function view_of(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function end_of_cstring(message: Uint8Array, start: number): number {
  return message.indexOf(0, start) + 1;
}

function cstring(message: Uint8Array, start: number): string {
  return text.decode(message.subarray(start, end_of_cstring(message, start) - 1));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
