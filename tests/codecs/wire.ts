/**
 * What the tests of codecs share: hex, and calls on one value alone.
 *
 * @module
 */

import { ByteWriter } from "../../src/bytes/writer.ts";
import type { TypeCodec } from "../../src/codecs/codec.ts";

/** The bytes that `hex` spells. */
export function from_hex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** How `bytes` are spelt. */
export function to_hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Decodes a value that is all there is. */
export function decode(codec: TypeCodec, bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return codec.decode(bytes, view, 0, bytes.length);
}

/** Decodes a value that lies within a larger message. */
export function decode_within(codec: TypeCodec, bytes: Uint8Array): unknown {
  const message = new Uint8Array(bytes.length + 12).fill(0xff);
  message.set(bytes, 7);
  const part = message.subarray(2); // a view that does not begin where its buffer does
  return codec.decode(part, new DataView(part.buffer, part.byteOffset), 5, bytes.length);
}

/** The binary form of a value. */
export function encode(codec: TypeCodec, value: unknown): Uint8Array {
  const writer = new ByteWriter();
  codec.encode(writer, value);
  return writer.take();
}
