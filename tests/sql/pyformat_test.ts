/** Which percent signs are placeholders, and which values they take. */

import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ProgrammingError } from "../../src/errors.ts";
import {
  bind_pyformat,
  parse_pyformat,
  pyformat_values,
  type PyformatParams,
} from "../../src/sql/pyformat.ts";

// What becomes of the text; every `%d` is one that would throw if it were read.
const TEXTS: [string, string][] = [
  ["", ""],
  ["select 1", "select 1"],
  ["select %s", "select $1"],
  ["%s", "$1"],
  ["%s%s", "$1 $2"],
  ["select %s, %s", "select $1, $2"],
  ["select %(a)s, %(b)s, %(a)s", "select $1, $2, $1"],
  ["select %(a b-c)s", "select $1"],
  ["select %()s", "select $1"],
  ["select %(__proto__)s", "select $1"],
  ["select 5 %% 2", "select 5 % 2"],
  ["select 5 %% %s", "select 5 % $1"],
  ["%%s", "%s"],
  ["%%%s", "%$1"],
  ["%%(a)s", "%(a)s"],
  ["(%s)::int[]", "($1)::int[]"],
  ["-%s", "-$1"],
  // A placeholder never becomes part of a word or a number.
  ["limit%s", "limit $1"],
  ["%s1", "$1 1"],
  ["%sand", "$1 and"],
  ["é%sé", "é $1 é"],
  ["$%s$", "$ $1 $"],
  // Strings
  ["'%d'", "'%d'"],
  ["'it''s %d' %s", "'it''s %d' $1"],
  ["'a\\' %s", "'a\\' $1"],
  ["'a\\' %s '%d'", "'a\\' $1 '%d'"],
  ["N'%d' %s", "N'%d' $1"],
  ["U&'%d\\0061' %s", "U&'%d\\0061' $1"],
  ["E'a\\'%d' %s", "E'a\\'%d' $1"],
  ["e'a\\\\' %s", "e'a\\\\' $1"],
  ["E'it''s\\'%d' %s", "E'it''s\\'%d' $1"],
  ["E'a'\n'b\\'%d' %s", "E'a'\n'b\\'%d' $1"],
  ["E'a' -- '\n -- '\n 'b\\'%d' %s", "E'a' -- '\n -- '\n 'b\\'%d' $1"],
  ["E'a' 'b\\' %s", "E'a' 'b\\' $1"],
  ["note'b\\' %s", "note'b\\' $1"],
  ["'%d", "'%d"],
  ["E'%d\\", "E'%d\\"],
  // Names
  ['"%d" %s', '"%d" $1'],
  ['"a""%d" %s', '"a""%d" $1'],
  ['U&"%d" %s', 'U&"%d" $1'],
  [`"'" %s`, `"'" $1`],
  // Dollar quotes
  ["$$%d$$ %s", "$$%d$$ $1"],
  ["$a$%d $b$ ' $$ %d$a$ %s", "$a$%d $b$ ' $$ %d$a$ $1"],
  ["$été_1$%d$été_1$ %s", "$été_1$%d$été_1$ $1"],
  ["$1$ %s $1$", "$1$ $1 $1$"],
  ["a$b$ %s", "a$b$ $1"],
  ["a$$ %s", "a$$ $1"],
  ["$a$%d", "$a$%d"],
  // Comments
  ["-- %d\n%s", "-- %d\n$1"],
  ["-- %d\r%s", "-- %d\r$1"],
  ["-- ' %d", "-- ' %d"],
  ["/* %d /* ' */ %d */ %s", "/* %d /* ' */ %d */ $1"],
  ["/* %d", "/* %d"],
  ["1 - -%s", "1 - -$1"],
  ["1 / %s * 2", "1 / $1 * 2"],
];

const MISUSED: [string, string][] = [
  ["%", '"%" is at character 1'],
  ["select %d", '"%d" is at character 8'],
  ["select 5 % 2", '"% " is at character 10'],
  ["select '\u{1f600}', %", '"%" is at character 13'],
  ["%(a", '"%(" is at character 1'],
  ["%(a)", '"%(" is at character 1'],
  ["%(a)d", '"%(" is at character 1'],
  ["%s %(a)s", '"%(a)s" is at character 4'],
  ["%(a)s %s", '"%s" is at character 7'],
  ["%%%", '"%" is at character 3'],
];

const BOUND: [string, PyformatParams, unknown[]][] = [
  ["%s %s", [1, null], [1, null]],
  ["%(a)s %(b)s %(a)s", { a: 1, b: null, unused: 3 }, [1, null]],
  ["select 1", [], []],
  ["select 1", {}, []],
  ["select 1", { unused: 1 }, []],
  ["%(__proto__)s", JSON.parse('{"__proto__": 1}'), [1]],
];

const UNBOUND: [string, unknown, string][] = [
  ["%s %s", [1], "cannot bind %s number 2: the query has 2, but the array has 1"],
  ["%s", [1, 2], "cannot bind %s number 2: the query has 1, but the array has 2"],
  ["select 1", [1], "cannot bind %s number 1: the query has 0, but the array has 1"],
  ["%s", { a: 1 }, "cannot bind %s: it takes an array, but an object was given"],
  ["%(a)s", [1], "cannot bind %(name)s: it takes an object, but an array was given"],
  ["%(a)s", {}, "cannot bind %(a)s: it must have a value"],
  ["%(a)s", { a: undefined }, "cannot bind %(a)s: it must have a value"],
  ["%(constructor)s", {}, "cannot bind %(constructor)s: it must have a value"],
  ["%s", "text", "must be an array or an object, but are of type string"],
  ["%s", 1, "must be an array or an object, but are of type number"],
];

describe("parse_pyformat()", () => {
  for (const [query, text] of TEXTS) {
    it(`reads ${JSON.stringify(query)}`, () => assertEquals(parse_pyformat(query).text, text));
  }

  for (const [query, fact] of MISUSED) {
    it(`refuses ${JSON.stringify(query)}`, () => {
      const error = assertThrows(() => parse_pyformat(query), ProgrammingError, fact);
      assertStringIncludes(error.message, "HINT: a percent sign itself is written %%");
    });
  }

  it("finds exactly the placeholders among pieces in any order", () => {
    const quoted = ["'%d'", "E'\\'%d'", '"%d"', "$$%d$$", "$a$ $$ %d$a$", "/*%d/*'*/*/", "--%d\n"];
    const pieces = [...quoted, "a$b", "5 %% 2", "%s", "%s", "(", ",", "\n"];
    let state = 1;
    const next = () => pieces[(state = state * 48_271 % 0x7fffffff) % pieces.length]!; // Park and Miller
    for (let round = 0; round < 500; round++) {
      const chosen = Array.from({ length: 12 }, next);
      let count = 0;
      const native = chosen.map((piece) => {
        if (piece === "%s") return `$${++count}`;
        return piece.replace("%%", "%");
      });
      assertEquals(parse_pyformat(chosen.join(" ")), {
        text: native.join(" "),
        count,
        names: null,
      });
    }
  });

  it("takes a backslash for an escape where standard_conforming_strings is off", () => {
    const query = "'a\\'%d' %s";
    assertEquals(parse_pyformat(query, { standard_conforming_strings: false }).text, "'a\\'%d' $1");
    assertThrows(() => parse_pyformat(query), ProgrammingError, '"%d"');
  });

  it("counts parameters, and names them in order", () => {
    assertEquals(parse_pyformat("%s %s"), { text: "$1 $2", count: 2, names: null });
    assertEquals(parse_pyformat("%(b)s %(a)s %(b)s"), {
      text: "$1 $2 $1",
      count: 2,
      names: ["b", "a"],
    });
  });

  it("reads a million characters of quotes and comments without recursion", () => {
    const query = `${"'%d'".repeat(50_000)}${"/*".repeat(100_000)}${"*/".repeat(100_000)} %s`;
    assertEquals(parse_pyformat(query).count, 1);
    assertEquals(parse_pyformat("E'" + "\\'".repeat(200_000) + "' %s").count, 1);
    assertEquals(parse_pyformat("E''" + " -- -- ".repeat(50_000)).count, 0);
  });
});

describe("pyformat_values()", () => {
  for (const [query, params, values] of BOUND) {
    it(`binds ${JSON.stringify(params)} to ${query}`, () => {
      assertEquals(pyformat_values(parse_pyformat(query), params), values);
    });
  }

  for (const [query, params, message] of UNBOUND) {
    it(`refuses ${JSON.stringify(params)} for ${query}`, () => {
      const bind = () => pyformat_values(parse_pyformat(query), params as PyformatParams);
      assertThrows(bind, ProgrammingError, message);
    });
  }

  it("never shows a value in an error", () => {
    for (const [query, params] of UNBOUND) {
      const secret = Array.isArray(params) ? params.map(() => "hunter2") : { a_: "hunter2" };
      const bind = () => pyformat_values(parse_pyformat(query), secret);
      assertEquals(assertThrows(bind, ProgrammingError).message.includes("hunter2"), false);
    }
  });
});

describe("bind_pyformat()", () => {
  for (const none of [null, undefined]) {
    it(`leaves the text as it is when params are ${none}`, () => {
      assertEquals(bind_pyformat("select '%' || 5 % 2 -- %s", none), {
        text: "select '%' || 5 % 2 -- %s",
        params: [],
      });
    });
  }

  it("gives native text and values in its order", () => {
    const query = "select * from t where a = %(a)s and b = any(%(b)s) or a > %(a)s";
    const { text, params } = bind_pyformat(query, { b: [1, 2], a: "x" });
    assertEquals(text, "select * from t where a = $1 and b = any($2) or a > $1");
    assertEquals(params, ["x", [1, 2]]);
  });

  it("passes values through untouched", () => {
    const value = { toString: () => "1; drop table t" };
    assertStrictEquals(bind_pyformat("%s", [value]).params[0], value);
  });
});
