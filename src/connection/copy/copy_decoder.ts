/**
 * COPY's data as rows, binary or text. The formats are those of the encoder.
 *
 * Law: data may be cut anywhere. What came of a row is kept until it is whole, and no count or
 * length is believed before its bytes are there.
 *
 * @module
 */

import { decode_utf8 } from "../../bytes/utf8.ts";
import type { TypeCodec } from "../../codecs/codec.ts";
import { OperationalError } from "../../errors.ts";
import type { Column } from "../../rows/column.ts";
import { row_decoder, type RowDecoder } from "../../rows/decoder.ts";
import type { RowFactory } from "../../rows/factories.ts";
import { BINARY_END, BINARY_HEADER } from "./copy_encoder.ts";

/** Reads rows out of chunks. */
export interface CopyDecoder<R> {
  /** Takes `bytes[start, end)`, valid during the call, and gives each row that is whole to `give`. */
  push(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    give: (row: R) => void,
  ): void;
  /** All data came. Throws if that ends within a row. */
  end(): void;
}

/** For a COPY in binary, where every column's codec reads it, else in text. */
export function copy_decoder<R>(
  columns: readonly Column[],
  codecs: readonly TypeCodec[],
  factory: RowFactory<R>,
): CopyDecoder<R> {
  return is_binary(codecs)
    ? new BinaryDecoder(row_decoder(columns, codecs, codecs.map(() => 1), factory))
    : new TextPieces(codecs, factory(columns));
}

/** Whether rows of these types are read in binary. */
export function is_binary(codecs: readonly TypeCodec[]): boolean {
  return codecs.every((codec) => codec.format === 1);
}

/** What is not whole yet. */
abstract class Pieces<R> implements CopyDecoder<R> {
  #rest: Uint8Array = new Uint8Array(0);

  /** Gives the rows in `bytes[start, end)`; returns where the one begins that is not whole. */
  protected abstract read(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    give: (row: R) => void,
  ): number;

  push(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    give: (row: R) => void,
  ): void {
    const held = this.#rest.length;
    if (held > 0) {
      const joined = new Uint8Array(held + end - start);
      joined.set(this.#rest);
      joined.set(bytes.subarray(start, end), held);
      bytes = joined;
      view = new DataView(joined.buffer);
      start = 0;
      end = joined.length;
    }
    const left = this.read(bytes, view, start, end, give);
    if (left < end || held > 0) this.#rest = bytes.slice(left, end);
  }

  end(): void {
    if (this.#rest.length > 0) throw malformed("it ends within a row");
  }
}

class BinaryDecoder<R> extends Pieces<R> {
  readonly #decode: RowDecoder<R>;
  #begun = false;
  #ended = false;

  constructor(decode: RowDecoder<R>) {
    super();
    this.#decode = decode;
  }

  override end(): void {
    super.end();
    if (!this.#ended) throw malformed("it has no end");
  }

  protected override read(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    give: (row: R) => void,
  ): number {
    let at = this.#begun ? start : this.#read_header(bytes, view, start, end);
    while (this.#begun && !this.#ended) {
      const next = this.#end_of_row(view, at, end);
      if (next < 0) break;
      if (!this.#ended) give(this.#decode(bytes, view, at, next)); // as the body of a DataRow
      at = next;
    }
    if (this.#ended && at < end) throw malformed("more follows its end");
    return at;
  }

  #read_header(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    if (end - start < BINARY_HEADER.length) return start;
    const extension = start + BINARY_HEADER.length - 4;
    for (let i = start; i < extension - 4; i++) {
      if (bytes[i] !== BINARY_HEADER[i - start]) throw malformed("it has another signature");
    }
    // The high half of the flags is for what changes the format; row OIDs are no more.
    if (view.getUint16(extension - 4) !== 0) throw malformed("it has a flag that is not known");
    const length = view.getInt32(extension);
    if (length < 0) throw malformed("its header is of negative length");
    if (length > end - extension - 4) return start;
    this.#begun = true;
    return extension + 4 + length;
  }

  /** Where the row that begins at `at` ends; -1 if it is not whole. */
  #end_of_row(view: DataView, at: number, end: number): number {
    if (end - at < 2) return -1;
    const count = view.getInt16(at);
    at += 2;
    if (count === BINARY_END) {
      this.#ended = true;
      return at;
    }
    for (let i = 0; i < count; i++) {
      if (end - at < 4) return -1;
      const length = view.getInt32(at);
      at += 4;
      if (length > 0) at += length;
      if (at > end) return -1;
    }
    return at;
  }
}

class TextPieces<R> extends Pieces<R> {
  readonly #codecs: readonly TypeCodec[];
  readonly #make: (values: unknown[]) => R;

  constructor(codecs: readonly TypeCodec[], make: (values: unknown[]) => R) {
    super();
    this.#codecs = codecs;
    this.#make = make;
  }

  protected override read(
    bytes: Uint8Array,
    _view: DataView,
    start: number,
    end: number,
    give: (row: R) => void,
  ): number {
    for (;;) {
      const newline = bytes.indexOf(0x0a, start);
      if (newline < 0 || newline >= end) return start;
      give(this.#row(decode_utf8(bytes, start, newline)));
      start = newline + 1;
    }
  }

  #row(line: string): R {
    const codecs = this.#codecs;
    const texts = codecs.length === 0 ? [] : line.split("\t");
    if (texts.length !== codecs.length) {
      throw malformed(`a row has ${texts.length} values in place of ${codecs.length}`);
    }
    return this.#make(
      texts.map((text, i) => text === "\\N" ? null : codecs[i]!.decode_text(unescape_copy(text))),
    );
  }
}

const UNESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function unescape_copy(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/gs, (_, one: string) => UNESCAPES[one] ?? one);
}

function malformed(fact: string): OperationalError {
  return new OperationalError("cannot read a COPY: the server sent malformed data", {
    detail: fact,
    sqlstate: "08P01",
  });
}
