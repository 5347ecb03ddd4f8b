/**
 * Codecs by OID: which conversion a column or a parameter gets.
 *
 * Law: a registry in use is never changed; `with()` makes another. What follows
 * from a type comes with it: its arrays, and for builtin types their ranges.
 *
 * @module
 */

import { array_codec } from "./array.ts";
import type { TypeCodec } from "./codec.ts";
import { record_codec } from "./composite.ts";
import { scalar_text } from "./kinds.ts";
import { printed_codec } from "./printed.ts";
import { multirange_codec, range_codec } from "./range.ts";

/** `[subtype's OID, range, OID, array's OID, multirange, OID, array's OID]`, from pg_range. */
const RANGES = [
  [23, "int4range", 3904, 3905, "int4multirange", 4451, 6150],
  [20, "int8range", 3926, 3927, "int8multirange", 4536, 6157],
  [1700, "numrange", 3906, 3907, "nummultirange", 4532, 6151],
  [1114, "tsrange", 3908, 3909, "tsmultirange", 4533, 6152],
  [1184, "tstzrange", 3910, 3911, "tstzmultirange", 4534, 6153],
  [1082, "daterange", 3912, 3913, "datemultirange", 4535, 6155],
] as const;

/** What is not known stays as the server prints it. */
const UNKNOWN = printed_codec({
  name: "a type that is not known",
  oid: 0,
  array_oid: 0,
  encode_text: (value) => scalar_text(value, "must be a string"),
});

/** All conversions that a connection knows. */
export class CodecRegistry {
  readonly #by_oid: Map<number, TypeCodec> = new Map();

  /**
   * Knows these types, and the anonymous record.
   *
   * @param codecs A later one takes the place of an earlier one with its OID.
   */
  constructor(codecs: Iterable<TypeCodec>) {
    this.add(record_codec((oid) => this.#by_oid.get(oid)));
    for (const codec of codecs) this.add(codec);
  }

  /** The codec of a type; one that leaves the text form as it is, if the type is not known. */
  lookup(oid: number): TypeCodec {
    return this.#by_oid.get(oid) ?? UNKNOWN;
  }

  /** Whether the type is known. */
  has(oid: number): boolean {
    return this.#by_oid.has(oid);
  }

  /** The type that is called `name`, if it is known. */
  find(name: string): TypeCodec | undefined {
    for (const codec of this.#by_oid.values()) {
      if (codec.name === name) return codec;
    }
    return undefined;
  }

  /** Adds a type and what follows from it, in place of what was known. Only before the registry is in use. */
  add(codec: TypeCodec): void {
    this.#by_oid.set(codec.oid, codec);
    if (codec.array_oid !== 0) this.#by_oid.set(codec.array_oid, array_codec(codec));
    for (const [subtype, range, oid, array_oid, multirange, oid2, array_oid2] of RANGES) {
      if (subtype !== codec.oid) continue;
      this.add(range_codec(range, oid, array_oid, codec));
      this.add(multirange_codec(multirange, oid2, array_oid2, codec));
    }
  }

  /** Another registry, which knows these types too. */
  with(codecs: Iterable<TypeCodec>): CodecRegistry {
    const registry = new CodecRegistry([]);
    for (const codec of this.#by_oid.values()) {
      if (!registry.has(codec.oid)) registry.#by_oid.set(codec.oid, codec);
    }
    for (const codec of codecs) registry.add(codec);
    return registry;
  }
}
