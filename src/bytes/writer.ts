/**
 * A growing buffer of big-endian bytes: how everything is encoded that goes to the server.
 *
 * Law: what is not whole is not sent. A caller notes `length`, writes, and on a
 * throw gives the length back to `truncate()`; the buffer is then as it was.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** PQ_LARGE_MESSAGE_LIMIT, src/include/libpq/libpq.h: MaxAllocSize - 1. */
export const MAX_MESSAGE_LENGTH = 0x3ffffffe;
const SLAB = 16 * 1024; // bytes; serves some hundred small requests
const MIN_ROOM = 512; // bytes; with less left, the next request gets a slab of its own
const SHORT = 40; // characters; below this a loop beats encodeInto() on V8 and JSC

const utf8 = new TextEncoder();

/** What no message can hold, whatever its type. */
export class UnwritableError extends DataError {
  /** The rule that it breaks, and how. */
  readonly fault: string;

  /** @param what Such as `text`. */
  constructor(what: string, fault: string) {
    super(`cannot encode ${what}: it ${fault}`);
    this.fault = fault;
  }
}

/** Writes integers, floats, texts and messages, most significant byte first. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #start = 0; // what is before was handed over
  #end = 0;

  /** @param capacity Bytes to begin with. */
  constructor(capacity: number = SLAB) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Forgets everything after the first `length` bytes. */
  truncate(length: number): void {
    this.#end = this.#start + length;
  }

  /** Hands over what was written and begins anew. Nothing more is written to the result. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(this.#start, this.#end);
    this.#start = this.#end;
    if (this.#bytes.length - this.#end < MIN_ROOM) this.#adopt(new Uint8Array(SLAB), 0);
    return bytes;
  }

  /** What was written, as a view that the next write may invalidate. */
  peek(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** One byte. */
  u8(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  /** A 16-bit integer, signed or not. */
  i16(value: number): void {
    const at = this.#grow(2);
    this.#view.setInt16(at, value);
  }

  /** A 32-bit integer, signed or not. */
  i32(value: number): void {
    const at = this.#grow(4);
    this.#view.setInt32(at, value);
  }

  /** A 64-bit integer. */
  i64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigInt64(at, value);
  }

  /** A single-precision float. */
  f32(value: number): void {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value);
  }

  /** A double-precision float. */
  f64(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /**
   * Text in UTF-8, with no terminator.
   *
   * @throws {DataError} If it holds NUL or a lone surrogate, which the server cannot store.
   */
  text(text: string): void {
    if (text.length <= SHORT && this.#ascii(text)) return;
    check_text(text);
    const at = this.#grow(3 * text.length); // UTF-8 takes at most 3 bytes a UTF-16 unit
    this.#end = at + utf8.encodeInto(text, this.#bytes.subarray(at)).written;
  }

  /** Text in UTF-8 and a NUL. Throws as `text()` does. */
  cstring(text: string): void {
    this.text(text);
    this.u8(0);
  }

  /** Writes a message's tag and leaves room for its length; give the result to `end()`. */
  begin(tag: number): number {
    this.u8(tag);
    return this.#skip(4);
  }

  /** Leaves room for a 32-bit length that counts itself; give the result to `end()`. */
  begin_untagged(): number {
    return this.#skip(4);
  }

  /**
   * Fills in the length that counts itself, as messages have it.
   *
   * @throws {DataError} If the message is longer than the server takes.
   */
  end(mark: number): void {
    const length = this.length - mark;
    if (length > MAX_MESSAGE_LENGTH) {
      throw new UnwritableError(
        "a message",
        `must be at most ${MAX_MESSAGE_LENGTH} bytes, but is ${length}`,
      );
    }
    this.patch_i32(mark, length);
  }

  /** Leaves room for a 32-bit length that does not count itself; give the result to `end_value()`. */
  begin_value(): number {
    return this.#skip(4);
  }

  /** Fills in the length that does not count itself, as values have it. */
  end_value(mark: number): void {
    this.patch_i32(mark, this.length - mark - 4);
  }

  /** Overwrites the 16-bit integer at `at`. */
  patch_i16(at: number, value: number): void {
    this.#view.setInt16(this.#start + at, value);
  }

  /** Overwrites the 32-bit integer at `at`. */
  patch_i32(at: number, value: number): void {
    this.#view.setInt32(this.#start + at, value);
  }

  /** Short ASCII; false, with nothing written, for anything else. */
  #ascii(text: string): boolean {
    const at = this.#grow(text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f || unit === 0) {
        this.#end = at;
        return false;
      }
      this.#bytes[at + i] = unit;
    }
    return true;
  }

  /** Leaves room for `size` bytes; the result is for `patch_i32()`, wherever the buffer is then. */
  #skip(size: number): number {
    return this.#grow(size) - this.#start;
  }

  /** Makes room for `size` more bytes and returns where they begin in the buffer. */
  #grow(size: number): number {
    if (this.#end + size > this.#bytes.length) this.#reallocate(this.length + size);
    const at = this.#end;
    this.#end = at + size;
    return at;
  }

  #reallocate(need: number): void {
    if (need > MAX_MESSAGE_LENGTH * 2) {
      throw new UnwritableError(
        "a message",
        `must be at most ${MAX_MESSAGE_LENGTH} bytes, but needs ${need}`,
      );
    }
    const written = this.peek();
    // Doubling what is in it keeps it linear; doubling the buffer would never end.
    const bytes = new Uint8Array(Math.max(need, 2 * written.length, SLAB));
    bytes.set(written);
    this.#adopt(bytes, written.length);
  }

  #adopt(bytes: Uint8Array, length: number): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = 0;
    this.#end = length;
  }
}

/**
 * Refuses text that PostgreSQL cannot store.
 *
 * @throws {DataError} If `text` holds NUL or a lone surrogate.
 */
export function check_text(text: string): void {
  const fault = text_fault(text);
  if (fault !== null) throw new UnwritableError("text", fault);
}

/** The rule that `text` breaks, or null if PostgreSQL can store it. */
function text_fault(text: string): string | null {
  if (text.includes("\0")) return "must not contain the character NUL (U+0000), but does";
  if (!text.isWellFormed()) return "must be well-formed, but has a lone surrogate";
  return null;
}
