import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ByteReader } from "../../src/bytes/reader.ts";
import { OperationalError } from "../../src/errors.ts";

/** `[method, bytes, value]`. */
const reads: [
  name: string,
  read: (reader: ByteReader) => unknown,
  bytes: number[],
  value: unknown,
][] = [
  ["u8()", (r) => r.u8(), [0xff], 255],
  ["i16()", (r) => r.i16(), [0xff, 0xfe], -2],
  ["u16()", (r) => r.u16(), [0xff, 0xfe], 65534],
  ["i32()", (r) => r.i32(), [0x80, 0, 0, 0], -(2 ** 31)],
  ["u32()", (r) => r.u32(), [0x80, 0, 0, 1], 2 ** 31 + 1],
  ["raw()", (r) => r.raw(2), [1, 2], Uint8Array.of(1, 2)],
  ["cstring()", (r) => r.cstring(), [0xc3, 0xa9, 0], "é"],
  ["cstring() with a byte order mark", (r) => r.cstring(), [0xef, 0xbb, 0xbf, 0], "\ufeff"],
  ["cstring() with malformed UTF-8", (r) => r.cstring(), [0x61, 0xff, 0], "a\ufffd"],
  ["cstring() with nothing in it", (r) => r.cstring(), [0], ""],
];

/** The bytes amid others, which are not to be read. */
function reader_of(bytes: number[]): ByteReader {
  const padded = Uint8Array.of(9, 9, 9, ...bytes, 0, 0, 0, 0, 0, 0, 0, 0);
  return new ByteReader(padded.subarray(3, 3 + bytes.length), "Thing");
}

describe("ByteReader", () => {
  for (const [name, read, bytes, value] of reads) {
    it(`.${name} reads its bytes and no more`, () => {
      const reader = reader_of(bytes);
      assertEquals(read(reader), value);
      assertEquals(reader.left, 0);
      reader.end();
    });

    it(`.${name} refuses to read past the end`, () => {
      const reader = reader_of(bytes.slice(0, -1));
      const error = assertThrows(() => read(reader), OperationalError, "cannot read Thing");
      assertEquals(error.sqlstate, "08P01");
    });
  }

  it(".raw() refuses a negative size", () => {
    assertThrows(() => reader_of([1, 2]).raw(-1), OperationalError, "-1 bytes are needed");
  });

  it(".rest() takes all that is left", () => {
    const reader = reader_of([1, 2, 3]);
    reader.u8();
    assertEquals(reader.rest(), Uint8Array.of(2, 3));
    assertEquals(reader.rest(), new Uint8Array(0));
  });

  it(".end() refuses bytes that are left over", () => {
    const reader = reader_of([1, 2, 3]);
    reader.u8();
    assertThrows(() => reader.end(), OperationalError, "2 bytes are left over");
  });
});
