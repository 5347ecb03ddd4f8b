/**
 * Every message to the server, written into a buffer that may hold others before it.
 *
 * Law: lengths and counts are checked, for one that wraps would let a value's
 * bytes pass for messages. On a throw the caller truncates the writer to where
 * the request began.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { InterfaceError, ProgrammingError } from "../errors.ts";
import type { Format } from "./backend.ts";
import { FrontendTag } from "./tags.ts";

/** Most parameters of a statement: Bind counts them in 16 bits. */
export const MAX_PARAMETERS = 65_535;

// In place of a protocol version: src/include/libpq/pqcomm.h.
const CANCEL_REQUEST_CODE = 80_877_102;
const SSL_REQUEST_CODE = 80_877_103;

/** A prepared statement, or a portal. */
export type NamedKind = "statement" | "portal";

/** Where Bind's parameters come from. */
export interface ParameterSource {
  /** How many there are. */
  readonly parameter_count: number;
  /** Writes the length and value of parameter `index` (from 0), or -1 for NULL; returns its format. */
  write_parameter(writer: ByteWriter, index: number): Format;
}

/**
 * StartupMessage.
 *
 * @param parameters `user`, `database` and settings, by name.
 * @throws {InterfaceError} If a name or value cannot be sent; nothing was written then.
 */
export function encode_startup(
  writer: ByteWriter,
  protocol_version: number,
  parameters: ReadonlyMap<string, string>,
): void {
  for (const [name, value] of parameters) check_startup_parameter(name, value);
  const mark = writer.begin_untagged();
  writer.i32(protocol_version);
  for (const [name, value] of parameters) {
    writer.cstring(name);
    writer.cstring(value);
  }
  writer.u8(0);
  writer.end(mark);
}

/** SSLRequest: may we speak TLS? */
export function encode_ssl_request(writer: ByteWriter): void {
  writer.i32(8);
  writer.i32(SSL_REQUEST_CODE);
}

/** CancelRequest, the only message of a connection of its own. */
export function encode_cancel_request(
  writer: ByteWriter,
  pid: number,
  secret_key: Uint8Array,
): void {
  const mark = writer.begin_untagged();
  writer.i32(CANCEL_REQUEST_CODE);
  writer.i32(pid);
  writer.raw(secret_key);
  writer.end(mark);
}

/** PasswordMessage: the password, or its MD5 response. Must hold no NUL. */
export function encode_password(writer: ByteWriter, password: string): void {
  const mark = writer.begin(FrontendTag.Password);
  writer.cstring(password);
  writer.end(mark);
}

/** SASLInitialResponse: the mechanism chosen, and the first message in it. */
export function encode_sasl_initial(writer: ByteWriter, mechanism: string, data: string): void {
  const mark = writer.begin(FrontendTag.Password);
  writer.cstring(mechanism);
  const value = writer.begin_value();
  writer.text(data);
  writer.end_value(value);
  writer.end(mark);
}

/** SASLResponse. */
export function encode_sasl_response(writer: ByteWriter, data: string): void {
  const mark = writer.begin(FrontendTag.Password);
  writer.text(data);
  writer.end(mark);
}

/** Query: statements to run in the simple protocol. */
export function encode_query(writer: ByteWriter, sql: string): void {
  const mark = writer.begin(FrontendTag.Query);
  writer.cstring(sql);
  writer.end(mark);
}

/**
 * Parse.
 *
 * @param name The statement's name; empty: the unnamed one.
 * @param oids Types of the first parameters; 0, or one left out: the server infers it.
 * @throws {ProgrammingError} If there are too many parameters.
 */
export function encode_parse(
  writer: ByteWriter,
  name: string,
  sql: string,
  oids: readonly number[],
): void {
  check_parameter_count(oids.length);
  const mark = writer.begin(FrontendTag.Parse);
  writer.cstring(name);
  writer.cstring(sql);
  writer.i16(oids.length);
  for (const oid of oids) writer.i32(oid);
  writer.end(mark);
}

/**
 * Bind.
 *
 * @param result_formats Of each column; of all, if one; empty: text.
 * @throws {ProgrammingError} If there are too many parameters.
 */
export function encode_bind(
  writer: ByteWriter,
  portal: string,
  statement: string,
  parameters: ParameterSource,
  result_formats: readonly Format[],
): void {
  const count = parameters.parameter_count;
  check_parameter_count(count);
  const mark = writer.begin(FrontendTag.Bind);
  writer.cstring(portal);
  writer.cstring(statement);
  writer.i16(count);
  const formats = writer.length;
  for (let i = 0; i < count; i++) writer.i16(0); // each is known only once its value is written
  writer.i16(count);
  for (let i = 0; i < count; i++) {
    const format = parameters.write_parameter(writer, i);
    if (format !== 0) writer.patch_i16(formats + 2 * i, format);
  }
  writer.i16(result_formats.length);
  for (const format of result_formats) writer.i16(format);
  writer.end(mark);
}

/** Describe. */
export function encode_describe(writer: ByteWriter, kind: NamedKind, name: string): void {
  encode_named(writer, FrontendTag.Describe, kind, name);
}

/** Execute. `max_rows` 0: all of them. */
export function encode_execute(writer: ByteWriter, portal: string, max_rows: number): void {
  const mark = writer.begin(FrontendTag.Execute);
  writer.cstring(portal);
  writer.i32(max_rows);
  writer.end(mark);
}

/** Close. That there is no such statement or portal is no error. */
export function encode_close(writer: ByteWriter, kind: NamedKind, name: string): void {
  encode_named(writer, FrontendTag.Close, kind, name);
}

/** Sync: ends the group, and the transaction where none was begun. */
export function encode_sync(writer: ByteWriter): void {
  encode_bare(writer, FrontendTag.Sync);
}

/** Terminate. The server closes. */
export function encode_terminate(writer: ByteWriter): void {
  encode_bare(writer, FrontendTag.Terminate);
}

/** CopyData. Where it is cut means nothing. */
export function encode_copy_data(writer: ByteWriter, data: Uint8Array): void {
  const mark = writer.begin(FrontendTag.CopyData);
  writer.raw(data);
  writer.end(mark);
}

/** CopyDone: all data was sent. */
export function encode_copy_done(writer: ByteWriter): void {
  encode_bare(writer, FrontendTag.CopyDone);
}

/** CopyFail. `reason` comes back in the server's error; what of it cannot be sent is left out. */
export function encode_copy_fail(writer: ByteWriter, reason: string): void {
  const mark = writer.begin(FrontendTag.CopyFail);
  writer.cstring(reason.replaceAll("\0", "").toWellFormed());
  writer.end(mark);
}

function encode_named(writer: ByteWriter, tag: number, kind: NamedKind, name: string): void {
  const mark = writer.begin(tag);
  writer.u8(kind === "statement" ? 0x53 : 0x50); // S, P
  writer.cstring(name);
  writer.end(mark);
}

function encode_bare(writer: ByteWriter, tag: number): void {
  writer.u8(tag);
  writer.i32(4); // the length counts itself
}

function check_parameter_count(count: number): void {
  if (count <= MAX_PARAMETERS) return;
  throw new ProgrammingError(
    `cannot bind a statement: it must have at most ${MAX_PARAMETERS} parameters, but has ${count}`,
    { hint: "pass an array and use unnest() or = any($1)", safe_to_retry: true },
  );
}

// A NUL would end the value and begin a name: `x\0user\0admin` logs in as admin.
function check_startup_parameter(name: string, value: string): void {
  const text = `${name}${value}`;
  if (name !== "" && !text.includes("\0") && name.isWellFormed() && value.isWellFormed()) return;
  const fact = name === ""
    ? "one has no name"
    : `${JSON.stringify(name)} has ${text.includes("\0") ? "a NUL" : "a lone surrogate"}`;
  throw new InterfaceError(
    `cannot connect: startup parameters must be named, well-formed and without NUL, but ${fact}`,
  );
}
