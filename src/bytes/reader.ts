/**
 * A bounds-checked big-endian cursor over one message or value.
 *
 * Law: never reads past its end, whatever lengths the bytes claim. For the cold
 * messages; rows are decoded where they lie (rows/).
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import { decode_utf8 } from "./utf8.ts";

/** Reads integers and texts, most significant byte first. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #end: number;
  #at: number;

  /**
   * Reads `bytes[start, end)`, which is exactly the message's body.
   *
   * @param what Names it in errors, such as `"RowDescription"`.
   * @param view On the same bytes, where there is one.
   */
  constructor(
    bytes: Uint8Array,
    what: string,
    start: number = 0,
    end: number = bytes.length,
    view: DataView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  ) {
    this.#bytes = bytes;
    this.#view = view;
    this.#what = what;
    this.#at = start;
    this.#end = end;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** One byte. */
  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** A signed 16-bit integer. */
  i16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  /** An unsigned 16-bit integer. */
  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  /** A signed 32-bit integer. */
  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** An unsigned 32-bit integer. */
  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** The next `size` bytes, as a view on the message. */
  raw(size: number): Uint8Array {
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** All that is left, as a view on the message. */
  rest(): Uint8Array {
    return this.raw(this.left);
  }

  /** UTF-8 up to the next NUL, which is read too. */
  cstring(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0 || end >= this.#end) throw this.malformed("a text has no terminator");
    const text = decode_utf8(this.#bytes, this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** Refuses bytes that are left over. */
  end(): void {
    if (this.left > 0) throw this.malformed(`${this.left} bytes are left over`);
  }

  /** The error for a fact that only the caller can see, such as a count that cannot be true. */
  malformed(fact: string): OperationalError {
    return new OperationalError(`cannot read ${this.#what}: the server sent a malformed message`, {
      detail: fact,
      sqlstate: "08P01",
    });
  }

  #take(size: number): number {
    const at = this.#at;
    if (size < 0 || size > this.#end - at) {
      throw this.malformed(`${size} bytes are needed where ${this.#end - at} are left`);
    }
    this.#at = at + size;
    return at;
  }
}
