/**
 * Composite types ⇄ objects by attribute; anonymous records → arrays; domains and enums.
 *
 * Law: an object that is encoded has every attribute and no other; nothing is
 * NULL by being left out. A type that was altered is noticed, not misread.
 *
 * Wire: a count, then for each attribute its type's OID and its value with a
 * length in front, -1 for NULL. Text: `(1,"a ""b""",)`, where nothing is NULL.
 * Source: record_send and record_out, src/backend/utils/adt/rowtypes.c
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { part_text } from "./array_text.ts";
import type { TypeCodec } from "./codec.ts";
import { malformed } from "./malformed.ts";
import { never_binary, no_encode } from "./printed.ts";
import { CLOSE_PARENTHESIS, COMMA, OPEN_PARENTHESIS, quoted, TextScanner } from "./scanner.ts";
import { text_codec } from "./text.ts";

/** One attribute of a composite type. */
export interface Attribute {
  /** `pg_attribute.attname`. */
  readonly name: string;
  /** The codec of its type, a domain's own included. */
  readonly codec: TypeCodec;
}

const FIELD_SIZE = 8; // OID, length
const MAX_DEPTH = 64; // records within records

/** What was looked up of a type is no longer true. */
export class AlteredTypeError extends DataError {}

/** A type was never looked up, because only the value shows it. */
export class UnknownTypeError extends DataError {
  /** The type's. */
  readonly oid: number;

  /** @param oid The type's. */
  constructor(oid: number) {
    super(`cannot decode record: the type of every field must be known, but ${oid} is not`, {
      hint: "cast the field to text, or the record to a composite type",
    });
    this.oid = oid;
  }
}

/** A composite type, such as a table's row. Its attributes are in their order, without dropped ones. */
export function composite_codec(
  name: string,
  oid: number,
  array_oid: number,
  attributes: readonly Attribute[],
): TypeCodec<Record<string, unknown>> {
  const names = new Set(attributes.map((attribute) => attribute.name));
  const rule = `must be an object with exactly the attributes ${[...names].join(", ")}`;
  const as_object = (values: readonly unknown[]) => {
    const object: Record<string, unknown> = {};
    attributes.forEach((attribute, i) => set_own(object, attribute.name, values[i]));
    return object;
  };
  const fits = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.keys(value).length === names.size &&
    Object.keys(value).every((key) => names.has(key));
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: attributes.every(({ codec }) => codec.format === 1) ? 1 : 0,
    has_floats: attributes.some(({ codec }) => codec.has_floats),

    decode(bytes, view, start, length) {
      const values = decode_fields(name, bytes, view, start, length, (field_oid, i) => {
        const codec = attributes[i]?.codec;
        if (codec?.oid === field_oid) return codec;
        throw altered(name);
      });
      if (values.length !== attributes.length) throw altered(name);
      return as_object(values);
    },

    decode_text(text) {
      const texts = read_row(text, name);
      const is_none = attributes.length === 0 && text === "()"; // as it is for one NULL
      if (texts.length !== attributes.length && !is_none) throw altered(name);
      return as_object(attributes.map(({ codec }, i) => {
        const field = texts[i] ?? null;
        return field === null ? null : codec.decode_text(field);
      }));
    },

    has_binary(value) {
      return fits(value) && attributes.every(({ name, codec }) => {
        const field = value[name];
        return field === null || (field !== undefined && codec.has_binary(field));
      });
    },

    encode(writer, value) {
      writer.i32(attributes.length);
      for (const { name, codec } of attributes) {
        const field = (value as Record<string, unknown>)[name];
        writer.i32(codec.oid);
        if (field === null) {
          writer.i32(-1);
          continue;
        }
        const mark = writer.begin_value();
        codec.encode(writer, field);
        writer.end_value(mark);
      }
    },

    encode_text(value) {
      if (typeof value === "string") return value;
      if (!fits(value)) throw new DataError(rule);
      const fields = attributes.map(({ name, codec }) => {
        const field = value[name];
        if (field === null) return "";
        return quoted(part_text(field, codec, `must be an object whose attribute ${name}`));
      });
      return `(${fields.join(",")})`;
    },
  };
}

/**
 * The anonymous `record`: an array of its values.
 *
 * Only the binary form says what types the values have, so results are asked
 * for in it, and the text form is refused.
 *
 * @param lookup Finds the codec of a field by its type; undefined if the type is not known.
 */
export function record_codec(lookup: (oid: number) => TypeCodec | undefined): TypeCodec<unknown[]> {
  let depth = 0; // of the record being decoded: decoding is synchronous
  return {
    name: "record",
    oid: 2249,
    array_oid: 2287,
    delimiter: ",",
    format: 1,
    is_list: true,

    decode(bytes, view, start, length) {
      if (depth === MAX_DEPTH) throw malformed("record", `it nests ${MAX_DEPTH} deep`);
      depth++;
      try {
        return decode_fields("record", bytes, view, start, length, (oid) => {
          const codec = lookup(oid);
          if (codec !== undefined) return codec;
          throw new UnknownTypeError(oid);
        });
      } finally {
        depth--;
      }
    },

    decode_text() {
      throw new DataError(
        "cannot decode record: it must come in its binary form, which tells its types, " +
          "but came as text",
        { hint: "run the statement alone, or again; or cast the record to a composite type" },
      );
    },

    has_binary: never_binary,
    encode: no_encode,

    encode_text() {
      throw new DataError("must be cast to a composite type: PostgreSQL reads no anonymous record");
    },
  };
}

/** A domain: its base type under another name; its arrays have the base type's delimiter. */
export function domain_codec(
  name: string,
  oid: number,
  array_oid: number,
  base: TypeCodec,
): TypeCodec {
  return { ...base, name, oid, array_oid };
}

/** An enum: its labels. */
export function enum_codec(name: string, oid: number, array_oid: number): TypeCodec<string> {
  return text_codec(name, oid, array_oid);
}

/** Sets an own property, even one called `__proto__`. */
export function set_own(object: object, key: string, value: unknown): void {
  if (key !== "__proto__") (object as Record<string, unknown>)[key] = value;
  else {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
}

function decode_fields(
  name: string,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
  codec_of: (oid: number, index: number) => TypeCodec,
): unknown[] {
  const count = length < 4 ? -1 : view.getInt32(start);
  if (count < 0 || count > length / FIELD_SIZE) {
    throw malformed(name, "it holds fewer fields than it says");
  }
  const end = start + length;
  const values: unknown[] = [];
  let at = start + 4;
  for (let i = 0; i < count; i++) {
    if (end - at < FIELD_SIZE) throw malformed(name, "it ends within a field");
    const codec = codec_of(view.getUint32(at), i);
    const size = view.getInt32(at + 4);
    at += FIELD_SIZE;
    if (size < -1 || size > end - at) throw malformed(name, "it ends within a field");
    values.push(size === -1 ? null : codec.decode(bytes, view, at, size));
    at += Math.max(size, 0);
  }
  if (at !== end) throw malformed(name, `${end - at} bytes are left over`);
  return values;
}

function read_row(text: string, name: string): (string | null)[] {
  const scanner = new TextScanner(text, name);
  scanner.expect(OPEN_PARENTHESIS);
  const texts: (string | null)[] = [];
  do texts.push(read_field(scanner)); while (scanner.skip(COMMA));
  scanner.expect(CLOSE_PARENTHESIS);
  scanner.end();
  return texts;
}

function read_field(scanner: TextScanner): string | null {
  const text = scanner.quoted();
  if (text !== null) return text;
  const word = scanner.word(COMMA, CLOSE_PARENTHESIS);
  return word === "" ? null : word;
}

function altered(name: string): DataError {
  return new AlteredTypeError(
    `cannot decode ${name}: its attributes must be those that were looked up, but are others`,
    { hint: "the type was altered; run the statement again" },
  );
}
