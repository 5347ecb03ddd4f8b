/**
 * Every message of the server, decoded from a frame's tag and body.
 *
 * Law: a body is exactly its message. Counts are checked against the bytes that
 * are there before memory is taken for them, and bytes left over are an error.
 * Rows do not come this way but are decoded where they lie (rows/).
 *
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 *
 * @module
 */

import { ByteReader } from "../bytes/reader.ts";
import { type Diagnostic, OperationalError } from "../errors.ts";
import { type AuthenticationMessage, read_authentication } from "./authentication.ts";
import { decode_diagnostic } from "./diagnostic.ts";
import { BackendTag, PROTOCOL_3_0 } from "./tags.ts";

/** Wire format of a value: 0 is text, 1 is binary. */
export type Format = 0 | 1;

/** ReadyForQuery's word on the session: idle, in a transaction, or in a failed one. */
export type TransactionState = "I" | "T" | "E";

/** One column of a RowDescription. */
export interface ColumnDescription {
  /** The column's name; not unique. */
  readonly name: string;
  /** `pg_class.oid` of its table; 0 where it is no plain column of one. */
  readonly table_oid: number;
  /** `pg_attribute.attnum`; 0 where it is no plain column of a table. */
  readonly column_number: number;
  /** `pg_type.oid`. */
  readonly type_oid: number;
  /** `pg_type.typlen`, in bytes; negative: of variable size. */
  readonly type_size: number;
  /** `pg_attribute.atttypmod`; -1: none. */
  readonly type_modifier: number;
  /** Format of the values; 0 if the statement is not yet bound. */
  readonly format: Format;
}

/** What a COPY sends or takes. */
export interface CopyFormat {
  /** Format of the whole stream. */
  readonly format: Format;
  /** Format of each column. */
  readonly column_formats: readonly Format[];
}

/** A message that is nothing but its tag. */
export type BareName =
  | "BindComplete"
  | "CloseComplete"
  | "CopyDone"
  | "EmptyQueryResponse"
  | "NoData"
  | "ParseComplete"
  | "PortalSuspended";

/**
 * One message of the server. Byte arrays of start-up messages are copies; those of
 * CopyData, DataRow and FunctionCallResponse are views on the body.
 */
export type BackendMessage =
  | AuthenticationMessage
  | { readonly name: BareName }
  | { readonly name: "BackendKeyData"; readonly pid: number; readonly secret_key: Uint8Array }
  | { readonly name: "CommandComplete"; readonly command_tag: string }
  | { readonly name: "CopyData"; readonly data: Uint8Array }
  | { readonly name: "CopyInResponse" } & CopyFormat
  | { readonly name: "CopyOutResponse" } & CopyFormat
  | { readonly name: "CopyBothResponse" } & CopyFormat
  | { readonly name: "DataRow"; readonly values: readonly (Uint8Array | null)[] }
  | { readonly name: "ErrorResponse"; readonly diag: Diagnostic }
  | { readonly name: "FunctionCallResponse"; readonly value: Uint8Array | null }
  | {
    readonly name: "NegotiateProtocolVersion";
    /** As `0x30002`, though servers may send the minor version alone. */
    readonly version: number;
    readonly unsupported_options: readonly string[];
  }
  | { readonly name: "NoticeResponse"; readonly diag: Diagnostic }
  | {
    readonly name: "NotificationResponse";
    readonly pid: number;
    readonly channel: string;
    readonly payload: string;
  }
  | { readonly name: "ParameterDescription"; readonly oids: readonly number[] }
  | { readonly name: "ParameterStatus"; readonly parameter: string; readonly value: string }
  | { readonly name: "ReadyForQuery"; readonly state: TransactionState }
  | { readonly name: "RowDescription"; readonly columns: readonly ColumnDescription[] };

/**
 * Decodes one message, whose body is `bytes[start, end)`.
 *
 * @param tag The frame's tag.
 * @param view On the same bytes, where there is one.
 * @throws {OperationalError} 08P01 if there is no such message, or its body is malformed.
 */
export function decode_backend(
  tag: number,
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
  view?: DataView,
): BackendMessage {
  if (start === end) {
    const bare = bare_messages.get(tag);
    if (bare !== undefined) return bare;
  }
  const decoder = decoders.get(tag);
  if (decoder === undefined) throw unknown_tag(tag);
  const [name, decode] = decoder;
  const reader = new ByteReader(bytes, name, start, end, view);
  const message = decode(reader);
  reader.end();
  return message;
}

type Decode = (reader: ByteReader) => BackendMessage;

/** Those without a body: one of each will do. */
const bare_messages: Map<number, BackendMessage> = new Map();

const decoders: ReadonlyMap<number, readonly [name: string, decode: Decode]> = new Map([
  entry("Authentication", read_authentication),
  entry("BackendKeyData", (reader) => ({
    name: "BackendKeyData",
    pid: reader.i32(),
    secret_key: reader.rest().slice(),
  })),
  bare("BindComplete"),
  bare("CloseComplete"),
  entry("CommandComplete", (reader) => ({
    name: "CommandComplete",
    command_tag: reader.cstring(),
  })),
  entry("CopyBothResponse", (reader) => ({
    name: "CopyBothResponse",
    ...read_copy_format(reader),
  })),
  entry("CopyData", (reader) => ({ name: "CopyData", data: reader.rest() })),
  bare("CopyDone"),
  entry("CopyInResponse", (reader) => ({ name: "CopyInResponse", ...read_copy_format(reader) })),
  entry("CopyOutResponse", (reader) => ({ name: "CopyOutResponse", ...read_copy_format(reader) })),
  entry("DataRow", (reader) => ({ name: "DataRow", values: read_values(reader) })),
  bare("EmptyQueryResponse"),
  entry("ErrorResponse", (reader) => ({
    name: "ErrorResponse",
    diag: decode_diagnostic(reader.rest(), "ErrorResponse"),
  })),
  entry("FunctionCallResponse", (reader) => ({
    name: "FunctionCallResponse",
    value: read_value(reader),
  })),
  entry("NegotiateProtocolVersion", read_negotiation),
  bare("NoData"),
  entry("NoticeResponse", (reader) => ({
    name: "NoticeResponse",
    diag: decode_diagnostic(reader.rest(), "NoticeResponse"),
  })),
  entry("NotificationResponse", (reader) => ({
    name: "NotificationResponse",
    pid: reader.i32(),
    channel: reader.cstring(),
    payload: reader.cstring(),
  })),
  entry("ParameterDescription", (reader) => ({
    name: "ParameterDescription",
    oids: read_list(reader, reader.u16(), 4, () => reader.u32()),
  })),
  entry("ParameterStatus", (reader) => ({
    name: "ParameterStatus",
    parameter: reader.cstring(),
    value: reader.cstring(),
  })),
  bare("ParseComplete"),
  bare("PortalSuspended"),
  entry("ReadyForQuery", read_ready),
  entry("RowDescription", (reader) => ({ name: "RowDescription", columns: read_columns(reader) })),
]);

function entry(
  name: keyof typeof BackendTag,
  decode: Decode,
): [tag: number, decoder: readonly [name: string, decode: Decode]] {
  return [BackendTag[name], [name, decode]];
}

function bare(name: BareName): ReturnType<typeof entry> {
  const message = Object.freeze({ name });
  bare_messages.set(BackendTag[name], message);
  return entry(name, () => message);
}

function read_negotiation(reader: ByteReader): BackendMessage {
  const version = reader.i32();
  const unsupported_options = read_list(reader, reader.i32(), 1, () => reader.cstring());
  return {
    name: "NegotiateProtocolVersion",
    version: version >= 0 && version < 0x10000 ? PROTOCOL_3_0 + version : version,
    unsupported_options,
  };
}

function read_columns(reader: ByteReader): ColumnDescription[] {
  // 19: the name's terminator, then 4 + 2 + 4 + 2 + 4 + 2
  return read_list(reader, reader.u16(), 19, () => ({
    name: reader.cstring(),
    table_oid: reader.u32(),
    column_number: reader.i16(),
    type_oid: reader.u32(),
    type_size: reader.i16(),
    type_modifier: reader.i32(),
    format: read_format(reader, reader.u16()),
  }));
}

function read_copy_format(reader: ByteReader): CopyFormat {
  const format = read_format(reader, reader.u8());
  const column_formats = read_list(
    reader,
    reader.u16(),
    2,
    () => read_format(reader, reader.u16()),
  );
  return { format, column_formats };
}

function read_values(reader: ByteReader): (Uint8Array | null)[] {
  return read_list(reader, reader.u16(), 4, () => read_value(reader));
}

function read_value(reader: ByteReader): Uint8Array | null {
  const size = reader.i32();
  return size === -1 ? null : reader.raw(size);
}

/** `count` items that take at least `min_size` bytes each. */
function read_list<T>(reader: ByteReader, count: number, min_size: number, read: () => T): T[] {
  if (count < 0 || count * min_size > reader.left) {
    throw reader.malformed(`it counts ${count} items where ${reader.left} bytes are left`);
  }
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

function read_format(reader: ByteReader, code: number): Format {
  if (code !== 0 && code !== 1) throw reader.malformed(`${code} is not a format`);
  return code;
}

const ready_messages: ReadonlyMap<number, BackendMessage> = new Map(
  (["I", "T", "E"] as const).map((state) => [
    state.charCodeAt(0),
    Object.freeze({ name: "ReadyForQuery", state }),
  ]),
);

function read_ready(reader: ByteReader): BackendMessage {
  const code = reader.u8();
  const message = ready_messages.get(code);
  if (message === undefined) throw reader.malformed(`${code} is not a transaction state`);
  return message;
}

function unknown_tag(tag: number): OperationalError {
  return new OperationalError(
    `cannot read a message: its tag must be one of the protocol's, but is ` +
      `0x${tag.toString(16).padStart(2, "0")}`,
    { hint: "something other than a PostgreSQL server may be answering", sqlstate: "08P01" },
  );
}
