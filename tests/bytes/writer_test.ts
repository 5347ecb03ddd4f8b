import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ByteWriter, check_text, MAX_MESSAGE_LENGTH } from "../../src/bytes/writer.ts";
import { DataError } from "../../src/errors.ts";

const writes: [name: string, write: (writer: ByteWriter) => void, bytes: number[]][] = [
  ["u8()", (w) => w.u8(255), [255]],
  ["i16() of a negative", (w) => w.i16(-2), [255, 254]],
  ["i16() of an unsigned", (w) => w.i16(65535), [255, 255]],
  ["i32()", (w) => w.i32(-2), [255, 255, 255, 254]],
  ["i32() of an unsigned", (w) => w.i32(0x80000001), [128, 0, 0, 1]],
  ["i64()", (w) => w.i64(-(2n ** 63n)), [128, 0, 0, 0, 0, 0, 0, 0]],
  ["f32()", (w) => w.f32(-0.5), [191, 0, 0, 0]],
  ["f64()", (w) => w.f64(-0.5), [191, 224, 0, 0, 0, 0, 0, 0]],
  ["raw()", (w) => w.raw(Uint8Array.of(1, 2)), [1, 2]],
  ["text()", (w) => w.text("aé€😀"), [97, 195, 169, 226, 130, 172, 240, 159, 152, 128]],
  ["text() of nothing", (w) => w.text(""), []],
  ["cstring()", (w) => w.cstring("ab"), [97, 98, 0]],
];

/** Texts around the length where another way of encoding begins. */
const lengths = [1, 39, 40, 41, 1023, 1024, 1025, 5000];

describe("ByteWriter", () => {
  for (const [name, write, bytes] of writes) {
    it(`.${name} writes its bytes`, () => {
      const writer = new ByteWriter(1);
      writer.u8(7);
      write(writer);
      assertEquals(writer.length, 1 + bytes.length);
      assertEquals(writer.peek(), Uint8Array.of(7, ...bytes));
    });
  }

  it(".text() writes texts of any length as TextEncoder does", () => {
    for (const length of lengths) {
      for (const character of ["a", "é", "€", "😀"]) {
        for (const text of [character.repeat(length), `${"a".repeat(length - 1)}${character}`]) {
          const writer = new ByteWriter(1);
          writer.text(text);
          assertEquals(writer.take(), new TextEncoder().encode(text), `${length} ${character}`);
        }
      }
    }
  });

  it(".text() refuses what the server cannot store, wherever it is", () => {
    for (const length of lengths) {
      const rest = "a".repeat(length - 1);
      for (const bad of ["\0", "\ud800", "\udc00"]) {
        for (const text of [bad + rest, rest + bad]) {
          assertThrows(() => new ByteWriter().text(text), DataError, "cannot encode text");
          assertThrows(() => check_text(text), DataError, "cannot encode text");
        }
      }
    }
  });

  it(".truncate() takes back what a throw left unfinished", () => {
    const writer = new ByteWriter();
    writer.cstring("before");
    const length = writer.length;
    assertThrows(() => {
      writer.begin(0x51);
      writer.cstring("x".repeat(2000));
      writer.cstring("\0");
    }, DataError);
    writer.truncate(length);
    writer.u8(1);
    assertEquals(writer.take(), Uint8Array.of(98, 101, 102, 111, 114, 101, 0, 1));
  });

  it(".end() fills in a length that counts itself but not the tag", () => {
    const writer = new ByteWriter();
    const tagged = writer.begin(0x51);
    writer.raw(new Uint8Array(2000)); // the buffer moves
    writer.end(tagged);
    const untagged = writer.begin_untagged();
    writer.u8(9);
    writer.end(untagged);
    const bytes = writer.take();
    assertEquals(bytes.subarray(0, 5), Uint8Array.of(0x51, 0, 0, 7, 212));
    assertEquals(bytes.subarray(2005), Uint8Array.of(0, 0, 0, 5, 9));
  });

  it(".end_value() fills in a length that does not count itself", () => {
    const writer = new ByteWriter();
    const value = writer.begin_value();
    writer.text("abc");
    writer.end_value(value);
    assertEquals(writer.take(), Uint8Array.of(0, 0, 0, 3, 97, 98, 99));
  });

  it(".patch_i16() and .patch_i32() overwrite in place", () => {
    const writer = new ByteWriter();
    writer.raw(new Uint8Array(8));
    writer.patch_i16(1, 0x0102);
    writer.patch_i32(4, 0x03040506);
    assertEquals(writer.take(), Uint8Array.of(0, 1, 2, 0, 3, 4, 5, 6));
  });

  it(".take() gives the bytes away for good", () => {
    const writer = new ByteWriter();
    writer.text("one");
    const taken = writer.take();
    writer.text("two");
    assertEquals(taken, Uint8Array.of(111, 110, 101));
    assertEquals(writer.peek(), Uint8Array.of(116, 119, 111));
  });

  it(".take() does not make the buffer grow, however often much was written", () => {
    const writer = new ByteWriter();
    for (let flight = 0; flight < 100; flight++) {
      for (let i = 0; i < 70; i++) writer.raw(new Uint8Array(1000));
      assert(writer.take().buffer.byteLength <= 4 * 70_000);
    }
  });

  it(".raw() refuses more than any message can hold, before it takes memory", () => {
    for (const length of [2 * MAX_MESSAGE_LENGTH + 1, 2 ** 32, 2 ** 32 + 8, 2 ** 40]) {
      const huge = { length } as Uint8Array;
      assertThrows(() => new ByteWriter().raw(huge), DataError, `must be at most`);
    }
  });
});
