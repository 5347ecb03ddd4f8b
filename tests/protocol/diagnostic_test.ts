import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Diagnostic, OperationalError } from "../../src/errors.ts";
import { decode_diagnostic } from "../../src/protocol/diagnostic.ts";
import { concat, type Part } from "../support/messages.ts";
import { no_diagnostic } from "./samples.ts";

const MALFORMED = Uint8Array.of(0x4d, 0x61, 0xff, 0x62, 0);

const bodies: [name: string, body: Part[], diag: Partial<Diagnostic>][] = [
  ["no field at all", ["\0"], {}],
  ["only unknown fields", ["zhm\0", "!hm\0", "\0"], {}],
  ["no SQLSTATE", ["SERROR\0", "Mno\0", "\0"], { severity: "ERROR", message_primary: "no" }],
  ["a field twice", ["Mone\0", "Mtwo\0", "\0"], { message_primary: "two" }],
  ["an empty field", ["D\0", "\0"], { message_detail: "" }],
  ["invalid UTF-8", [MALFORMED, "\0"], { message_primary: "a\ufffdb" }],
  ["a translated severity", ["SFEHLER\0", "VERROR\0", "\0"], { severity: "ERROR" }],
  ["the severities in the other order", ["VERROR\0", "SFEHLER\0", "\0"], { severity: "ERROR" }],
  ["only a translated severity", ["SFEHLER\0", "\0"], { severity: "FEHLER" }],
  ["positions", ["P12\0", "p4000000000\0", "\0"], {
    statement_position: 12,
    internal_position: 4_000_000_000,
  }],
  ["positions that are none", ["P0\0", "p-1\0", "\0"], {}],
  ["positions that are no numbers", ["P1e3\0", "p99999999999\0", "\0"], {}],
  [
    "all fields",
    [
      ..."S1 V2 C3 M4 D5 H6 P7 p8 q9 W10 s11 t12 c13 d14 n15 F16 L17 R18".split(" ")
        .map((field) => `${field}\0`),
      "\0",
    ],
    {
      severity: "2",
      sqlstate: "3",
      message_primary: "4",
      message_detail: "5",
      message_hint: "6",
      statement_position: 7,
      internal_position: 8,
      internal_query: "9",
      context: "10",
      schema_name: "11",
      table_name: "12",
      column_name: "13",
      datatype_name: "14",
      constraint_name: "15",
      source_file: "16",
      source_line: "17",
      source_function: "18",
    },
  ],
];

const malformed: [name: string, body: string][] = [
  ["nothing at all", ""],
  ["a list without end", "Mno\0"],
  ["a text without end", "Mno"],
  ["a field without text", "M"],
  ["bytes after the end", "Mno\0\0x"],
];

describe("decode_diagnostic()", () => {
  for (const [name, body, diag] of bodies) {
    it(`takes ${name}`, () => {
      assertEquals(decode_diagnostic(concat(...body), "ErrorResponse"), {
        ...no_diagnostic,
        ...diag,
      });
    });
  }

  for (const [name, body] of malformed) {
    it(`refuses ${name}`, () => {
      const error = assertThrows(
        () => decode_diagnostic(concat(body), "NoticeResponse"),
        OperationalError,
        "cannot read NoticeResponse",
      );
      assertEquals(error.sqlstate, "08P01");
    });
  }
});
