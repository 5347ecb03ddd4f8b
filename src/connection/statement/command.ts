/**
 * A statement without parameters and rows, as a part of another flight.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import {
  encode_bind,
  encode_execute,
  encode_parse,
  type ParameterSource,
} from "../../protocol/frontend.ts";

const NO_PARAMETERS: ParameterSource = { parameter_count: 0, write_parameter: () => 0 };

/** Runs `sql` as the unnamed statement, in the group that the caller ends with Sync. */
export function encode_command(writer: ByteWriter, sql: string): void {
  encode_parse(writer, "", sql, []);
  encode_bind(writer, "", "", NO_PARAMETERS, []);
  encode_execute(writer, "", 0);
}
