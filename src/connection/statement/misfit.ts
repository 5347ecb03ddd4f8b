/**
 * The error for a value that does not fit its type.
 *
 * Law: it names the place, the type and the kind of the value, and never the value.
 *
 * @module
 */

import { UnwritableError } from "../../bytes/writer.ts";
import { kind_of } from "../../codecs/kinds.ts";
import { DataError } from "../../errors.ts";

/**
 * The error to throw for what a codec has thrown; what is no refusal of the value stays as it is.
 *
 * @param what Such as `cannot encode $1 as int4`.
 */
export function misfit(error: unknown, what: string, value: unknown): unknown {
  if (!(error instanceof DataError)) return error;
  const why = error instanceof UnwritableError
    ? error.fault
    : `${error.message}, but is ${kind_of(value)}`;
  return new DataError(`${what}: it ${why}`, { cause: error.cause });
}
