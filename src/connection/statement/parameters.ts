/**
 * Encodes a statement's parameters by the types that the server inferred.
 *
 * Law: a value goes out as binary only where its type is known and the value has
 * an exact binary form there. Strings, numbers, bigints and booleans mean the
 * same in text for any type, so the server judges them and they may be sent
 * before the types are known; objects must wait for them. So what is taken and what
 * is refused does not depend on what is known.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { Format, TypeCodec } from "../../codecs/codec.ts";
import { scalar_text } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";
import { MAX_PARAMETERS } from "../../protocol/frontend.ts";
import { misfit } from "./misfit.ts";

/**
 * Checks what can be checked before the types are known.
 *
 * @throws {ProgrammingError} If there are too many, or one is `undefined`.
 */
export function check_parameters(values: readonly unknown[]): void {
  if (values.length > MAX_PARAMETERS) {
    throw new ProgrammingError(
      `cannot bind the parameters: there must be at most ${MAX_PARAMETERS}, ` +
        `but are ${values.length}`,
      { hint: "pass one array and use = any($1) or unnest($1)" },
    );
  }
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== undefined) continue;
    throw new ProgrammingError(
      `cannot bind $${i + 1}: it must be a value or null, but is undefined`,
    );
  }
}

/** Whether some value can be encoded only when its type is known. */
export function needs_types(values: readonly unknown[]): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === "object" ? value !== null : !is_scalar(value)) return true;
  }
  return false;
}

/**
 * The number of parameters must be what the statement takes.
 *
 * @throws {ProgrammingError} If it is not.
 */
export function check_parameter_count(expected: number, given: number): void {
  if (expected === given) return;
  throw new ProgrammingError(
    `cannot bind $${Math.min(expected, given) + 1}: the statement takes ${expected} ` +
      `${expected === 1 ? "parameter" : "parameters"}, but ${given} ` +
      `${given === 1 ? "was" : "were"} given`,
  );
}

/**
 * Writes one parameter with its length.
 *
 * @param index From 0, for errors.
 * @param codec Of its type; undefined: not known yet.
 * @param judge Who refuses a string, number, bigint or boolean that does not fit: `server` takes no
 * notice of what is known. Default: the codec.
 * @returns The format it has.
 * @throws {DataError} If the value does not fit the type.
 */
export function write_parameter(
  writer: ByteWriter,
  index: number,
  value: unknown,
  codec: TypeCodec | undefined,
  judge: "codec" | "server" = "codec",
): Format {
  if (value === null) {
    writer.i32(-1);
    return 0;
  }
  const mark = writer.begin_value();
  try {
    if (codec !== undefined && codec.has_binary(value)) {
      codec.encode(writer, value);
      writer.end_value(mark);
      return 1;
    }
    const is_plain = codec === undefined ||
      (judge === "server" && !codec.is_users && is_scalar(value));
    writer.text(is_plain ? scalar_text(value, "must be known") : codec.encode_text(value));
    writer.end_value(mark);
    return 0;
  } catch (error) {
    const what = `cannot encode $${index + 1}${codec === undefined ? "" : ` as ${codec.name}`}`;
    throw misfit(error, what, value);
  }
}

function is_scalar(value: unknown): boolean {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
    case "boolean":
      return true;
    default:
      return false;
  }
}
