/**
 * What a stream sends after its first batch, and what it says when it ends early.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { InterfaceError, PgError, ProgrammingError, QueryCanceledError } from "../../errors.ts";
import { encode_close, encode_execute, encode_sync } from "../../protocol/frontend.ts";
import { encode_command } from "../statement/command.ts";
import type { Portal } from "../statement/query.ts";

const SAVEPOINT = "edgepg_stream";
/** Ends a batch that was cancelled, but not the caller's transaction. */
export const UNDO_BATCH: readonly string[] = [`ROLLBACK TO ${SAVEPOINT}`, `RELEASE ${SAVEPOINT}`];

/**
 * Asks for the next batch.
 *
 * @param guarded Whether its failure must not fail the transaction.
 */
export function write_next(writer: ByteWriter, portal: Portal, guarded: boolean): void {
  if (guarded) encode_command(writer, `SAVEPOINT ${SAVEPOINT}`);
  encode_execute(writer, portal.name, portal.max_rows);
  if (guarded) encode_command(writer, `RELEASE ${SAVEPOINT}`);
  encode_sync(writer);
}

/** Runs `commands`, and closes the portal. */
export function write_end(writer: ByteWriter, portal: Portal, commands: readonly string[]): void {
  for (const command of commands) encode_command(writer, command);
  encode_close(writer, "portal", portal.name);
  encode_sync(writer);
}

/** For who reads on when the caller's transaction has ended. */
export function ended(): ProgrammingError {
  return new ProgrammingError("cannot read on: the stream ended with its transaction");
}

/** For who reads on when the caller has left. */
export function left(): InterfaceError {
  return new InterfaceError("cannot read on: the stream was closed");
}

/** For who reads on when the connection was told to cancel. */
export function cancelled(): QueryCanceledError {
  return new QueryCanceledError("cannot read on: the stream was cancelled", { sqlstate: "57014" });
}

/** For an error about a later flight: the statement has left with the first. */
export function begun(error: unknown): unknown {
  if (error instanceof PgError && error.safe_to_retry) {
    Object.assign(error, { safe_to_retry: false });
  }
  return error;
}
