/**
 * What a workload can ask of a client, whichever one it is.
 *
 * Law: every client is used as its own documentation says, with prepared
 * statements where it has them. What a client cannot do, it leaves out.
 *
 * @module
 */

/** A statement's text, with `$1` for its parameters. */
export type Query = string;

/** A client of PostgreSQL. */
export interface Peer {
  /** As the table of results shows it. */
  readonly name: string;
  /** Opens one connection. */
  open(url: string): Promise<Link>;
  /**
   * Opens a pool of `size` connections.
   *
   * @param reset Whether what a borrower left is undone before the next one; only edgepg can.
   */
  open_pool?(url: string, size: number, reset: boolean): Promise<Lender>;
}

/** One connection. What is null for the floor, which decodes nothing, is not compared. */
export interface Link {
  /** All rows as objects, by a prepared statement. */
  rows?(query: Query, values?: readonly unknown[]): Promise<readonly unknown[] | null>;
  /** All rows as arrays, by a prepared statement. */
  tuples?(query: Query): Promise<readonly unknown[] | null>;
  /** The rows of a statement that is never run again. */
  rows_once?(query: Query): Promise<readonly unknown[] | null>;
  /** Shows every row, with no more than about `batch` of them in memory. */
  stream?(query: Query, batch: number, see: (row: unknown) => void): Promise<void>;
  /** Runs a statement for each set of values, all in one transaction. */
  run_many?(query: Query, sets: readonly (readonly unknown[])[]): Promise<void>;
  /** Inserts rows into the table `target` in the way that is meant for many. */
  insert_rows?(rows: readonly (readonly unknown[])[]): Promise<void>;
  /** Runs a COPY TO STDOUT and counts its bytes. */
  copy_out?(query: Query): Promise<number | null>;
  /** Runs a COPY FROM STDIN. */
  copy_in?(query: Query, chunks: readonly Uint8Array[]): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** A pool. Both ways of running a statement return its rows; the floor, none. */
export interface Lender {
  /** Runs it on a connection that is borrowed for it. */
  borrowed(query: Query, values: readonly unknown[]): Promise<readonly unknown[]>;
  /** Runs it by a call of the pool itself. */
  one_shot?(query: Query, values: readonly unknown[]): Promise<readonly unknown[]>;
  /** Ends all connections. */
  close(): Promise<void>;
}
