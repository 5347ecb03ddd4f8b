import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { code_of, from_first_word, next_mark } from "../../src/sql/scan.ts";

/** All marks, as one text. */
function marks(query: string, standard_conforming_strings = true): string {
  const found: string[] = [];
  for (let at = 0;;) {
    const mark = next_mark(query, at, { standard_conforming_strings });
    if (mark === null) return found.join(" ");
    assertEquals(query.slice(mark.start, mark.end), mark.text);
    found.push(mark.text);
    at = mark.end;
  }
}

describe("next_mark()", () => {
  const queries: [string, string][] = [
    ["", ""],
    ["select 1", ""],
    ["select $1, $22 % $3", "$1 $22 % $3"],
    ["($1)", "$1"],
    ["-$1::int", "$1"],
    ["x=$1and", "$1"],
    ["a$1", ""], // an identifier
    ["é$1", ""],
    ["$a$ $1 $a$ $2", "$2"],
    ["$$ $1 $$ $2", "$2"],
    ["'$1' $2", "$2"],
    ["'it''s $1' $2", "$2"],
    ["E'it\\'s $1' $2", "$2"],
    ['"$1" $2', "$2"],
    ["-- $1\n$2", "$2"],
    ["/* $1 /* $2 */ $3 */ $4", "$4"],
    ["'$1", ""],
  ];
  for (const [query, expected] of queries) {
    it(`finds ${expected || "nothing"} in ${JSON.stringify(query)}`, () => {
      assertEquals(marks(query), expected);
    });
  }

  it("minds the server's setting for backslashes", () => {
    assertEquals(marks("'\\' $1 '$2'", true), "$1");
    assertEquals(marks("'\\' $1 '$2'", false), "$2");
  });
});

describe("code_of()", () => {
  const queries: readonly [query: string, code: string][] = [
    ["", ""],
    ["select 1 % $1", "select 1 % $1"],
    [`select 'a;b', E'\\';', "x;", $$;$$, $a$;$a$, e1`, `select '', '', "", '', '', e1`],
    ["select 1; -- a; b\nselect 2 /* ; /* ; */ ; */;", "select 1;  \nselect 2  ;"],
    ["select 'it''s; '", "select ''''"],
    ["select U&'d\\0061;', b'1', a-b", "select U&'', b'', a-b"],
    ["select 'open;", "select ''"],
  ];
  for (const [query, code] of queries) {
    it(`leaves ${JSON.stringify(code)} of ${JSON.stringify(query)}`, () => {
      assertEquals(code_of(query), code);
    });
  }

  it("minds the server's setting for backslashes", () => {
    const query = "select '\\'; select 2 '";
    assertEquals(code_of(query), "select ''; select 2 ''");
    assertEquals(code_of(query, { standard_conforming_strings: false }), "select ''");
  });
});

describe("from_first_word()", () => {
  const queries: readonly [query: string, rest: string][] = [
    ["", ""],
    ["commit", "commit"],
    [" \n\tselect 1 -- a", "select 1 -- a"],
    ["-- a\n-- b\r/* c */ select /* d */ 1", "select /* d */ 1"],
    ["/* a /* b */ -- c\n */commit", "commit"],
    ["-- a", ""],
    ["/* a /* b */", ""],
    ["/**/".repeat(100_000) + "a", "a"],
  ];
  for (const [query, rest] of queries) {
    it(`leaves ${JSON.stringify(rest)} of ${JSON.stringify(query.slice(0, 50))}`, () => {
      assertEquals(from_first_word(query), rest);
    });
  }
});
