/**
 * Runs a user's own `Codec` where the library runs its own.
 *
 * Law: a user's codec sees exactly a value's bytes, in the one format that it asked for.
 *
 * @module
 */

import { decode_utf8 } from "../bytes/utf8.ts";
import { DataError } from "../errors.ts";
import { own_bytes } from "./bytea.ts";
import type { Codec, TypeCodec } from "./codec.ts";
import { kind_of } from "./kinds.ts";
import { never_binary, no_encode, text_only } from "./printed.ts";

/** What pg_type says of a type. */
type TypeFacts = Pick<TypeCodec, "name" | "oid" | "array_oid" | "delimiter" | "is_users">;

const BOX_OID = 603;
const utf8 = new TextEncoder();

/**
 * Adapts `codec` to a type whose OIDs are known.
 *
 * @param delimiter `pg_type.typdelim`. Default: `;` for `box`, which alone of the builtin types has it.
 */
export function from_user_codec(
  codec: Codec,
  oid: number,
  array_oid: number,
  delimiter: string = oid === BOX_OID ? ";" : ",",
): TypeCodec {
  const type = { name: codec.name, oid, array_oid, delimiter, is_users: true };
  return codec.format === "text" ? text_adapter(codec, type) : binary_adapter(codec, type);
}

function text_adapter(codec: Codec, type: TypeFacts): TypeCodec {
  return {
    ...type,
    format: 0,
    decode: text_only(codec.name),

    decode_text(text) {
      return codec.decode(utf8.encode(text));
    },

    has_binary: never_binary,
    encode: no_encode,

    encode_text(value) {
      const bytes = encoded(codec, value);
      return decode_utf8(bytes, 0, bytes.length);
    },
  };
}

function binary_adapter(codec: Codec, type: TypeFacts): TypeCodec {
  return {
    ...type,
    format: 1,

    decode(bytes, _view, start, length) {
      return codec.decode(own_bytes(bytes, start, start + length));
    },

    decode_text() {
      throw new DataError(
        `cannot decode ${codec.name}: it must come in its binary form, but came as text`,
      );
    },

    has_binary(value) {
      return value !== undefined;
    },

    encode(writer, value) {
      writer.raw(encoded(codec, value));
    },

    // Asked for only where a part of a whole has no binary form.
    encode_text() {
      throw new DataError("must stand among values that all have a binary form");
    },
  };
}

function encoded(codec: Codec, value: unknown): Uint8Array {
  const bytes: unknown = codec.encode(value);
  if (bytes instanceof Uint8Array) return bytes;
  throw new DataError(`must be a Uint8Array when encoded by its codec, but is ${kind_of(bytes)}`);
}
