import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { saslprep } from "../../src/protocol/saslprep.ts";

const prepared: [password: string, expected: string, why: string][] = [
  ["I\u00adX", "IX", "a soft hyphen is nothing"],
  ["user", "user", "ASCII stays"],
  ["\u00aa", "a", "NFKC"],
  ["\u2168", "IX", "NFKC"],
  ["a\u00a0\u3000b", "a  b", "spaces are spaces"],
  ["a\u200bb", "a b", "a zero-width space is a space first, and nothing second"],
  ["e\u0301\ufb01", "éfi", "NFKC"],
  ["\u0627\ufb50\u0628", "\u0627\u0671\u0628", "right to left all along"],
  ["\u0627 \ufb50", "\u0627 \u0671", "with a neutral character inside"],
];

/** Each would change if it were normalized. */
const kept: [password: string, why: string][] = [
  ["\u0007", "ASCII is not even checked"],
  ["", "nothing"],
  ["\u00ad", "nothing would be left"],
  ["ﬁ\u0007", "a control character"],
  ["ﬁ\u0085", "a control character beyond ASCII"],
  ["ﬁ\ue000", "private use"],
  ["ﬁ\ufdd0", "a noncharacter"],
  ["ﬁ\u{1fffe}", "a noncharacter of another plane"],
  ["ﬁ\ufffd", "inappropriate for plain text"],
  ["ﬁ\u2ff0", "inappropriate for canonical representation"],
  ["ﬁ\u200e", "changes display properties"],
  ["ﬁ\u{e0041}", "tagging"],
  ["ﬁ\u0221", "the first that Unicode 3.2 did not assign"],
  ["ﬁ😀", "assigned after Unicode 3.2"],
  ["ﬁ\u{effff}", "the last that Unicode 3.2 did not assign"],
  ["\u0627ﬁ\u0628", "left to right within right to left"],
  ["\ufb50 ", "right to left up to a neutral character"],
  ["1\ufb50", "right to left after a neutral character"],
  ["\u0340ﬁ", "checked before normalization, which would remove it"],
];

describe("saslprep()", () => {
  for (const [password, expected, why] of prepared) {
    it(`maps and normalizes ${JSON.stringify(password)}: ${why}`, () => {
      assertEquals(saslprep(password), expected);
    });
  }

  for (const [password, why] of kept) {
    it(`keeps ${JSON.stringify(password)} as it is: ${why}`, () => {
      assertEquals(saslprep(password), password);
    });
  }

  it("knows both ends of a range, and what lies beyond them", () => {
    const ranges: [code: number, allowed: boolean][] = [
      [0x233, true],
      [0x234, false], // to 0x24f: unassigned
      [0x24f, false],
      [0x250, true],
      [0x2ad, true],
      [0x2ae, false],
    ];
    for (const [code, allowed] of ranges) {
      const password = `ﬁ${String.fromCodePoint(code)}`;
      assertEquals(saslprep(password) !== password, allowed, code.toString(16));
    }
  });
});
