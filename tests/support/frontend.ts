/**
 * Messages of a client, as a scripted server reads them.
 *
 * Law: strict and independent of src/, so that what our encoder gets wrong fails here.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 *
 * @module
 */

/** A message of the client, by its tag; those that begin a connection have none. */
export type FrontendMessage =
  | {
    readonly tag: "startup";
    readonly version: number;
    readonly parameters: Readonly<Record<string, string>>;
  }
  | { readonly tag: "ssl" }
  | { readonly tag: "cancel"; readonly pid: number; readonly secret_key: Uint8Array }
  | {
    readonly tag: "B";
    readonly portal: string;
    readonly statement: string;
    readonly formats: readonly number[];
    readonly values: readonly (Uint8Array | null)[];
    readonly result_formats: readonly number[];
  }
  | { readonly tag: "C"; readonly kind: string; readonly name: string }
  | { readonly tag: "D"; readonly kind: string; readonly name: string }
  | { readonly tag: "E"; readonly portal: string; readonly max_rows: number }
  | { readonly tag: "H" }
  | {
    readonly tag: "P";
    readonly name: string;
    readonly sql: string;
    readonly oids: readonly number[];
  }
  | { readonly tag: "Q"; readonly sql: string }
  | { readonly tag: "S" }
  | { readonly tag: "X" }
  | { readonly tag: "c" }
  | { readonly tag: "d"; readonly data: Uint8Array }
  | { readonly tag: "f"; readonly reason: string }
  | { readonly tag: "p"; readonly data: Uint8Array };

/** All tags. */
export type FrontendTag = FrontendMessage["tag"];

/** The message with one tag. */
export type Frontend<Tag extends FrontendTag> = Extract<FrontendMessage, { tag: Tag }>;

const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Turns chunks into messages. */
export class FrontendReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #started = false;

  /** Takes a copy of the next chunk. */
  push(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined;
  }

  /** The next message; null when it needs more bytes. */
  next(): FrontendMessage | null {
    const header = this.#started ? 5 : 4; // tag + length
    if (this.#bytes.length < header) return null;
    const length = new Fields(this.#bytes.subarray(header - 4)).i32();
    if (length < 4) throw new Error(`the client sent a message of length ${length}`);
    const end = header - 4 + length;
    if (this.#bytes.length < end) return null;
    const fields = new Fields(this.#bytes.subarray(header, end));
    const message = this.#started ? tagged(this.#bytes[0]!, fields) : untagged(fields);
    fields.end();
    this.#bytes = this.#bytes.subarray(end); // never written to again
    if (message.tag === "startup") this.#started = true;
    return message;
  }
}

/** The text of a PasswordMessage. */
export function password_of({ data }: Frontend<"p">): string {
  const fields = new Fields(data);
  const password = fields.cstring();
  fields.end();
  return password;
}

/** The mechanism and first message of a SASLInitialResponse. */
export function sasl_initial_of({ data }: Frontend<"p">): { mechanism: string; data: string } {
  const fields = new Fields(data);
  const initial = { mechanism: fields.cstring(), data: text_of(fields.value()!) };
  fields.end();
  return initial;
}

/** Bytes as the text they are. */
export function text_of(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function untagged(fields: Fields): FrontendMessage {
  const code = fields.i32();
  if (code === SSL_REQUEST) return { tag: "ssl" };
  if (code === CANCEL_REQUEST) {
    return { tag: "cancel", pid: fields.i32(), secret_key: fields.rest() };
  }
  const parameters: Record<string, string> = {};
  for (let name = fields.cstring(); name !== ""; name = fields.cstring()) {
    parameters[name] = fields.cstring();
  }
  return { tag: "startup", version: code, parameters };
}

function tagged(code: number, fields: Fields): FrontendMessage {
  const tag = String.fromCharCode(code);
  switch (tag) {
    case "B":
      return {
        tag,
        portal: fields.cstring(),
        statement: fields.cstring(),
        formats: fields.list(() => fields.u16()),
        values: fields.list(() => fields.value()),
        result_formats: fields.list(() => fields.u16()),
      };
    case "C":
    case "D":
      return { tag, kind: fields.letter(), name: fields.cstring() };
    case "E":
      return { tag, portal: fields.cstring(), max_rows: fields.i32() };
    case "P":
      return {
        tag,
        name: fields.cstring(),
        sql: fields.cstring(),
        oids: fields.list(() => fields.i32() >>> 0),
      };
    case "Q":
      return { tag, sql: fields.cstring() };
    case "d":
    case "p":
      return { tag, data: fields.rest() };
    case "f":
      return { tag, reason: fields.cstring() };
    case "H":
    case "S":
    case "X":
    case "c":
      return { tag };
  }
  throw new Error(`the client sent a message with the unknown tag ${JSON.stringify(tag)}`);
}

/** The fields of one message, each taken once and in order. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  i32(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4);
  }

  letter(): string {
    this.#at += 1;
    return String.fromCharCode(this.#view.getUint8(this.#at - 1));
  }

  cstring(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new Error("the client sent a text without terminator");
    const text = text_of(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  value(): Uint8Array | null {
    const size = this.i32();
    if (size === -1) return null;
    if (size < 0 || size > this.#bytes.length - this.#at) {
      throw new Error(`the client sent a value of ${size} bytes that is not there`);
    }
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  list<T>(item: () => T): T[] {
    const count = this.u16();
    const items: T[] = [];
    while (items.length < count) items.push(item());
    return items;
  }

  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return rest;
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left !== 0) throw new Error(`the client sent a message with ${left} bytes too many`);
  }
}
