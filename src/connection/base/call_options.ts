/**
 * What every call takes besides its statement.
 *
 * @module
 */

import type { Codec } from "../../codecs/codec.ts";
import type { RowFactory } from "../../rows/factories.ts";

/**
 * Values of a statement's parameters: an array for `$1` (and for `%s`), an object
 * for `%(name)s` where the paramstyle is `"pyformat"`.
 */
export type Params = readonly unknown[] | object | null | undefined;

/** How long a call may take, and how it is given up. */
export interface CallOptions {
  /** Seconds from the call; then `TimeoutError`. Default: the connection's `timeout`. `Infinity`: none. */
  readonly timeout?: number | undefined;
  /**
   * Gives the call up: it rejects with the signal's reason, and the statement is cancelled. Of statements
   * that were issued at once, a cancel may find the next one running, which is a `QueryCanceledError`.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How one statement runs, but for the shape of its rows. */
export interface StatementOptions extends CallOptions {
  /**
   * Conversions for this statement, in front of those of the connection. Statements with the same array
   * are prepared once; each other array makes them others.
   */
  readonly codecs?: readonly Codec[] | undefined;
}

/** How one statement runs. */
export interface QueryOptions<R> extends StatementOptions {
  /** The shape of its rows. Default: the connection's `row_factory`. */
  readonly row_factory?: RowFactory<R> | undefined;
}

/** With a row factory, which says of what type the rows are. */
export interface ShapedOptions<R> extends StatementOptions {
  /** The shape of its rows. */
  readonly row_factory: RowFactory<R>;
}
