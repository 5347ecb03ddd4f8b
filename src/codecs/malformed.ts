/**
 * The errors of values that cannot be read. Law: a decoder fails with these, and nothing else.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** The error for a binary value of the wrong size, in bytes. */
export function wrong_size(type: string, size: number, length: number): DataError {
  return new DataError(`cannot decode ${type}: it must be ${size} bytes, but is ${length}`);
}

/** The error for bytes, or a text, that break the type's own form; `fact` says how. */
export function malformed(type: string, fact: string): DataError {
  return new DataError(`cannot decode ${type}: it must be well-formed, but ${fact}`);
}

/** The error for a text that does not read as the type. */
export function malformed_text(type: string): DataError {
  return malformed(type, "the text is not of this type");
}
