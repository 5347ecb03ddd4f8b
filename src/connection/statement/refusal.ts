/**
 * What the server refuses when a statement is parsed or bound, before it runs.
 *
 * Law: a value that does not fit is told in the same words whoever noticed it: its place, its type
 * and its kind. A refusal that may be due to what was known of the statement, and no longer is
 * true, is told apart from one that would come again.
 *
 * @module
 */

import { ByteWriter } from "../../bytes/writer.ts";
import { kind_of } from "../../codecs/kinds.ts";
import { DatabaseError, DataError, type Diagnostic, NotSupportedError } from "../../errors.ts";
import { server_error, server_message } from "../../server_error.ts";
import { check_parameter_count, write_parameter } from "./parameters.ts";
import type { PreparedStatement } from "./statements.ts";

/** What was refused. */
export interface Refused {
  readonly statement: PreparedStatement;
  readonly values: readonly unknown[];
  /** Whether the statement was known before it was sent. */
  readonly was_known: boolean;
  /** Whether the values were taken, so that the statement may have run. */
  readonly bound: boolean;
}

/** SQLSTATEs of values that their type, or a domain's constraint, refuses. */
const VALUE_REFUSED = /^2[23]/;
/** A parameter's place, in the last lines of an error's context: `unnamed portal parameter $1`, no quoted SQL. */
const PLACE = /^(?:[^]*\n)?(?:[^"$\n]|"[^"\n]*")*\$(\d+)/;
/** What a statement may meet whose tables, types or functions are no longer as they were. */
const CHANGED = /^(42|XX)/;
/** Read composite values; refuse what has other attributes than the type. */
const RECORD_READERS: ReadonlySet<string> = new Set(["record_in", "record_recv"]);

/**
 * The error to throw for what the server said.
 *
 * @param is_left Whether it is not parsed once more only because others were sent behind it.
 */
export function explain(error: unknown, refused: Refused, is_left: boolean = false): unknown {
  const { statement, values, bound } = refused;
  if (!(error instanceof DatabaseError) || error.diag === null) return error;
  const { diag, query, sqlstate } = error;
  if (!bound && statement.parameter_oids !== null) {
    if (is_value_refused(error)) return explain_value(error, diag, refused);
    const miscounted = sqlstate === "08P01" ? miscount(statement, values) : undefined;
    if (miscounted !== undefined) return miscounted;
  }
  if (is_left) return server_error(diag, query, "run it again: others were sent behind it");
  return is_stale(error, refused) ? outdated(diag, query, error) : error;
}

/** What the server says of it depends on how the statement was sent. */
function outdated(diag: Diagnostic, query: string | null, cause: DatabaseError): DatabaseError {
  const hint = "it is no longer as it was when it was prepared: roll back, and run it again";
  if (cause.sqlstate !== "08P01") return server_error(diag, query, hint);
  return new NotSupportedError("cannot run the statement: its result has other columns now", {
    diag: { ...diag, sqlstate: "0A000" },
    query,
    hint,
    cause,
  });
}

/** Whether the server refused a value, or something that looks like it. */
export function is_value_refused(error: unknown): boolean {
  if (!(error instanceof DatabaseError) || error.diag === null) return false;
  const { sqlstate, context } = error.diag;
  // Some types have codes of other classes for it: those of hstore, jsonpath or regclass say 42.
  return VALUE_REFUSED.test(sqlstate ?? "") || PLACE.test(context ?? "");
}

/** Whether to forget the statement, and parse it once more. */
export function is_stale(error: unknown, refused: Refused): boolean {
  if (!(error instanceof DatabaseError) || error.diag === null) return false;
  if (error.sqlstate === "26000") return true; // forgotten: DISCARD, a pooler
  // The unnamed statement was parsed anew, and no longer has the columns it was bound for.
  const { name, described } = refused.statement;
  if (error.sqlstate === "08P01") return name === "" && described;
  return is_changed(error, refused);
}

/** Whether what a statement is made of, or its result, is no longer as it was when it was prepared. */
export function is_changed(error: unknown, { statement, was_known, bound }: Refused): boolean {
  if (!(error instanceof DatabaseError) || error.diag === null) return false;
  const { sqlstate, diag } = error;
  if (sqlstate === "0A000") return diag.source_function === "RevalidateCachedQuery";
  if (bound) return false;
  if (was_known) return CHANGED.test(sqlstate ?? "");
  // A pooler that shares what is named may have parsed it long ago.
  return statement.name !== "" && sqlstate === "XX000";
}

/** Whether a composite value was refused, as when its type was altered. */
export function is_altered(error: unknown, { was_known, bound }: Refused): boolean {
  if (!was_known || bound || !(error instanceof DatabaseError)) return false;
  return RECORD_READERS.has(error.diag?.source_function ?? "");
}

function miscount(statement: PreparedStatement, values: readonly unknown[]): unknown {
  try {
    check_parameter_count(statement.parameter_oids!.length, values.length);
  } catch (error) {
    return error;
  }
}

/** In the words of the codec that would not have sent the value, else in the server's. */
function explain_value(error: DatabaseError, diag: Diagnostic, refused: Refused): DatabaseError {
  const { statement, values } = refused;
  const info = { diag, query: statement.sql };
  const place = PLACE.exec(diag.context ?? "")?.[1]; // not every server tells
  const index = Number(place) - 1;
  const suspects = place === undefined ? values.keys() : [index];
  for (const i of suspects) {
    const fault = fault_of(refused, i);
    if (fault !== null) return new DataError(fault.message, { ...info, cause: fault });
  }
  if (place === undefined || !(index in values)) return error;
  const codec = statement.parameters[index];
  const type = codec === undefined || codec.oid === 0 ? "" : ` as ${codec.name}`;
  const said = server_message({ ...diag, context: null }, statement.sql);
  return new (error.constructor as typeof DatabaseError)(
    `cannot bind $${index + 1}${type}, given as ${kind_of(values[index])}: ${said}`,
    info,
  );
}

/** What the codec of a parameter has against its value; null if nothing. */
function fault_of({ statement, values }: Refused, index: number): DataError | null {
  try {
    write_parameter(new ByteWriter(), index, values[index], statement.parameters[index]);
    return null;
  } catch (fault) {
    return fault instanceof DataError ? fault : null;
  }
}
