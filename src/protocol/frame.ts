/**
 * Cuts the server's byte stream into frames. No I/O, no clock, no promises.
 *
 * A frame is one message: a 1-byte tag, a 4-byte big-endian length that counts
 * itself but not the tag, then the body.
 *
 *     chunks ──push()──▶ FrameDecoder ──next()──▶ tag, bytes[start, end)
 *
 * `next()` allocates nothing: the frame is where the decoder's own fields say,
 * and is valid until it is called again. False means "push more". A malformed
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
/** Bytes of a small chunk: the answer to a statement that returns a row or two. */
const KEPT = 2048;
/** Bytes that small chunks are put together to, while a frame is cut into many. */
const GATHERED = 65_536;
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
  #next = 0; // first byte of `bytes` not yet handed out
  #filled = 0; // bytes of `bytes`
  readonly #kept = new Uint8Array(KEPT); // for small chunks
  readonly #kept_view = new DataView(this.#kept.buffer);
  #queue: Uint8Array[] = []; // chunks after `bytes`; none is empty
  #gathered: Uint8Array = new Uint8Array(0); // where small ones are put together
  #queued = 0; // bytes

  /** Takes the next chunk, however it was cut. Owns it from then on. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#queued += chunk.length;
    if (this.#queue.length === 0 || chunk.length > KEPT) this.#queue.push(chunk);
    else this.#gather(chunk);
  }

  /** Moves on to the next whole frame; false when it needs more bytes. */
  next(): boolean {
    const at = this.#next;
    const left = this.#filled - at;
    if (left >= HEADER_SIZE) {
      const tag = this.bytes[at]!;
      const length = this.view.getInt32(at + 1);
      if (length < MIN_LENGTH || length > MAX_SHORT_LENGTH) this.#check(tag, length);
      if (left > length) { // the tag is not counted
        this.tag = tag;
        this.start = at + HEADER_SIZE;
        this.end = this.#next = at + 1 + length;
        return true;
      }
    }
    return this.#queue.length > 0 && this.#advance(left) && this.next();
  }

  /** The frame's body as a view of its own. */
  body(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  /**
   * Goes on behind the `left` bytes that no frame was made of. A chunk is read where it lies, unless it
   * is so small that a view costs more than a copy; only a frame that is cut is put together, and
   * once: when all of it is there.
   *
   * @returns False if it is not.
   */
  #advance(left: number): boolean {
    if (left === 0) {
      const chunk = this.#queue.shift()!;
      this.#queued -= chunk.length;
      if (chunk.length > KEPT) this.#adopt(chunk);
      else this.#keep(chunk);
      return true;
    }
    const size = this.#size_of_cut(left);
    if (left + this.#queued < size) return false;
    const whole = new Uint8Array(size);
    whole.set(this.bytes.subarray(this.#next, this.#filled));
    this.#take(whole, left);
    this.#adopt(whole);
    return true;
  }

  /** Queues a small chunk: together with the one before, as an object for each is dearer than its bytes. */
  #gather(chunk: Uint8Array): void {
    const last = this.#queue.at(-1)!;
    const end = last.byteOffset + last.length; // in `#gathered`, if it lies there
    if (last.buffer === this.#gathered.buffer && end + chunk.length <= GATHERED) {
      this.#gathered.set(chunk, end);
      const both = this.#gathered.subarray(last.byteOffset, end + chunk.length);
      this.#queue[this.#queue.length - 1] = both;
    } else {
      this.#gathered = new Uint8Array(GATHERED);
      this.#gathered.set(chunk);
      this.#queue.push(this.#gathered.subarray(0, chunk.length));
    }
  }

  /** How long the frame is that begins with the last bytes here; Infinity where that is not known yet. */
  #size_of_cut(left: number): number {
    const header = new Uint8Array(HEADER_SIZE);
    let filled = Math.min(left, HEADER_SIZE);
    header.set(this.bytes.subarray(this.#next, this.#next + filled));
    for (const chunk of this.#queue) {
      if (filled === HEADER_SIZE) break;
      const part = chunk.subarray(0, HEADER_SIZE - filled);
      header.set(part, filled);
      filled += part.length;
    }
    if (filled < HEADER_SIZE) return Infinity;
    const length = new DataView(header.buffer).getInt32(1);
    this.#check(header[0]!, length);
    return length + 1;
  }

  /** Fills `whole` from `at` on with what is queued. */
  #take(whole: Uint8Array, at: number): void {
    let used = 0; // chunks
    for (let filled = at; filled < whole.length;) {
      const chunk = this.#queue[used]!;
      const part = chunk.subarray(0, whole.length - filled);
      whole.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) used++;
      else this.#queue[used] = chunk.subarray(part.length);
    }
    this.#queue.splice(0, used);
    this.#queued -= whole.length - at;
  }

  #adopt(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#next = 0;
    this.#filled = bytes.length;
  }

  #keep(chunk: Uint8Array): void {
    this.#kept.set(chunk);
    this.bytes = this.#kept;
    this.view = this.#kept_view;
    this.#next = 0;
    this.#filled = chunk.length;
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
