/**
 * Codecs by OID: which conversion a column or a parameter gets.
 *
 * Law: a registry in use is never changed; `with()` makes another. What follows
 * from a type (its arrays, and for builtin types their ranges) comes with it.
 *
 * @module
 */

import { array_codec } from "./array.ts";
import type { TypeCodec } from "./codec.ts";
import { text_codec } from "./text.ts";

/** All conversions that a connection knows. */
export class CodecRegistry {
  readonly #by_oid: Map<number, TypeCodec> = new Map();

  /** @param codecs Types to know, each with its arrays; a later one takes an earlier one's place. */
  constructor(codecs: Iterable<TypeCodec>) {
    for (const codec of codecs) this.add(codec);
  }

  /** The codec of a type; for one that is not known, a codec that leaves its text form as it is. */
  lookup(oid: number): TypeCodec {
    return this.#by_oid.get(oid) ?? unknown_type;
  }

  /** Whether the type is known, or else left as text. */
  has(oid: number): boolean {
    return this.#by_oid.has(oid);
  }

  /** Adds a type and what follows from it, in place of what was known. Only before the registry is in use. */
  add(codec: TypeCodec): void {
    this.#by_oid.set(codec.oid, codec);
    if (codec.array_oid !== 0) this.#by_oid.set(codec.array_oid, array_codec(codec));
  }

  /** Another registry with these types too. */
  with(codecs: Iterable<TypeCodec>): CodecRegistry {
    const registry = new CodecRegistry([]);
    for (const [oid, codec] of this.#by_oid) registry.#by_oid.set(oid, codec);
    for (const codec of codecs) registry.add(codec);
    return registry;
  }
}

/** Asked for as text, because nothing is known of its binary form. */
const unknown_type: TypeCodec = { ...text_codec("unknown", 705, 0), format: 0 };
