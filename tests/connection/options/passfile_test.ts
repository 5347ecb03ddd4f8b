/** Which line of a password file is for whom; compared with libpq 18. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { find_password } from "../../../src/connection/options/passfile.ts";

const KEY = { host: "db.example", port: 5432, dbname: "app", user: "bob" };

const FILES: [string, string, string | null][] = [
  ["an exact line", "db.example:5432:app:bob:pw", "pw"],
  ["wildcards", "*:*:*:*:pw", "pw"],
  ["the first of several", "*:*:*:bob:one\n*:*:*:*:two\n", "one"],
  ["a later line", "other:*:*:*:one\n\n# *:*:*:*:no\n*:*:app:*:two\n", "two"],
  ["lines that end as on Windows", "other:*:*:*:one\r\n*:*:*:*:two\r\n", "two"],
  ["escapes in a password", "*:*:*:*:a\\:b\\\\c", "a:b\\c"],
  ["a colon after the password", "*:*:*:*:a:b", "a"],
  ["a backslash at the end", "*:*:*:*:a\\", "a\\"],
  ["an empty password", "*:*:*:*:", ""],
  ["another host", "other:*:*:*:pw", null],
  ["another port", "*:5433:*:*:pw", null],
  ["another database", "*:*:other:*:pw", null],
  ["another user", "*:*:*:alice:pw", null],
  ["a star that is escaped", "\\*:*:*:*:pw", null],
  ["a star within", "db.*:*:*:*:pw", null],
  ["an escaped name", "d\\b.example:*:*:*:pw", "pw"],
  ["too few fields", "*:*:*:pw", null],
  ["a comment", "#*:*:*:*:pw", null],
  ["nothing", "", null],
];

describe("find_password()", () => {
  for (const [name, text, password] of FILES) {
    it(`reads ${name}`, () => assertEquals(find_password(text, KEY), password));
  }

  it("tells colons and stars in names from those between fields", () => {
    const key = { host: "::1", port: 1, dbname: "*", user: "a\\b" };
    assertEquals(find_password("\\:\\:1:1:\\*:a\\\\b:pw", key), "pw");
    assertEquals(find_password("::1:1:*:a\\b:pw", key), null);
  });

  it("takes the usual socket directory for localhost, and no other one", () => {
    const text = "localhost:*:*:*:pw";
    assertEquals(find_password(text, { ...KEY, host: "/var/run/postgresql" }), "pw");
    assertEquals(find_password(text, { ...KEY, host: "/tmp" }), null);
    assertEquals(find_password("/tmp:*:*:*:pw", { ...KEY, host: "/tmp" }), "pw");
  });
});
