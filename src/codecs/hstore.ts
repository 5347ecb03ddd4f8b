/**
 * `hstore` ⇄ object of strings and nulls. An extension's type: its OIDs are looked up.
 *
 * Wire: a count, then for each pair the key and the value, each with its length
 * in front, -1 for NULL. Text: `"a"=>"1", "b"=>NULL`.
 * Source: hstore_send and hstore_out, contrib/hstore/hstore_io.c
 *
 * @module
 */

import { decode_utf8 } from "../bytes/utf8.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { DataError } from "../errors.ts";
import type { TypeCodec } from "./codec.ts";
import { set_own } from "./composite.ts";
import { malformed } from "./malformed.ts";
import { in_quotes, TextScanner } from "./scanner.ts";

/** What an `hstore` holds. */
export type Hstore = Record<string, string | null>;

const PAIR_SIZE = 8; // two lengths
const NAME = "hstore";

/** The `hstore` type, under the OIDs of this database. */
export function hstore_codec(oid: number, array_oid: number): TypeCodec<Hstore> {
  return {
    name: NAME,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,
    decode: decode_hstore,
    decode_text: read_hstore,
    has_binary: is_hstore,

    encode(writer, value) {
      const pairs = Object.entries(value as Hstore);
      writer.i32(pairs.length);
      for (const [key, item] of pairs) {
        write_text(writer, key);
        if (item === null) writer.i32(-1);
        else write_text(writer, item);
      }
    },

    encode_text(value) {
      if (typeof value === "string") return value;
      if (!is_hstore(value)) throw new DataError("must be an object of strings and nulls");
      return Object.entries(value)
        .map(([key, item]) => `${in_quotes(key)}=>${item === null ? "NULL" : in_quotes(item)}`)
        .join(", ");
    },
  };
}

function decode_hstore(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
): Hstore {
  const count = length < 4 ? -1 : view.getInt32(start);
  if (count < 0 || count > length / PAIR_SIZE) {
    throw malformed(NAME, "it holds fewer pairs than it says");
  }
  const end = start + length;
  let at = start + 4;
  const next = (): string | null => {
    const size = end - at < 4 ? -2 : view.getInt32(at);
    at += 4;
    if (size < -1 || size > end - at) throw malformed(NAME, "it ends within a pair");
    if (size === -1) return null;
    at += size;
    return decode_utf8(bytes, at - size, at);
  };
  const pairs: Hstore = {};
  for (let i = 0; i < count; i++) {
    const key = next();
    if (key === null) throw malformed(NAME, "a key is NULL");
    set_own(pairs, key, next());
  }
  if (at !== end) throw malformed(NAME, `${end - at} bytes are left over`);
  return pairs;
}

function read_hstore(text: string): Hstore {
  const scanner = new TextScanner(text, NAME);
  const pairs: Hstore = {};
  if (text === "") return pairs;
  do {
    const key = scanner.quoted();
    if (key === null || !scanner.skip_text("=>")) throw scanner.malformed();
    const value = scanner.quoted();
    if (value === null && !scanner.skip_text("NULL")) throw scanner.malformed();
    set_own(pairs, key, value);
  } while (scanner.skip_text(", "));
  scanner.end();
  return pairs;
}

function write_text(writer: ByteWriter, text: string): void {
  const mark = writer.begin_value();
  writer.text(text);
  writer.end_value(mark);
}

function is_hstore(value: unknown): value is Hstore {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const items = Object.values(value);
  if (items.length === 0) return is_plain(value); // and no Map
  return items.every((item) => typeof item === "string" || item === null);
}

function is_plain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
