/**
 * What a JavaScript value is, in the words of errors, and how plain values become text.
 *
 * Law: an error names a value's kind, never the value.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** What `value` is: `"a string"`, `"an invalid Date"`, `"an array of numbers and nulls"`. */
export function kind_of(value: unknown): string {
  if (Array.isArray(value)) return array_kind(value);
  if (typeof value === "number") return number_kind(value);
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  if (value instanceof Date && Number.isNaN(value.getTime())) return "an invalid Date";
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name; // none of its own, which is data
  if (typeof name !== "string" || name === "" || name === "Object") return "an object";
  return /^[AEIO]/.test(name) ? `an ${name}` : `a ${name}`;
}

/**
 * The text of a string, number, bigint or boolean: the server judges whether it fits.
 *
 * @throws {DataError} With `rule`, for any other kind.
 */
export function scalar_text(value: unknown, rule: string): string {
  if (typeof value === "boolean") return String(value);
  return number_text(value, rule);
}

/** The text of a string, number or bigint. Throws as `scalar_text` does. */
export function number_text(value: unknown, rule: string): string {
  if (typeof value === "number") return text_of_number(value);
  if (typeof value === "bigint") return String(value);
  return string_text(value, rule);
}

/** All digits of what is beyond 2^53 - 1, of which `String()` gives those that tell it from its neighbours. */
function text_of_number(value: number): string {
  if (Object.is(value, -0)) return "-0";
  const has_more = Number.isInteger(value) && !Number.isSafeInteger(value) &&
    Math.abs(value) < 1e21;
  return String(has_more ? BigInt(value) : value);
}

/** A string as it is. Throws as `scalar_text` does. */
export function string_text(value: unknown, rule: string): string {
  if (typeof value === "string") return value;
  throw new DataError(rule);
}

function number_kind(value: number): string {
  if (Number.isInteger(value)) return "a number";
  return Number.isFinite(value) ? "a fractional number" : String(value);
}

function array_kind(array: readonly unknown[]): string {
  const kinds = [...new Set(Array.from(array, element_kind))]; // Array.from() visits holes too
  const last = kinds.pop();
  if (last === undefined) return "an empty array";
  return `an array of ${kinds.length === 0 ? last : `${kinds.join(", ")} and ${last}`}`;
}

function element_kind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "arrays";
  return typeof value === "object" ? "objects" : `${typeof value}s`;
}
