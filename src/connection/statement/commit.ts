/**
 * What only the answer to a COMMIT can tell.
 *
 * Law: a transaction that was not committed is never reported as if it were; nor
 * one of which nobody knows.
 *
 * @module
 */

import {
  type Diagnostic,
  OperationalError,
  TimeoutError,
  TransactionRollbackError,
} from "../../errors.ts";
import { server_error } from "../../server_error.ts";

const CHAINS = /\band\s+chain\b/i;

/**
 * Whether a statement with this tag ended a transaction, though another may have begun in the same
 * moment, as after `COMMIT AND CHAIN`. ROLLBACK is the tag of `ROLLBACK TO SAVEPOINT`, too.
 */
export function ends_transaction(command_tag: string, sql: string): boolean {
  return command_tag === "COMMIT" || (command_tag === "ROLLBACK" && CHAINS.test(sql));
}

/**
 * The server answers COMMIT in a failed transaction with ROLLBACK, and no error.
 *
 * @param failure The first error in the transaction; null where it is not known.
 */
export function rolled_back(failure: Diagnostic | null): TransactionRollbackError {
  return new TransactionRollbackError(
    "cannot commit: the transaction had failed, so the server rolled it back",
    {
      sqlstate: "40000",
      detail: failure && `its first error was: ${failure.message_primary}`,
      ...(failure && { cause: server_error(failure, null) }),
    },
  );
}

/** The connection was lost when the answer to COMMIT was due. */
export function commit_unknown(cause: OperationalError): OperationalError {
  return new OperationalError(
    "the outcome of COMMIT is unknown: the connection was lost before the server answered",
    { sqlstate: "08007", cause },
  );
}

/** The caller gave up waiting for the answer to COMMIT. */
export function commit_unanswered(cause: TimeoutError): TimeoutError {
  return new TimeoutError(
    "the outcome of the transaction is unknown: the server must answer in time, but has not",
    { sqlstate: "08007", cause },
  );
}
