/**
 * Messages of a server, by hand: each function gives the bytes of one.
 *
 * Law: nothing of src/ is used, so that a test of the decoder cannot agree with
 * its own mistake; and nothing is checked, so that a lie can be built as well.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 *
 * @module
 */

/** A piece of a message: text is UTF-8 without terminator. */
export type Part = Uint8Array | string;

/** The columns of a row description; all but the name may be left out. */
export interface ColumnSketch {
  readonly name: string;
  /** Default: 0. */
  readonly table_oid?: number;
  /** Default: 0. */
  readonly column_number?: number;
  /** Default: 25, text. */
  readonly type_oid?: number;
  /** Default: -1. */
  readonly type_size?: number;
  /** Default: -1. */
  readonly type_modifier?: number;
  /** Default: 0. */
  readonly format?: number;
}

/** What a start-up says. */
export interface StartupSketch {
  /** Default: 4242. */
  readonly pid?: number;
  /** Default: 32 bytes, as in protocol 3.2. */
  readonly secret_key?: Uint8Array;
  /** In place of the defaults of the same name. */
  readonly parameters?: Readonly<Record<string, string>>;
}

const utf8 = new TextEncoder();

/** Bytes one after the other. */
export function concat(...parts: readonly Part[]): Uint8Array {
  const bytes = parts.map((part) => typeof part === "string" ? utf8.encode(part) : part);
  const whole = new Uint8Array(bytes.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A 16-bit integer. */
export function i16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

/** A 32-bit integer. */
export function i32(value: number): Uint8Array {
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
}

/** Text with its terminator. */
export function cstring(text: string): Uint8Array {
  return concat(text, "\0");
}

/** A message with the right length. */
export function message(tag: string, ...body: readonly Part[]): Uint8Array {
  const bytes = concat(...body);
  return concat(tag, i32(bytes.length + 4), bytes);
}

/** AuthenticationOk. */
export function auth_ok(): Uint8Array {
  return auth(0);
}

/** AuthenticationCleartextPassword. */
export function auth_cleartext(): Uint8Array {
  return auth(3);
}

/** AuthenticationMD5Password. */
export function auth_md5(salt: Uint8Array): Uint8Array {
  return auth(5, salt);
}

/** AuthenticationSASL. */
export function auth_sasl(...mechanisms: readonly string[]): Uint8Array {
  return auth(10, ...mechanisms.map(cstring), "\0");
}

/** AuthenticationSASLContinue. */
export function auth_sasl_continue(data: Part): Uint8Array {
  return auth(11, data);
}

/** AuthenticationSASLFinal. */
export function auth_sasl_final(data: Part): Uint8Array {
  return auth(12, data);
}

/** Any authentication message. */
export function auth(code: number, ...body: readonly Part[]): Uint8Array {
  return message("R", i32(code), ...body);
}

/** BackendKeyData. */
export function backend_key(pid: number, secret_key: Uint8Array): Uint8Array {
  return message("K", i32(pid), secret_key);
}

/** BindComplete. */
export function bind_complete(): Uint8Array {
  return message("2");
}

/** CloseComplete. */
export function close_complete(): Uint8Array {
  return message("3");
}

/** CommandComplete. */
export function command_complete(command_tag: string): Uint8Array {
  return message("C", cstring(command_tag));
}

/** CopyBothResponse. */
export function copy_both(format: number, column_formats: readonly number[] = []): Uint8Array {
  return copy_response("W", format, column_formats);
}

/** CopyData. */
export function copy_data(data: Part): Uint8Array {
  return message("d", data);
}

/** CopyDone. */
export function copy_done(): Uint8Array {
  return message("c");
}

/** CopyInResponse. */
export function copy_in(format: number, column_formats: readonly number[] = []): Uint8Array {
  return copy_response("G", format, column_formats);
}

/** CopyOutResponse. */
export function copy_out(format: number, column_formats: readonly number[] = []): Uint8Array {
  return copy_response("H", format, column_formats);
}

/** DataRow. */
export function data_row(...values: readonly (Part | null)[]): Uint8Array {
  return message("D", i16(values.length), ...values.map(value));
}

/** EmptyQueryResponse. */
export function empty_query(): Uint8Array {
  return message("I");
}

/**
 * ErrorResponse of severity ERROR.
 *
 * @param more Further fields by letter, or other values for `S`, `V`, `C` and `M`.
 */
export function error_response(
  sqlstate: string,
  text: string,
  more: Readonly<Record<string, string>> = {},
): Uint8Array {
  return message("E", fields({ S: "ERROR", V: "ERROR", C: sqlstate, M: text, ...more }));
}

/** FunctionCallResponse. */
export function function_call(result: Part | null): Uint8Array {
  return message("V", value(result));
}

/** NegotiateProtocolVersion. */
export function negotiate(version: number, ...unsupported_options: readonly string[]): Uint8Array {
  return message(
    "v",
    i32(version),
    i32(unsupported_options.length),
    ...unsupported_options.map(cstring),
  );
}

/** NoData. */
export function no_data(): Uint8Array {
  return message("n");
}

/** NoticeResponse of severity NOTICE. `more` as in `error_response()`. */
export function notice(text: string, more: Readonly<Record<string, string>> = {}): Uint8Array {
  return message("N", fields({ S: "NOTICE", V: "NOTICE", C: "00000", M: text, ...more }));
}

/** NotificationResponse. */
export function notification(pid: number, channel: string, payload = ""): Uint8Array {
  return message("A", i32(pid), cstring(channel), cstring(payload));
}

/** ParameterDescription. */
export function parameter_description(...oids: readonly number[]): Uint8Array {
  return message("t", i16(oids.length), ...oids.map(i32));
}

/** ParameterStatus. */
export function parameter_status(name: string, setting: string): Uint8Array {
  return message("S", cstring(name), cstring(setting));
}

/** ParseComplete. */
export function parse_complete(): Uint8Array {
  return message("1");
}

/** PortalSuspended. */
export function portal_suspended(): Uint8Array {
  return message("s");
}

/** ReadyForQuery. */
export function ready(state = "I"): Uint8Array {
  return message("Z", state);
}

/** RowDescription; a mere name is a column of type text. */
export function row_description(...columns: readonly (ColumnSketch | string)[]): Uint8Array {
  return message("T", i16(columns.length), ...columns.map(column));
}

/** All that a server says to a user it trusts, from AuthenticationOk to ReadyForQuery. */
export function trust_startup(sketch: StartupSketch = {}): Uint8Array {
  return concat(auth_ok(), session_start(sketch));
}

/** What follows AuthenticationOk, to ReadyForQuery. */
export function session_start(sketch: StartupSketch = {}): Uint8Array {
  const { pid = 4242, secret_key = new Uint8Array(32).fill(7), parameters = {} } = sketch;
  const settings = { ...SETTINGS, ...parameters };
  return concat(
    ...Object.entries(settings).map(([name, setting]) => parameter_status(name, setting)),
    backend_key(pid, secret_key),
    ready(),
  );
}

/** As PostgreSQL 18 reports them. */
const SETTINGS = {
  in_hot_standby: "off",
  integer_datetimes: "on",
  TimeZone: "UTC",
  IntervalStyle: "postgres",
  search_path: '"$user", public',
  is_superuser: "off",
  application_name: "",
  default_transaction_read_only: "off",
  scram_iterations: "4096",
  DateStyle: "ISO, MDY",
  standard_conforming_strings: "on",
  session_authorization: "scripted",
  client_encoding: "UTF8",
  server_version: "18.4",
  server_encoding: "UTF8",
};

function fields(values: Readonly<Record<string, string>>): Uint8Array {
  return concat(...Object.entries(values).map(([code, text]) => code + text + "\0"), "\0");
}

function value(part: Part | null): Uint8Array {
  if (part === null) return i32(-1);
  const bytes = concat(part);
  return concat(i32(bytes.length), bytes);
}

function column(sketch: ColumnSketch | string): Uint8Array {
  const {
    name,
    table_oid = 0,
    column_number = 0,
    type_oid = 25,
    type_size = -1,
    type_modifier = -1,
    format = 0,
  } = typeof sketch === "string" ? { name: sketch } : sketch;
  return concat(
    cstring(name),
    i32(table_oid),
    i16(column_number),
    i32(type_oid),
    i16(type_size),
    i32(type_modifier),
    i16(format),
  );
}

function copy_response(
  tag: string,
  format: number,
  column_formats: readonly number[],
): Uint8Array {
  return message(
    tag,
    Uint8Array.of(format),
    i16(column_formats.length),
    ...column_formats.map(i16),
  );
}
