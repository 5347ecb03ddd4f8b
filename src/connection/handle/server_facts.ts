/**
 * What the server says of itself, in libpq's numbers.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-status.html
 *
 * @module
 */

/** Where a transaction stands: libpq's PGTransactionStatusType. */
export const TransactionStatus = {
  /** No transaction is open. */
  idle: 0,
  /** A statement is running. */
  active: 1,
  /** In a transaction. */
  intrans: 2,
  /** In a transaction that failed. */
  inerror: 3,
  /** The connection is closed or lost. */
  unknown: 4,
} as const;

/** One of the numbers of `TransactionStatus`. */
export type TransactionStatus = typeof TransactionStatus[keyof typeof TransactionStatus];

/** Where a connection stands: psycopg2's numbers, of which these are left. */
export const ConnectionStatus = {
  /** No transaction is open. */
  ready: 1,
  /** In a transaction. */
  begin: 2,
  /** A two-phase transaction is prepared, and must be ended. */
  prepared: 5,
} as const;

/** One of the numbers of `ConnectionStatus`. */
export type ConnectionStatus = typeof ConnectionStatus[keyof typeof ConnectionStatus];

/** PQserverVersion: two parts since 10, three before. */
export function version_number(text: string): number {
  const [major = 0, minor = 0, patch = 0] = (text.match(/^\d+(\.\d+)*/)?.[0] ?? "").split(".")
    .map(Number);
  return major >= 10 ? major * 10_000 + minor : major * 10_000 + minor * 100 + patch;
}
