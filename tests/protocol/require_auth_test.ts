import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { InterfaceError, OperationalError } from "../../src/errors.ts";
import { ANY_AUTH, check_auth, parse_require_auth } from "../../src/protocol/require_auth.ts";

const valid: [text: string, methods: string[]][] = [
  ["", ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"]],
  ["scram-sha-256", ["scram-sha-256"]],
  ["md5,none", ["md5", "none"]],
  ["!none", ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth"]],
  ["!password,!md5,!none", ["gss", "sspi", "scram-sha-256", "oauth"]],
  ["oauth,sspi,gss,password", ["password", "gss", "sspi", "oauth"]],
];

const invalid: [text: string, fact: string][] = [
  ["md5,!password", "must not be mixed"],
  ["!md5,password", "must not be mixed"],
  ["md5,md5", "only once"],
  ["!md5,!md5", "only once"],
  ["scram", "must be one of"],
  ["md5, password", "must be one of"],
  ["MD5", "must be one of"],
  ["md5,", "must be one of"],
  ["!", "must be one of"],
  ["!!md5", "must be one of"],
];

describe("parse_require_auth()", () => {
  for (const [text, methods] of valid) {
    it(`takes ${JSON.stringify(text)}`, () => {
      assertEquals([...parse_require_auth(text)].toSorted(), methods.toSorted());
    });
  }

  for (const [text, fact] of invalid) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assertThrows(() => parse_require_auth(text), InterfaceError, fact);
    });
  }
});

describe("check_auth()", () => {
  it("throws what is allowed, and what was asked", () => {
    const allowed = parse_require_auth("scram-sha-256,none");
    check_auth(allowed, "none");
    check_auth(ANY_AUTH, "password");
    const error = assertThrows(
      () => check_auth(allowed, "md5"),
      OperationalError,
      "require_auth allows scram-sha-256, none, but the server asked for md5",
    );
    assertEquals(error.sqlstate, "28000");
    assertThrows(
      () => check_auth(parse_require_auth("md5"), "none"),
      OperationalError,
      "asked for no authentication",
    );
  });
});
