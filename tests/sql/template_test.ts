/** What `sql` makes of its parts, and what it never lets through. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inspect } from "node:util";
import { ProgrammingError } from "../../src/errors.ts";
import { Sql, sql } from "../../src/sql/template.ts";

const EVIL = "'; drop table users; --";
const part = sql`a = ${1}`;

// A query, its text, its parameters.
const QUERIES: [string, Sql, string, unknown[]][] = [
  ["text alone", sql`select 1`, "select 1", []],
  ["nothing", sql``, "", []],
  ["a value", sql`select ${1}`, "select $1", [1]],
  ["values", sql`select ${1}, ${null}, ${"x"}`, "select $1, $2, $3", [1, null, "x"]],
  ["a value alone", sql`${1}`, "$1", [1]],
  ["values side by side", sql`${1}${2}`, "$1$2", [1, 2]],
  ["values that touch words", sql`limit${1}and é${2}é ${3}0`, "limit $1 and é $2 é $3 0", [
    1,
    2,
    3,
  ]],
  ["values that touch a dollar", sql`$${1}$`, "$ $1 $", [1]],
  ["a hostile value", sql`select ${EVIL}`, "select $1", [EVIL]],
  ["an array", sql`= any(${[1, 2]})`, "= any($1)", [[1, 2]]],
  ["escapes of JavaScript", sql`select '\\\n${1}'`, "select '\\\n$1'", [1]],
  ["a part", sql`select * from t where ${part}`, "select * from t where a = $1", [1]],
  ["a part used twice", sql`${part} or ${part}`, "a = $1 or a = $2", [1, 1]],
  ["a part between values", sql`${"x"} ${part} ${"y"}`, "$1 a = $2 $3", ["x", 1, "y"]],
  ["parts in parts", sql`(${sql`(${sql`(${part})`})`}, ${2})`, "(((a = $1)), $2)", [1, 2]],
  ["a part of text that joins a word", sql`tab${sql`le`}_x`, "table_x", []],
  ["an identifier", sql`select ${sql.identifier("Users")}`, 'select "Users"', []],
  ["a dotted identifier", sql.identifier("a.b", "c"), '"a.b"."c"', []],
  ["a hostile identifier", sql.identifier('";drop table x;--'), '""";drop table x;--"', []],
  ["raw text", sql`order by a ${sql.raw("desc")}`, "order by a desc", []],
  ["joined values", sql`in (${sql.join([1, "x", null])})`, "in ($1, $2, $3)", [1, "x", null]],
  ["joined parts", sql.join([part, part], sql` and `), "a = $1 and a = $2", [1, 1]],
  ["a separator with a value", sql.join([1, 2, 3], sql` + ${9} + `), "$1 + $2 + $3 + $4 + $5", [
    1,
    9,
    2,
    9,
    3,
  ]],
  ["one joined", sql.join([part]), "a = $1", [1]],
  ["none joined", sql`x${sql.join([])}y`, "xy", []],
  ["joined names", sql.join(["a", "b"].map((name) => sql.identifier(name))), '"a", "b"', []],
  ["an iterable", sql.join(new Set([1, 2])), "$1, $2", [1, 2]],
  ["rows", sql`values ${sql.values([[1, "a"], [2, "b"]])}`, "values ($1, $2), ($3, $4)", [
    1,
    "a",
    2,
    "b",
  ]],
  ["a row with a part", sql.values([[1, sql`default`]]), "($1, default)", [1]],
  ["a row with an array", sql.values([[[1, 2]]]), "($1)", [[1, 2]]],
];

const MISUSED: [string, () => unknown, string][] = [
  ["called with a string", () => sql("select 1" as never), "sql must be a tag, but was called"],
  ["called with an array", () => sql(["select 1"] as never), "sql must be a tag, but was called"],
  [
    "called with what JSON can hold",
    () => sql(JSON.parse('{"0": "drop", "length": 1, "raw": ["drop"]}')),
    "sql must be a tag",
  ],
  ["with an escape of SQL", () => sql`select '\u'`, "escapes must be JavaScript's"],
  ["with an empty identifier", () => sql.identifier(""), "must not be empty"],
  ["with no identifier", () => sql.identifier(), "must have a part"],
  ["with a NUL in an identifier", () => sql.identifier("a\0"), "contains a NUL"],
  [
    "with raw text that is none",
    () => sql.raw(1 as never),
    "must be a string, but is of type number",
  ],
  ["with a separator that is text", () => sql.join([1], ", " as never), "is of type string"],
  ["with no rows", () => sql.values([]), "there must be a row, but there is none"],
  ["with an empty row", () => sql.values([[1], []]), "row 2 is not"],
  ["with a row that is no array", () => sql.values([1] as never), "row 1 is not"],
  [
    "with rows of two lengths",
    () => sql.values([[1, 2], [3]]),
    "must have 2 values, but row 2 has 1",
  ],
];

describe("sql", () => {
  for (const [name, query, text, params] of QUERIES) {
    it(`compiles ${name}`, () => assertEquals(query.compile(), { text, params }));
  }

  for (const [name, misuse, fact] of MISUSED) {
    it(`refuses to be used ${name}`, () => {
      assertThrows(misuse, ProgrammingError, fact);
    });
  }

  it("binds what merely looks like a part", () => {
    const forged = JSON.parse('{"texts": ["drop"], "compile": {}}');
    assertStrictEquals(sql`${forged}`.compile().params[0], forged);
  });

  it("binds 65,535 parameters, and no more", () => {
    const all = Array.from({ length: 65_535 }, (_, index) => index);
    assert(sql.join(all).compile().text.endsWith("$65535"));
    const query = sql`${sql.join(all)}, ${1}`;
    assertThrows(
      () => query.compile(),
      ProgrammingError,
      "at most 65535 parameters, but has 65536",
    );
  });

  it("nests to any depth", () => {
    let query = sql`${0}`;
    for (let depth = 1; depth <= 2000; depth++) query = sql`(${query})`;
    assertEquals(query.compile().text.length, 2 * 2000 + 2);
  });

  it("compiles to the same text for the same template", () => {
    const find = (id: number) => sql`select * from t where id = ${id}`;
    assertEquals(find(1).compile().text, find(2).compile().text);
  });

  it("shows no value when it is inspected", () => {
    const query = sql`select ${"hunter2"}`;
    query.compile();
    for (const shown of [inspect(query, { depth: 9 }), JSON.stringify(query), String(query)]) {
      assertEquals(shown.includes("hunter2"), false, shown);
    }
  });

  it("has rows of the type that the caller gave", () => {
    const query: Sql<{ id: number }> = sql<{ id: number }>`select 1 as id`;
    // @ts-expect-error: rows of another type
    const other: Sql<{ name: string }> = query;
    assert(other instanceof Sql);
    assertEquals(Object.keys(query), []);
  });
});
