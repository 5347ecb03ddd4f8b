/** Connection strings. The expectations are those of libpq 18's PQconninfoParse, which has no `database`. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format_dsn, parse_dsn } from "../../../src/connection/options/dsn.ts";
import { InterfaceError } from "../../../src/errors.ts";

const URIS: [string, Record<string, string>][] = [
  ["postgres://", {}],
  ["postgresql://", {}],
  ["postgresql:///", {}],
  ["postgresql:///mydb", { dbname: "mydb" }],
  ["postgresql://localhost:5433", { host: "localhost", port: "5433" }],
  ["postgresql://user:secret@localhost/db", {
    user: "user",
    password: "secret",
    host: "localhost",
    dbname: "db",
  }],
  ["postgres://u@/db", { user: "u", dbname: "db" }],
  ["postgres://:p@h", { password: "p", host: "h" }],
  ["postgres://u:@h", { user: "u", host: "h" }],
  ["postgres://u:a:b@h", { user: "u", password: "a:b", host: "h" }],
  // The user ends at the first @ before a slash, whatever else is there.
  ["postgres://u:p@q@h/db", { user: "u", password: "p", host: "q@h", dbname: "db" }],
  ["postgres://h?user=u/@x", { host: "h", user: "u/@x" }],
  ["postgres://u?x@h", { user: "u?x", host: "h" }],
  ["postgres://h/db@x", { host: "h", dbname: "db@x" }],
  // Several hosts; ports go by position.
  ["postgres://h1:1,h2:2/db", { host: "h1,h2", port: "1,2", dbname: "db" }],
  ["postgres://h1,h2:5433/", { host: "h1,h2", port: ",5433" }],
  ["postgres://h1,h2", { host: "h1,h2", port: "," }],
  ["postgres://,", { host: ",", port: "," }],
  ["postgres://h:", { host: "h" }],
  ["postgres://:5433/db", { port: "5433", dbname: "db" }],
  ["postgres://[::1]:5433/db", { host: "::1", port: "5433", dbname: "db" }],
  ["postgres://[::1],[fe80::1%25eth0]", { host: "::1,fe80::1%eth0", port: "," }],
  ["postgres://%2Fvar%2Frun/db", { host: "/var/run", dbname: "db" }],
  // Percent-encoding is UTF-8, and everywhere; a plus is a plus, and a hash sign too.
  ["postgres://%C3%A9:%F0%9F%98%80@h", { user: "é", password: "\u{1f600}", host: "h" }],
  ["postgres://é:p+q#r%2B@h", { user: "é", password: "p+q#r+", host: "h" }],
  ["postgres://h/a%2Fb#c", { host: "h", dbname: "a/b#c" }],
  ["postgres://h/a/b", { host: "h", dbname: "a/b" }],
  ["postgres://h?%75ser=u&pass%77ord=p", { host: "h", user: "u", password: "p" }],
  // Spaces around a part are not part of it.
  ["postgres:// u : p @ h : 1 / db ", {
    user: "u",
    password: "p",
    host: "h",
    port: "1",
    dbname: "db",
  }],
  ["postgres://h?user= u & port= 1 ", { host: "h", user: "u", port: "1" }],
  // Parameters; the last one wins.
  ["postgres://h/db?user=a&user=b", { host: "h", dbname: "db", user: "b" }],
  ["postgres://u@h/db?user=b&host=x&dbname=y", { user: "b", host: "x", dbname: "y" }],
  ["postgres://h?user=", { host: "h", user: "" }],
  ["postgres://h?", { host: "h" }],
  ["postgres://h?user=u&", { host: "h", user: "u" }],
  ["postgres://h/?host=/tmp", { host: "/tmp" }],
  ["postgres://h?options=-c%20geqo%3Doff", { host: "h", options: "-c geqo=off" }],
  ["postgres://h?ssl=true", { host: "h", sslmode: "require" }],
  ["postgres://h?requiressl=1", { host: "h", sslmode: "require" }],
  ["postgres://h?requiressl=0", { host: "h", sslmode: "prefer" }],
  ["postgres://h?database=d", { host: "h", dbname: "d" }],
];

const TEXTS: [string, Record<string, string>][] = [
  ["", {}],
  [" \t\n", {}],
  ["dbname=aiopg user=aiopg password=passwd host=127.0.0.1", {
    dbname: "aiopg",
    user: "aiopg",
    password: "passwd",
    host: "127.0.0.1",
  }],
  ["user = a  host=\n'b c'", { user: "a", host: "b c" }],
  ["user='a'host=b", { user: "a", host: "b" }],
  ["user=''", { user: "" }],
  ["user= ", { user: "" }],
  ["user=a user=b", { user: "b" }],
  ["user=it\\'s", { user: "it's" }],
  ["user=a\\ b", { user: "a b" }],
  ["user=a\\nb", { user: "anb" }],
  ["user=a\\", { user: "a" }],
  ["user='a\\'b\\\\'", { user: "a'b\\" }],
  ["user=a'b'", { user: "a'b'" }],
  ["user=a=b", { user: "a=b" }],
  ["user=%41+#", { user: "%41+#" }],
  ["requiressl=1", { sslmode: "require" }],
  ["database=d", { dbname: "d" }],
];

const MALFORMED: [string, string][] = [
  ["postgres://h/\0", "must not contain a NUL"],
  ["user=\0", "must not contain a NUL"],
  ["postgres://h%00", "must not contain a NUL"],
  ["postgres://h?user=%00", "must not contain a NUL"],
  ["postgres://%", "two hexadecimal digits after each %"],
  ["postgres://%4", "two hexadecimal digits after each %"],
  ["postgres://%zz", "two hexadecimal digits after each %"],
  ["postgres://%E9", "must have UTF-8"],
  ["postgres://a b", "must have %20 for a space"],
  ["postgres://h?user=a b", "must have %20 for a space"],
  ["postgres://[::1", "must have an IPv6 address in []"],
  ["postgres://[]", "must have an IPv6 address in []"],
  ["postgres://[::1]x", "must have an IPv6 address in []"],
  ["postgres://h?user", "must have one = in each parameter"],
  ["postgres://h?user=a=b", "must have one = in each parameter"],
  ["postgres://h?&user=a", "must have one = in each parameter"],
  ["postgres://h?ssl=false", '"ssl" is none'],
  ["postgres://h?sslmod=require", '"sslmod" is none\nHINT: did you mean sslmode?'],
  ["postgres://h?row_factory=x", '"row_factory" is none'],
  ["mysql://h/db", "must begin with postgres:// or postgresql://"],
  ["POSTGRES://h/db", "must begin with postgres:// or postgresql://"],
  ["postgres", "must have = after each name"],
  ["mydb", "HINT: a dsn is a URI, postgres://..., or name=value text"],
  ["host", "must have = after each name"],
  ["host localhost", "must have = after each name"],
  ["ho st=x", "must have = after each name"],
  ["user='a", "end its quotes"],
  ["user='a\\'", "end its quotes"],
  ["user='a\\", "end its quotes"],
  ["=x", "one is none"],
  ["Host=x", '"Host" is none\nHINT: did you mean host?'],
  ["nosuchthing=x", '"nosuchthing" is none'],
];

/** Texts that are not empty, always the same. */
function* random_texts(count: number): Generator<string> {
  const letters = Array.from("ab0'\"\\ \t\n@:/?#[]&=,%+é漢\u{1f600}");
  let state = 1;
  const next = (limit: number) => (state = state * 48_271 % 0x7fffffff) % limit; // Park and Miller
  for (; count > 0; count--) {
    yield Array.from({ length: 1 + next(8) }, () => letters[next(letters.length)]).join("");
  }
}

describe("parse_dsn()", () => {
  for (const [dsn, expected] of [...URIS, ...TEXTS]) {
    it(`reads ${JSON.stringify(dsn)}`, () => {
      assertEquals(Object.fromEntries(parse_dsn(dsn)), expected);
    });
  }

  it("reads any text that is percent-encoded", () => {
    for (const value of random_texts(500)) {
      const text = encodeURIComponent(value);
      const dsn = `postgres://${text}:${text}@${text}/${text}?options=${text}`;
      assertEquals(Object.fromEntries(parse_dsn(dsn)), {
        user: value,
        password: value,
        host: value,
        dbname: value,
        options: value,
      });
    }
  });

  for (const [dsn, fact] of MALFORMED) {
    it(`refuses ${JSON.stringify(dsn)}`, () => {
      assertThrows(() => parse_dsn(dsn), InterfaceError, fact);
    });
  }
});

describe("format_dsn()", () => {
  it("writes any text so that it is read again", () => {
    for (const value of random_texts(500)) {
      const dsn = format_dsn([["user", value], ["password", value]]);
      assertEquals(Object.fromEntries(parse_dsn(dsn)), { user: value, password: value });
    }
  });

  for (const value of ["plain", "", "a b", "it's", "\\", "tab\t", "é", "a=b", "'"]) {
    it(`writes ${JSON.stringify(value)} so that it is read again`, () => {
      const dsn = format_dsn([["user", value], ["host", "h"]]);
      assertEquals(Object.fromEntries(parse_dsn(dsn)), { user: value, host: "h" });
    });
  }
});
