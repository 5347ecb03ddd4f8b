/**
 * `json`, `jsonb` ⇄ parsed values.
 *
 * Law: what is not a string is encoded once; a string is JSON text already, and
 * `Json(value)` says that it is not. `jsonpath` is text.
 *
 * Wire: the text; `jsonb` and `jsonpath` have a version byte, 1, in front.
 * Source: jsonb_recv and jsonb_send, src/backend/utils/adt/jsonb.c; jsonpath_send, jsonpath.c
 *
 * @module
 */

import { decode_utf8 } from "../bytes/utf8.ts";
import { DataError } from "../errors.ts";
import type { TypeCodec } from "./codec.ts";
import { number_text, string_text } from "./kinds.ts";
import { malformed } from "./malformed.ts";
import { never_binary, no_encode } from "./printed.ts";

const RULE = "must be a value that JSON can hold";
const NO_BIGINT = `${RULE}, without a bigint, such as int8 is read as`;
const VERSION = 1;

/** Any value as JSON, strings too: `Json("a")` is the JSON string `"a"`, `Json(null)` is JSON's null. */
export interface Json {
  /** What to encode. */
  readonly value: unknown;
  /** Lets a wrapped value stand inside another. */
  toJSON(): unknown;
}

/** Wraps a value, called with `new` or without. */
export interface JsonConstructor {
  /** Wraps `value`. */
  (value: unknown): Json;
  /** Wraps `value`. */
  new (value: unknown): Json;
  /** What every wrapped value inherits. */
  readonly prototype: Json;
}

class JsonValue implements Json {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  toJSON(): unknown {
    return this.value;
  }
}

/** Wraps any value for a `json` or `jsonb` parameter. */
export const Json: JsonConstructor = new Proxy(JsonValue, {
  apply: (target, _, [value]) => new target(value),
}) as unknown as JsonConstructor;

/** `json` and `jsonb`, parsed unless `parse` is false; `jsonpath`. */
export function json_codecs(parse = true): readonly TypeCodec[] {
  return [
    json_codec("json", 114, 199, 0, parse ? parse_json : as_text, json_text),
    json_codec("jsonb", 3802, 3807, 1, parse ? parse_json : as_text, json_text),
    json_codec("jsonpath", 4072, 4073, 1, as_text, path_text),
  ];
}

function json_codec(
  name: string,
  oid: number,
  array_oid: number,
  header: 0 | 1, // bytes
  read: (text: string, name: string) => unknown,
  write: (value: unknown) => string,
): TypeCodec {
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,

    decode(bytes, _view, start, length) {
      if (header === 1 && (length === 0 || bytes[start] !== VERSION)) {
        throw malformed(name, `its version is not ${VERSION}`);
      }
      return read(decode_utf8(bytes, start + header, start + length), name);
    },

    decode_text(text) {
      return read(text, name);
    },

    // Text is as fast, and only making it shows whether there is one.
    has_binary: never_binary,
    encode: no_encode,
    encode_text: write,
  };
}

function as_text(text: string): string {
  return text;
}

function parse_json(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(name, "the text is not JSON"); // no cause: it would show the value
  }
}

function json_text(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || Number.isFinite(value)) return number_text(value, RULE);
  if (typeof value === "number") throw new DataError(RULE); // JSON.stringify() makes it null
  if (is_opaque(value)) throw new DataError(RULE);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw no_json(cause);
  }
  if (text === undefined) throw new DataError(RULE);
  return text;
}

/** What engines say of it: a cycle is told by its keys, which are data, so that the cause stays here. */
function no_json(cause: unknown): DataError {
  const said = cause instanceof TypeError ? cause.message : ""; // or a toJSON() threw
  if (/bigint/i.test(said)) return new DataError(NO_BIGINT, { cause });
  return /circular|cyclic/i.test(said) ? new DataError(RULE) : new DataError(RULE, { cause });
}

/** Whether JSON.stringify() would make `{}` or `null` of what is more than that. */
function is_opaque(value: unknown): boolean {
  if (value instanceof Date) return Number.isNaN(value.getTime());
  return OPAQUE.some((type) => value instanceof type && !("toJSON" in value));
}

const OPAQUE = [Map, Set, WeakMap, WeakSet, Promise, ArrayBuffer, RegExp] as const;

function path_text(value: unknown): string {
  return string_text(value, "must be a string");
}
