/**
 * Cuts the server's byte stream into frames. No I/O, no clock, no promises.
 *
 * A frame is one message: a 1-byte tag, a 4-byte big-endian length that counts
 * itself but not the tag, then the body.
 *
 *     chunks ──push()──▶ FrameDecoder ──next()──▶ tag, bytes[start, end)
 *
 * `next()` allocates nothing: the frame is where the decoder's own fields say,
 * and is valid until the next `push()`. False means "push more". A malformed
 * length throws, and the decoder is dead from then on. Memory follows the bytes
 * that came, never the length that was claimed.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 * and getResult / pqParseInput3, src/interfaces/libpq/fe-protocol3.c (length limits)
 *
 * @module
 */

import { MAX_MESSAGE_LENGTH } from "../bytes/writer.ts";
import { OperationalError } from "../errors.ts";

const HEADER_SIZE = 5; // tag + length
const MIN_LENGTH = 4; // the length counts itself
/** Messages that carry no user data are never longer: VALID_LONG_MESSAGE_TYPE in libpq. */
const MAX_SHORT_LENGTH = 30_000;
const LONG_TAGS = new Set(Array.from("TDdVENASt", (letter) => letter.charCodeAt(0)));

/** Turns chunks of any size into whole frames. */
export class FrameDecoder {
  /** The frame's tag: an ASCII code, such as `0x5a` for ReadyForQuery. */
  tag = 0;
  /** The buffer that the frame lies in. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The same buffer, for multi-byte reads. */
  view: DataView = new DataView(this.bytes.buffer);
  /** Where the frame's body begins in `bytes`. */
  start = 0;
  /** Where the frame's body ends in `bytes`. */
  end = 0;
  /** Before authentication no message is long, whoever sent it. */
  authenticated = false;
  #next = 0; // first byte not yet handed out
  #filled = 0; // first byte not yet filled

  /** True between frames: no byte of an unfinished one is held. */
  get empty(): boolean {
    return this.#next === this.#filled;
  }

  /** Bytes held that no frame has been made of. */
  get held(): number {
    return this.#filled - this.#next;
  }

  /** Takes the next chunk, however it was cut. Owns it from then on. */
  push(chunk: Uint8Array): void {
    const held = this.#filled - this.#next;
    if (held === 0) {
      this.#adopt(chunk, chunk.length); // the common case copies nothing
      return;
    }
    const rest = this.bytes.subarray(this.#next, this.#filled);
    if (this.#filled + chunk.length > this.bytes.length) {
      // Doubling keeps a message of many chunks linear in its size.
      const grown = new Uint8Array(2 * (held + chunk.length));
      grown.set(rest);
      this.#adopt(grown, held);
    }
    this.bytes.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  /** Moves on to the next whole frame; false when it needs more bytes. */
  next(): boolean {
    const at = this.#next;
    const left = this.#filled - at;
    if (left < HEADER_SIZE) return false;
    const tag = this.bytes[at]!;
    const length = this.view.getInt32(at + 1);
    if (length < MIN_LENGTH || length > MAX_SHORT_LENGTH) this.#check(tag, length);
    if (left <= length) return false; // the tag is not counted
    this.tag = tag;
    this.start = at + HEADER_SIZE;
    this.end = this.#next = at + 1 + length;
    return true;
  }

  /** The frame's body as a view of its own. */
  body(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  #adopt(bytes: Uint8Array, filled: number): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#next = 0;
    this.#filled = filled;
  }

  #check(tag: number, length: number): void {
    const max = this.authenticated && LONG_TAGS.has(tag) ? MAX_MESSAGE_LENGTH : MAX_SHORT_LENGTH;
    if (length >= MIN_LENGTH && length <= max) return;
    throw new OperationalError(
      `cannot read a message with tag 0x${tag.toString(16).padStart(2, "0")}: ` +
        `its length must be ${MIN_LENGTH} to ${max}, but is ${length}`,
      { hint: "something other than a PostgreSQL server may be answering", sqlstate: "08P01" },
    );
  }
}
