import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Xid } from "../../../src/connection/transaction/xid.ts";
import { ProgrammingError } from "../../../src/errors.ts";

describe("Xid", () => {
  // As psycopg2 writes them.
  const written: [number, string, string, string][] = [
    [1, "a", "b", "1_YQ==_Yg=="],
    [0, "", "", "0__"],
    [42, "gtrid", "bqual", "42_Z3RyaWQ=_YnF1YWw="],
    [0x7fffffff, "x".repeat(64), "y'", `2147483647_${btoa("x".repeat(64))}_eSc=`],
  ];
  for (const [format_id, gtrid, bqual, gid] of written) {
    it(`is written as ${gid}, and read again`, () => {
      const xid = new Xid(format_id, gtrid, bqual);
      assertEquals(xid.toString(), gid);
      assertEquals([...xid], [format_id, gtrid, bqual]);
      assertEquals(Xid.from_string(gid), xid);
    });
  }

  const foreign = [
    "",
    "anything",
    "1_YQ==",
    "1_YQ==_Yg==_",
    "1_YQ=_Yg==", // no base64
    "1_YR==_Yg==", // the same bytes as YQ==, but not what we write
    "01_YQ==_Yg==",
    "2147483648_YQ==_Yg==",
    "99999999999999999999_YQ==_Yg==",
    "1_w6k=_Yg==", // not ASCII
    "1_YQ==_CgA=", // not printable
    `1_${btoa("x".repeat(65))}_Yg==`,
    "é".repeat(99),
  ];
  for (const gid of foreign) {
    it(`takes ${JSON.stringify(gid.slice(0, 30))} for someone else's, whole`, () => {
      const xid = Xid.from_string(gid);
      assertEquals([...xid], [null, gid, null]);
      assertEquals(xid.toString(), gid);
    });
  }

  it("carries what the server knows of it", () => {
    const facts = { prepared: new Date(0), owner: "me", database: "db" };
    const { prepared, owner, database } = Xid.from_string("1_YQ==_Yg==", facts);
    assertEquals({ prepared, owner, database }, facts);
    assertEquals(new Xid(1, "a", "b").owner, null);
  });

  const refused: [string, [number | null, string, string | null], string][] = [
    ["a negative format_id", [-1, "a", "b"], "format_id"],
    ["a format_id of more than 31 bits", [0x80000000, "a", "b"], "format_id"],
    ["a format_id that is no whole number", [1.5, "a", "b"], "format_id"],
    ["a long gtrid", [1, "x".repeat(65), "b"], "gtrid must be text of at most 64 bytes"],
    ["a long bqual", [1, "a", "x".repeat(65)], "bqual must be text of at most 64 bytes"],
    ["a bqual that is none", [1, "a", null], "bqual"],
    ["a control character", [1, "a\n", "b"], "printable"],
    ["a character that is not ASCII", [1, "a", "é"], "printable"],
    ["a text that the server would refuse", [null, "é".repeat(100), null], "at most 199 bytes"],
  ];
  for (const [name, parts, message] of refused) {
    it(`refuses ${name}`, () => {
      const error = assertThrows(() => new Xid(...parts), ProgrammingError);
      assertStringIncludes(error.message, message);
    });
  }
});
