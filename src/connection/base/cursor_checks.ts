/**
 * What the fetching methods of all cursors check.
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";

/** For `fetchmany()`. */
export function check_count(size: number): void {
  if (Number.isInteger(size) && size >= 0) return;
  throw new ProgrammingError(
    `cannot fetch: size must be a whole number of rows from 0, but is ${
      typeof size === "number" ? size : kind_of(size)
    }`,
  );
}

/**
 * The row that `scroll()` leads to.
 *
 * @throws {ProgrammingError} If it is not from 0 to `last`.
 */
export function check_scroll(
  value: number,
  mode: "relative" | "absolute",
  position: number,
  last: number,
): number {
  if (mode !== "relative" && mode !== "absolute") {
    throw new ProgrammingError(
      `cannot scroll: mode must be "relative" or "absolute", but is ${JSON.stringify(mode)}`,
    );
  }
  if (!Number.isInteger(value)) {
    throw new ProgrammingError(
      `cannot scroll: value must be a whole number of rows, but is ${kind_of(value)}`,
    );
  }
  const target = mode === "relative" ? position + value : value;
  if (target >= 0 && target <= last) return target;
  throw new ProgrammingError(
    `cannot scroll: the row must be from 0 to ${last}, but is ${target}`,
  );
}
