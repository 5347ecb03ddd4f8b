/**
 * Service files: named groups of connection parameters.
 *
 * ```text
 * [orders]
 * host=db.example.com
 * dbname=orders
 * ```
 *
 * Law: no error shows any of the text, for it may hold passwords.
 *
 * Source: parseServiceFile, src/interfaces/libpq/fe-connect.c, and
 * https://www.postgresql.org/docs/current/libpq-pgservice.html
 *
 * @module
 */

import { InterfaceError } from "../../errors.ts";
import { keyword } from "./keywords.ts";

/** For messages. */
export const SERVICE_SOURCE = "the service file";

/**
 * The parameters of a service by name; null if the file does not have it. The first of equal names wins.
 *
 * @param text The whole file.
 * @throws {InterfaceError} If the service has an unknown parameter, or a line that is none.
 */
export function find_service(text: string, service: string): Map<string, string> | null {
  let values: Map<string, string> | null = null;
  for (const untrimmed of text.split("\n")) {
    const line = untrimmed.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (!line.startsWith("[")) {
      if (values !== null) read_parameter(line, values);
    } else if (values !== null) {
      break; // the next service
    } else if (line.startsWith(`[${service}]`)) {
      values = new Map();
    }
  }
  return values;
}

function read_parameter(line: string, values: Map<string, string>): void {
  const equals = line.indexOf("=");
  if (equals < 0) throw malformed("must have name=value in each line", "has not");
  const name = keyword(line.slice(0, equals), SERVICE_SOURCE, true);
  if (name === "service") throw malformed("must not name another service", "does");
  if (!values.has(name)) values.set(name, line.slice(equals + 1));
}

function malformed(rule: string, fact: string): InterfaceError {
  return new InterfaceError(`cannot read ${SERVICE_SOURCE}: it ${rule}, but ${fact}`);
}
