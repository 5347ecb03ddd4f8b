/**
 * `bytea` ⇄ Uint8Array with a buffer of its own.
 *
 * Wire: the bytes; text `\x` and hex digits, or with `bytea_output = escape` the
 * characters, with `\\` for a backslash and `\ooo` in octal for what is not printable.
 * Source: byteaout and byteain, src/backend/utils/adt/varlena.c
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { string_text } from "./kinds.ts";
import { malformed_text } from "./malformed.ts";

const OCTAL = /^[0-3][0-7]{2}$/;
const BACKSLASH = 0x5c;
const MAX_PRINTABLE = 0x7e;
const HEX_PAIRS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);
/** By ASCII code; 255 for what is no hex digit. */
const HEX_VALUES: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? 255 : digit;
});

/** The `bytea` type. */
export const bytea: TypeCodec<Uint8Array> = {
  name: "bytea",
  oid: 17,
  array_oid: 1001,
  delimiter: ",",
  format: 1,

  decode(bytes, _view, start, length) {
    return own_bytes(bytes, start, start + length);
  },

  decode_text(text) {
    return text.startsWith("\\x") ? read_hex(text) : read_escaped(text);
  },

  has_binary(value) {
    return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
  },

  encode(writer, value) {
    writer.raw(as_bytes(value as ArrayBufferView | ArrayBuffer));
  },

  encode_text(value) {
    if (!bytea.has_binary(value)) return string_text(value, "must be a Uint8Array");
    let text = "\\x";
    for (const byte of as_bytes(value as ArrayBufferView | ArrayBuffer)) text += HEX_PAIRS[byte];
    return text;
  },
};

/** A copy of `bytes[start, end)`, even of a subclass whose `slice()` is a view, as Node's is. */
export function own_bytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

function as_bytes(value: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function read_hex(text: string): Uint8Array {
  const size = text.length / 2 - 1; // less the \x
  if (!Number.isInteger(size)) throw malformed_text("bytea");
  const bytes = new Uint8Array(size);
  let wrong = 0;
  for (let i = 0, at = 2; i < size; i++, at += 2) {
    const high = HEX_VALUES[text.charCodeAt(at)] ?? 255;
    const low = HEX_VALUES[text.charCodeAt(at + 1)] ?? 255;
    wrong |= high | low;
    bytes[i] = high << 4 | low;
  }
  if (wrong > 15) throw malformed_text("bytea");
  return bytes;
}

function read_escaped(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let size = 0;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code === BACKSLASH && text.charCodeAt(++at) !== BACKSLASH) {
      const digits = text.slice(at, at + 3);
      if (!OCTAL.test(digits)) throw malformed_text("bytea");
      code = parseInt(digits, 8);
      at += 2;
    } else if (code > MAX_PRINTABLE) throw malformed_text("bytea");
    bytes[size++] = code;
  }
  return bytes.slice(0, size);
}
