import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { decode_utf8 } from "../../src/bytes/utf8.ts";

const CHARACTERS = ["a", "\x7f", "é", "\u07ff", "€", "\ufeff", "😀"];

describe("decode_utf8()", () => {
  it("reads texts of every length, between other bytes", () => {
    for (const character of CHARACTERS) {
      for (let length = 0; length <= 80; length++) {
        for (const text of [character.repeat(length), "a".repeat(length) + character]) {
          const bytes = new TextEncoder().encode(`€${text}é`);
          assertEquals(decode_utf8(bytes, 3, bytes.length - 2), text);
        }
      }
    }
  });

  it("replaces malformed sequences", () => {
    const malformed: [bytes: number[], text: string][] = [
      [[0xff], "\ufffd"],
      [[0x61, 0xc3], "a\ufffd"],
      [[0xc3, 0x61], "\ufffda"],
      [[0xe2, 0x82], "\ufffd"],
      [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"], // a surrogate
      [[0xc0, 0x80], "\ufffd\ufffd"], // an overlong NUL
    ];
    for (const [bytes, text] of malformed) {
      assertEquals(decode_utf8(Uint8Array.from(bytes), 0, bytes.length), text);
    }
  });
});
