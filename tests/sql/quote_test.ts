/** Names and texts that try to get out of their quotes. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ProgrammingError } from "../../src/errors.ts";
import { quote_identifier, quote_literal, quote_qualified } from "../../src/sql/quote.ts";

const IDENTIFIERS: [string, string][] = [
  ["users", '"users"'],
  ["Users", '"Users"'],
  ["select", '"select"'],
  ["a.b", '"a.b"'],
  ['a"b', '"a""b"'],
  ['";drop table x;--', '""";drop table x;--"'],
  ['"', '""""'],
  [" ", '" "'],
  ["\\", '"\\"'],
  ["'", `"'"`],
  ["$1", '"$1"'],
  ["%s", '"%s"'],
  ["naïve 漢字 \u{1f600}", '"naïve 漢字 \u{1f600}"'],
  ["line\nfeed", '"line\nfeed"'],
];

const LITERALS: [string, string][] = [
  ["", "''"],
  ["plain", "'plain'"],
  ["it's", "'it''s'"],
  ["'; drop table x; --", "'''; drop table x; --'"],
  ["\\", " E'\\\\'"],
  ["\\'", " E'\\\\'''"],
  ["$$", "'$$'"],
  ["\u{1f600}", "'\u{1f600}'"],
];

const NOT_TEXT: [unknown, string][] = [
  ["a\0b", "contains a NUL"],
  ["\0", "contains a NUL"],
  ["\ud83d", "contains a lone surrogate"],
  ['\udc00";--', "contains a lone surrogate"],
  [undefined, "is of type undefined"],
  [null, "is of type object"],
  [1, "is of type number"],
];

describe("quote_identifier()", () => {
  for (const [name, expected] of IDENTIFIERS) {
    it(`quotes ${JSON.stringify(name)}`, () => assertEquals(quote_identifier(name), expected));
  }

  for (const [name, fact] of NOT_TEXT) {
    it(`refuses ${JSON.stringify(name)}`, () => {
      assertThrows(() => quote_identifier(name as string), ProgrammingError, fact);
    });
  }

  it("refuses an empty name", () => {
    assertThrows(() => quote_identifier(""), ProgrammingError, "must not be empty");
  });
});

describe("quote_qualified()", () => {
  it("puts dots between quoted parts only", () => {
    assertEquals(quote_qualified("a.b", 'c"d', "e"), '"a.b"."c""d"."e"');
  });

  it("refuses no parts, and an empty part", () => {
    assertThrows(() => quote_qualified(), ProgrammingError, "has none");
    assertThrows(() => quote_qualified("a", ""), ProgrammingError, "must not be empty");
  });
});

describe("quote_literal()", () => {
  for (const [text, expected] of LITERALS) {
    it(`quotes ${JSON.stringify(text)}`, () => assertEquals(quote_literal(text), expected));
  }

  for (const [text, fact] of NOT_TEXT) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assertThrows(() => quote_literal(text as string), ProgrammingError, fact);
    });
  }
});
