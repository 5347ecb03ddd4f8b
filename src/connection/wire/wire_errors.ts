/**
 * What a Wire tells the callers whose exchanges it cannot finish.
 *
 * @module
 */

import { type Diagnostic, InterfaceError, OperationalError, TimeoutError } from "../../errors.ts";
import { server_message } from "../../server_error.ts";
import type { Fifo } from "../base/fifo.ts";
import type { Exchange } from "./exchange.ts";

/** The wire was closed in good order, when nobody was waiting; one for all, as errors are dear to make. */
export const CLOSED: OperationalError = was_closed();

/** The wire was closed. */
export function was_closed(): OperationalError {
  return new OperationalError("the connection was closed");
}

/** For what runs on a connection that its user closes. */
export function user_closed(): InterfaceError {
  return new InterfaceError("cannot go on with the statement: the connection was closed");
}

/** The server ends the session, whatever was asked. */
export function fatal(diag: Diagnostic): OperationalError {
  return new OperationalError(server_message(diag, null), { diag });
}

/** The connection was dropped, as it was not known what a cancel would hit. */
export function not_canceled(cause: unknown): OperationalError {
  return new OperationalError(
    "the connection was given up: a statement on it could not be cancelled",
    { cause },
  );
}

/** The socket ended, or failed. */
export function broken(cause: unknown): OperationalError {
  return new OperationalError("the connection to the server was lost", {
    sqlstate: "08006",
    ...(cause === undefined ? { detail: "the server closed it" } : { cause }),
  });
}

/**
 * For whoever else was on a wire that is lost: his own, as its stack is his; and of the server's words
 * only those that are not about the statement that ran.
 */
export function also_lost(error: OperationalError): OperationalError {
  const { message, sqlstate, cause, diag } = error;
  if (diag === null) return new OperationalError(message, { sqlstate, cause });
  const own = { ...diag, context: null, internal_query: null, internal_position: null };
  return new OperationalError(server_message(own, null), { diag: own });
}

/** For what would wait for the caller of `tenant`, which may wait for this in turn. */
export function occupied(tenant: string): InterfaceError {
  return new InterfaceError(
    `cannot run the statement: one connection runs one thing at a time, but ${tenant} is open on it`,
    {
      hint: "use a second connection, or in the case of a stream a transaction",
      safe_to_retry: true,
    },
  );
}

/** For what was not sent when the wire was lost; or, if not `safe_to_retry`, goes on with what was. */
export function too_late(
  cause: OperationalError,
  action = "run the statement",
  safe_to_retry = true,
): OperationalError {
  return new OperationalError(`cannot ${action}: the connection is lost`, {
    sqlstate: cause.sqlstate,
    safe_to_retry,
    cause,
  });
}

/**
 * For a caller whose deadline passed.
 *
 * @param held What is not sent yet.
 */
export function timed_out(
  exchange: Exchange<unknown>,
  held: Fifo<Exchange<unknown>>,
): TimeoutError {
  const seconds = Number(exchange.timeout.toFixed(3)); // less than was given, after a wait in a pool
  return new TimeoutError(
    `cannot finish the statement: it must end within ${seconds} s, but has not`,
    { safe_to_retry: held.has(exchange) },
  );
}

/** Far more, and far longer, settings than any server reports. */
const MAX_PARAMETERS = 1000;
const MAX_PARAMETER_LENGTH = 1 << 20;

/** For settings that would take memory without bound; null where they do not. */
export function refused_parameters(count: number, last_value: string): OperationalError | null {
  if (count <= MAX_PARAMETERS && last_value.length <= MAX_PARAMETER_LENGTH) return null;
  return new OperationalError(
    "cannot go on with the connection: the settings that the server reports must be " +
      `${MAX_PARAMETERS} at most, and of ${MAX_PARAMETER_LENGTH} characters, but are not`,
    { sqlstate: "08P01" },
  );
}

/** Text would be misread from here on, and what is sent be taken for other text. */
export function other_encoding(name: string): OperationalError {
  return new OperationalError(
    `cannot go on with the connection: client_encoding must be UTF8, but was set to ${name}`,
    { hint: "convert_to() and convert_from() give and take bytes in other encodings" },
  );
}
