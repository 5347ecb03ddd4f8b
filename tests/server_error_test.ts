/** What the server reported, as the error that callers catch and read. */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as errors from "../src/errors.ts";
import { server_error, server_message } from "../src/server_error.ts";
import { conditions } from "../src/sqlstate.ts";

const NOTHING: errors.Diagnostic = {
  severity: "ERROR",
  sqlstate: "42601",
  message_primary: "syntax error",
  message_detail: null,
  message_hint: null,
  statement_position: null,
  internal_position: null,
  internal_query: null,
  context: null,
  schema_name: null,
  table_name: null,
  column_name: null,
  datatype_name: null,
  constraint_name: null,
  source_file: null,
  source_line: null,
  source_function: null,
};

// The map of psycopg2, by SQLSTATE.
const CLASSES: [string, keyof typeof errors][] = [
  ["00000", "DatabaseError"],
  ["01000", "DatabaseError"],
  ["03000", "DatabaseError"],
  ["08006", "OperationalError"],
  ["0A000", "NotSupportedError"],
  ["0B000", "DatabaseError"],
  ["20000", "ProgrammingError"],
  ["21000", "ProgrammingError"],
  ["22012", "DataError"],
  ["23505", "IntegrityError"],
  ["24000", "InternalError"],
  ["25P02", "InternalError"],
  ["26000", "OperationalError"],
  ["27000", "OperationalError"],
  ["28P01", "OperationalError"],
  ["2BP01", "InternalError"],
  ["2D000", "InternalError"],
  ["2F002", "InternalError"],
  ["34000", "OperationalError"],
  ["38000", "InternalError"],
  ["39000", "InternalError"],
  ["3B001", "InternalError"],
  ["3D000", "ProgrammingError"],
  ["3F000", "ProgrammingError"],
  ["40001", "TransactionRollbackError"],
  ["40P01", "TransactionRollbackError"],
  ["42P01", "ProgrammingError"],
  ["44000", "ProgrammingError"],
  ["53300", "OperationalError"],
  ["54001", "OperationalError"],
  ["55P03", "OperationalError"],
  ["57014", "QueryCanceledError"],
  ["57P01", "OperationalError"],
  ["58030", "OperationalError"],
  ["72000", "DatabaseError"],
  ["F0000", "InternalError"],
  ["HV000", "OperationalError"],
  ["P0001", "InternalError"],
  ["XX000", "InternalError"],
  ["MYAPP", "DatabaseError"],
  ["", "DatabaseError"],
];

// What libpq 15 prints for the same error, one column at a time where it is cut.
const EXCERPTS: [string, number, string, string][] = [
  ["select foo", 8, "LINE 1: select foo", "               ^"],
  ["select 1\nfrom x", 15, "LINE 2: from x", "             ^"],
  ["a\r\nb\rc\nd", 8, "LINE 4: d", "        ^"],
  ["select", 7, "LINE 1: select", "              ^"],
  ["\tselect\tx", 9, "LINE 1:  select x", "                ^"],
  ["select '漢字' x", 13, "LINE 1: select '漢字' x", "                      ^"],
  ["select '\u{1f600}' x", 12, "LINE 1: select '\u{1f600}' x", "                    ^"],
  ["é".repeat(3) + "x", 4, "LINE 1: éééx", "           ^"],
  ["x".repeat(60), 1, `LINE 1: ${"x".repeat(60)}`, "        ^"],
  ["x".repeat(61), 1, `LINE 1: ${"x".repeat(60)}...`, "        ^"],
  [
    `${"a".repeat(100)}X${"b".repeat(100)}`,
    101,
    `LINE 1: ...${"a".repeat(50)}X${"b".repeat(9)}...`,
    `${" ".repeat(61)}^`,
  ],
  [`${"a".repeat(100)}X`, 101, `LINE 1: ...${"a".repeat(59)}X`, `${" ".repeat(70)}^`],
  ["\nX", 1, "LINE 1: ", "        ^"],
];

describe("server_error()", () => {
  for (const [sqlstate, name] of CLASSES) {
    it(`makes SQLSTATE ${JSON.stringify(sqlstate)} a ${name}`, () => {
      const error = server_error({ ...NOTHING, sqlstate }, null);
      assertStrictEquals(error.constructor, errors[name]);
    });
  }

  it("makes an error without a SQLSTATE a DatabaseError", () => {
    const error = server_error({ ...NOTHING, sqlstate: null }, null);
    assertStrictEquals(error.constructor, errors.DatabaseError);
  });

  it("never makes a SQLSTATE of PostgreSQL anything but a DatabaseError", () => {
    for (const sqlstate of conditions.keys()) {
      assertInstanceOf(server_error({ ...NOTHING, sqlstate }, null), errors.DatabaseError);
    }
  });

  it("carries the diagnostic, the statement and the condition", () => {
    const diag = { ...NOTHING, sqlstate: "23505" };
    const error = server_error(diag, "insert into t values (1)");
    assertStrictEquals(error.diag, diag);
    assertEquals(error.query, "insert into t values (1)");
    assertEquals(error.condition, "unique_violation");
    assertEquals(error.pgerror, "ERROR:  syntax error");
    assertEquals(error.safe_to_retry, false);
  });
});

describe("server_message()", () => {
  for (const [query, statement_position, line, caret] of EXCERPTS) {
    const shown = JSON.stringify(query.length > 30 ? `${query.slice(0, 30)}...` : query);
    it(`points at character ${statement_position} of ${shown}`, () => {
      assertEquals(
        server_message({ ...NOTHING, statement_position }, query),
        `syntax error\n${line}\n${caret}`,
      );
    });
  }

  it("keeps the order of psql", () => {
    const diag = {
      ...NOTHING,
      message_primary: "division by zero",
      message_detail: "detail",
      message_hint: "hint",
      internal_position: 8,
      internal_query: "select 1/0",
      context: "PL/pgSQL function f() line 1",
    };
    assertEquals(
      server_message(diag, "select f()"),
      [
        "division by zero",
        "LINE 1: select 1/0",
        "               ^",
        "DETAIL: detail",
        "HINT: hint",
        "QUERY: select 1/0",
        "CONTEXT: PL/pgSQL function f() line 1",
      ].join("\n"),
    );
  });

  it("names the position where the statement is not at hand", () => {
    const diag = { ...NOTHING, statement_position: 8 };
    assertEquals(server_message(diag, null), "syntax error at character 8");
  });

  for (const position of [-1, 0, 9, 2 ** 31, Infinity, NaN]) {
    it(`shows no line for the position ${position} outside of the statement`, () => {
      const diag = { ...NOTHING, statement_position: position };
      assertEquals(server_message(diag, "select "), "syntax error");
    });
  }

  it("shows one short line of a statement of a million characters", () => {
    const query = "x,".repeat(500_000);
    const text = server_message({ ...NOTHING, statement_position: 700_000 }, query);
    assert(text.length < 200, text);
  });

  it("says so when the server gave no message", () => {
    const diag = { ...NOTHING, message_primary: null };
    assertEquals(server_message(diag, null), "the server gave no message");
  });
});
