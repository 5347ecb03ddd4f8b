import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  listen_statement,
  notify_statement,
  unlisten_statement,
} from "../../../src/connection/handle/channels.ts";
import { DataError, type PgError, ProgrammingError } from "../../../src/errors.ts";

const CHANNELS: [string, string][] = [
  ["jobs", '"jobs"'],
  ["Jobs", '"Jobs"'],
  ["a.b", '"a.b"'],
  ['say "hi"; drop table t --', '"say ""hi""; drop table t --"'],
  ["x".repeat(63), `"${"x".repeat(63)}"`],
  ["é".repeat(31), `"${"é".repeat(31)}"`],
];
const REFUSED: [string, string, new (message: string) => PgError][] = [
  ["an empty name", "", ProgrammingError],
  ["a NUL", "a\0b", ProgrammingError],
  ["a lone surrogate", "\ud800", ProgrammingError],
  ["64 bytes", "x".repeat(64), DataError],
  ["64 bytes in 32 characters", "é".repeat(32), DataError],
  ["a number", 5 as unknown as string, ProgrammingError],
];

for (const statement of [listen_statement, unlisten_statement]) {
  describe(`${statement.name}()`, () => {
    for (const [channel, quoted] of CHANNELS) {
      it(`quotes ${quoted.slice(0, 30)}`, () => {
        assertEquals(statement(channel).replace(/^(UN)?LISTEN /, ""), quoted);
      });
    }
    for (const [name, channel, type] of REFUSED) {
      it(`refuses ${name}`, () => {
        assertThrows(() => statement(channel), type);
      });
    }
  });
}

describe("unlisten_statement()", () => {
  it("means all channels where it is given none", () => {
    assertEquals(unlisten_statement(), "UNLISTEN *");
  });
});

describe("notify_statement()", () => {
  it("binds channel and payload", () => {
    const { text, params } = notify_statement("a'b", "it's").compile();
    assertEquals(text, "select pg_catalog.pg_notify($1, $2)");
    assertEquals(params, ["a'b", "it's"]);
  });

  it("takes a payload of 7999 bytes, and none of 8000", () => {
    assertEquals(notify_statement("a", "x".repeat(7999)).compile().params[1], "x".repeat(7999));
    assertThrows(() => notify_statement("a", "x".repeat(8000)), DataError, "but is 8000");
    assertThrows(() => notify_statement("a", "é".repeat(4000)), DataError, "but is 8000");
    assertThrows(() => notify_statement("a", {} as string), DataError, "of type object");
  });

  for (const [name, channel, type] of REFUSED) {
    it(`refuses ${name}`, () => {
      assertThrows(() => notify_statement(channel, ""), type);
    });
  }
});
