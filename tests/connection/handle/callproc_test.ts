import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Params } from "../../../src/connection/base/call_options.ts";
import { call_statement } from "../../../src/connection/handle/callproc.ts";
import { ProgrammingError } from "../../../src/errors.ts";
import { sql } from "../../../src/sql/template.ts";

describe("call_statement()", () => {
  const calls: [string, Params, string, unknown[]][] = [
    ["now", undefined, 'select * from "now"()', []],
    ["now", null, 'select * from "now"()', []],
    ["inc", [1], 'select * from "inc"($1)', [1]],
    ["inc", [1, null], 'select * from "inc"($1, $2)', [1, null]],
    ["make_date", { month: 2, day: 3 }, 'select * from "make_date"("month" => $1, "day" => $2)', [
      2,
      3,
    ]],
    ["f", { 'a"b': 1 }, 'select * from "f"("a""b" => $1)', [1]],
    ["pg_catalog.Now", [], 'select * from "pg_catalog"."now"()', []],
    ['App."Mixed ""x"" Case"', [], 'select * from "app"."Mixed ""x"" Case"()', []],
    ["ÄÖ$1", [], 'select * from "ÄÖ$1"()', []], // the server folds ASCII alone
  ];
  for (const [name, params, text, values] of calls) {
    it(`calls ${name} with ${JSON.stringify(params)}`, () => {
      assertEquals(call_statement(name, params).compile(), { text, params: values });
    });
  }

  const refused = [
    "",
    ".",
    "a.",
    ".a",
    "a b",
    "1a",
    "a()",
    "a; drop table t",
    'a"b',
    '""',
    '"a',
    "a-b",
    "a\0",
    5 as unknown as string,
    null as unknown as string,
  ];
  for (const name of refused) {
    it(`refuses the name ${JSON.stringify(name)}`, () => {
      assertThrows(() => call_statement(name, []), ProgrammingError);
    });
  }

  for (
    const [params, fact] of [
      [5, "are a number"],
      ["abc", "are a string"],
      [new Map([["a", 1]]), "are a Map"],
      [new Uint8Array(2), "are a Uint8Array"],
    ] as const
  ) {
    it(`refuses params that ${fact}`, () => {
      assertThrows(() => call_statement("f", params as unknown as Params), ProgrammingError, fact);
    });
  }

  it("takes sql fragments as arguments, such as with a cast", () => {
    const { text, params } = call_statement("f", [sql`${1}::int8`, 2]).compile();
    assertEquals([text, params], ['select * from "f"($1::int8, $2)', [1, 2]]);
    const named = call_statement("f", { a: sql`${"x"}::text` }).compile();
    assertEquals([named.text, named.params], ['select * from "f"("a" => $1::text)', ["x"]]);
  });
});
