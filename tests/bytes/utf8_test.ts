import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { decode_utf8 } from "../../src/bytes/utf8.ts";

const CHARACTERS = ["a", "\x7f", "é", "\u07ff", "€", "\ufeff", "😀"];

describe("decode_utf8()", () => {
  it("reads texts of every length, between other bytes", () => {
    for (const character of CHARACTERS) {
      for (let length = 0; length <= 80; length++) {
        const counted = Array.from({ length }, (_, i) => String.fromCharCode(0x21 + i)).join("");
        for (const text of [character.repeat(length), counted, counted + character]) {
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

  it("reads whatever bytes as TextDecoder does", () => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf];
    const leads = [0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff];
    const all = [...edges, ...leads];
    const bytes = new Uint8Array([0x61, 0, 0, 0, 0, 0x80]); // what follows is not to be read
    for (const [i, a] of all.entries()) {
      for (const b of all) {
        for (const c of all) {
          bytes.set([a, b, c, all[(i * 7 + b + c) % all.length]!], 1);
          for (let end = 2; end <= 5; end++) {
            const expected = decoder.decode(bytes.subarray(0, end));
            assertEquals(decode_utf8(bytes, 0, end), expected, String(bytes.subarray(0, end)));
          }
        }
      }
    }
  });
});
