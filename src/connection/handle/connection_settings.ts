/**
 * What a connection's handle is set up with, and what it shows of the server's remarks.
 *
 * @module
 */

import type { Diagnostic } from "../../errors.ts";
import type { RowFactory } from "../../rows/factories.ts";
import type { EchoEvent, WarningEvent } from "../base/warnings.ts";
import type { CursorFactory } from "./cursor.ts";

/** A server's remark: all fields of its diagnostic. */
export type Notice = Diagnostic;

/** What a handle takes from the options of `connect()` or of its pool. */
export interface ConnectionSettings {
  /** The connection string, without its password. */
  readonly dsn: string;
  /** Default for each statement's deadline, in seconds. */
  readonly timeout: number;
  /** Whether, or where to, statements are logged. */
  readonly echo: boolean | ((event: EchoEvent) => void);
  /** The shape of rows. */
  readonly row_factory: RowFactory<unknown>;
  /** How parameters are written. */
  readonly paramstyle: "native" | "pyformat";
  /** The class of cursors; undefined: `Cursor`. */
  readonly cursor_factory?: CursorFactory | undefined;
  /** Whether its statements are of callers who know nothing of each other. Default: false. */
  readonly independent?: boolean | undefined;
  /** Receives warnings; undefined: the console. */
  readonly on_warning?: ((event: WarningEvent) => void) | undefined;
}
