/**
 * Names and texts inside SQL: the only place that quotes.
 *
 * Law: what was given is what the server reads, whatever it contains and
 * whatever its settings are; what the server could read otherwise is refused.
 * Values that users pass never come here: they are bound.
 *
 * Source: PQescapeIdentifier and PQescapeLiteral, src/interfaces/libpq/fe-exec.c
 *
 * @module
 */

import { ProgrammingError } from "../errors.ts";

/**
 * An identifier in double quotes, always, so it is never a keyword and never folded to lower case.
 *
 * A dot is part of the name; for `schema.table` see `quote_qualified()`. The
 * server cuts names to 63 bytes.
 *
 * @throws {ProgrammingError} If `name` is empty, or not text that the server can store.
 */
export function quote_identifier(name: string): string {
  check_text("an identifier", name);
  if (name === "") throw new ProgrammingError("cannot quote an identifier: it must not be empty");
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Identifiers with dots between, such as `"schema"."table"`.
 *
 * @throws {ProgrammingError} If there are none, or as `quote_identifier()` does.
 */
export function quote_qualified(...names: readonly string[]): string {
  if (names.length === 0) {
    throw new ProgrammingError("cannot quote an identifier: it must have a part, but has none");
  }
  return names.map(quote_identifier).join(".");
}

/**
 * A text in single quotes, for the few statements that take no parameters,
 * such as `PREPARE TRANSACTION`.
 *
 * A backslash makes it `E'...'`, with a space in front, so that it is read the
 * same with `standard_conforming_strings` on and off.
 *
 * @throws {ProgrammingError} If `text` is not text that the server can store.
 */
export function quote_literal(text: string): string {
  check_text("a literal", text);
  const quoted = text.replaceAll("'", "''");
  return text.includes("\\") ? ` E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}

/** A NUL would end the statement's text; a lone surrogate has no UTF-8 and could hide a quote. */
function check_text(kind: string, text: string): void {
  let fact = "";
  if (typeof text !== "string") fact = `is of type ${typeof text}`;
  else if (text.includes("\0")) fact = "contains a NUL";
  else if (!text.isWellFormed()) fact = "contains a lone surrogate";
  if (fact === "") return;
  throw new ProgrammingError(
    `cannot quote ${kind}: it must be well-formed text, but ${fact}`,
  );
}
