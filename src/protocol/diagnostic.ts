/**
 * The body of an ErrorResponse or NoticeResponse, as a `Diagnostic`.
 *
 * Law: whatever fields the server sends or leaves out, a diagnostic comes of it;
 * only a body that is not a list of texts is refused.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-error-fields.html
 *
 * @module
 */

import { ByteReader } from "../bytes/reader.ts";
import type { Diagnostic } from "../errors.ts";

type Mutable = { -readonly [K in keyof Diagnostic]: Diagnostic[K] };
type TextField = { [K in keyof Diagnostic]: string extends Diagnostic[K] ? K : never }[
  keyof Diagnostic
];
type NumberField = Exclude<keyof Diagnostic, TextField>;

const SEVERITY = 0x53; // S; the server translates it, but not V (9.6+)

const text_fields: ReadonlyMap<number, TextField> = by_code<TextField>({
  V: "severity",
  C: "sqlstate",
  M: "message_primary",
  D: "message_detail",
  H: "message_hint",
  q: "internal_query",
  W: "context",
  s: "schema_name",
  t: "table_name",
  c: "column_name",
  d: "datatype_name",
  n: "constraint_name",
  F: "source_file",
  L: "source_line",
  R: "source_function",
});

const number_fields: ReadonlyMap<number, NumberField> = by_code<NumberField>({
  P: "statement_position",
  p: "internal_position",
});

/**
 * Reads the fields; unknown ones are passed over, and the last of two wins.
 *
 * @param body The message's body.
 * @param name The message, for errors: `"ErrorResponse"` or `"NoticeResponse"`.
 * @throws {OperationalError} 08P01 if a text or the list has no terminator, or bytes follow it.
 */
export function decode_diagnostic(body: Uint8Array, name: string): Diagnostic {
  const reader = new ByteReader(body, name);
  const diag = empty_diagnostic();
  let translated: string | null = null;
  for (let code = reader.u8(); code !== 0; code = reader.u8()) {
    const value = reader.cstring();
    if (code === SEVERITY) translated = value;
    const text = text_fields.get(code);
    if (text !== undefined) diag[text] = value;
    const number = number_fields.get(code);
    if (number !== undefined) diag[number] = position(value);
  }
  reader.end();
  diag.severity ??= translated;
  return diag;
}

/** A position from 1; null for what is none. */
function position(text: string): number | null {
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : null;
}

function empty_diagnostic(): Mutable {
  return {
    severity: null,
    sqlstate: null,
    message_primary: null,
    message_detail: null,
    message_hint: null,
    statement_position: null,
    internal_position: null,
    internal_query: null,
    context: null,
    schema_name: null,
    table_name: null,
    column_name: null,
    datatype_name: null,
    constraint_name: null,
    source_file: null,
    source_line: null,
    source_function: null,
  };
}

function by_code<Field>(fields: Record<string, Field>): Map<number, Field> {
  return new Map(Object.entries(fields).map(([letter, field]) => [letter.charCodeAt(0), field]));
}
