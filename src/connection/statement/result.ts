/**
 * What a statement returned.
 *
 * @module
 */

import type { Column } from "../../rows/column.ts";

/** Rows and what the server said of them. */
export class Result<R> {
  /** The rows, in the shape of the row factory. Empty for statements that return none. */
  readonly rows: R[];
  /** Rows returned or changed; -1 where the server does not count. */
  readonly rowcount: number;
  /** The command tag, such as `INSERT 0 1`; null for an empty statement. */
  readonly statusmessage: string | null;
  /** The columns; null for statements that return no rows. */
  readonly description: readonly Column[] | null;

  /**
   * Results are made by `execute()`.
   *
   * @param statusmessage Its last word is the number of rows, where the server counts.
   * @param rowcount Default: that number.
   */
  constructor(
    rows: R[],
    statusmessage: string | null,
    description: readonly Column[] | null,
    rowcount: number = count_of(statusmessage),
  ) {
    this.rows = rows;
    this.rowcount = rowcount;
    this.statusmessage = statusmessage;
    this.description = description;
  }
}

/** The number at the end of a command tag; -1 where there is none. */
export function count_of(command_tag: string | null): number {
  if (command_tag === null) return -1;
  const digits = command_tag.slice(command_tag.lastIndexOf(" ") + 1);
  const count = digits === "" ? NaN : Number(digits);
  return Number.isInteger(count) ? count : -1;
}
