/** What a client sends to PGlite, cut anywhere: in what batches it is run, and what is held back. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { copy_formats, PgliteFrontend } from "../../src/adapters/pglite_frontend.ts";
import { OperationalError } from "../../src/errors.ts";
import { concat, cstring, i16, i32, message } from "../support/messages.ts";

const START = startup(0x30002, "user", "me");

const query = (sql: string) => message("Q", cstring(sql));
const parse = (name: string, sql: string) => message("P", cstring(name), cstring(sql), i16(0));
const bind = (portal: string, name: string) =>
  message("B", cstring(portal), cstring(name), i16(0), i16(0), i16(0));
const execute = (portal: string) => message("E", cstring(portal), i32(0));
const data = (text: string) => message("d", text);
const [done, fail, sync, flush, end] = [
  message("c"),
  message("f", cstring("enough")),
  message("S"),
  message("H"),
  message("X"),
];

function startup(version: number, ...parameters: string[]): Uint8Array {
  const body = concat(i32(version), ...parameters.map(cstring), "\0");
  return concat(i32(4 + body.length), body);
}

/**
 * What is done about `sent`, cut into chunks of `size` bytes: `run QS`, or `inspect QdcF` where the
 * answer is looked at; `answer G0` for CopyInResponse of text. `F` is the CopyFail of our own.
 */
function steps(sent: Uint8Array, size: number = sent.length, failed = false): string[] {
  const frontend = new PgliteFrontend();
  const done: string[] = [];
  for (let at = 0; at < sent.length; at += size) {
    const chunk = sent.slice(at, at + size);
    const taken = frontend.take(chunk);
    for (let step = taken.next(); !step.done; step = taken.next(failed)) {
      done.push(show(step.value));
    }
    chunk.fill(0); // its owner may use it again
  }
  return done;
}

type Step = ReturnType<PgliteFrontend["take"]> extends Generator<infer S> ? S : never;

function show(step: Step): string {
  switch (step.kind) {
    case "run":
      return `${step.inspect ? "inspect" : "run"} ${tags(step.messages)}`;
    case "answer":
      return `answer ${String.fromCharCode(step.bytes[0]!)}${step.bytes[5] ?? ""}`;
    case "start":
      return `start ${step.version.toString(16)} ${step.parameters.filter(Boolean).join(" ")}`;
    case "end":
      return "end";
  }
}

function tags(messages: Uint8Array): string {
  let found = "";
  const view = new DataView(messages.buffer, messages.byteOffset, messages.byteLength);
  for (let at = 0; at < messages.length;) {
    const end = at + 1 + view.getInt32(at + 1);
    const text = new TextDecoder().decode(messages.subarray(at, end));
    found += text.startsWith("f") && text.includes("PGlite") ? "F" : text[0];
    at = end;
  }
  return found;
}

const CONVERSATIONS: Readonly<Record<string, [sent: Uint8Array, steps: string[]]>> = {
  "a request for TLS is turned down, then the session begins": [
    concat(i32(8), i32(80877103), START),
    ["answer N", "start 30002 user me"],
  ],
  "a cancel ends it": [concat(i32(16), i32(80877102), i32(1), i32(2)), ["end"]],
  "a simple query is run at once": [
    concat(START, query("select 1"), query("select 2")),
    ["start 30002 user me", "run Q", "run Q"],
  ],
  "an extended query is run with its Sync, or Flush": [
    concat(START, parse("", "select 1"), bind("", ""), execute(""), sync, parse("", "x"), flush),
    ["start 30002 user me", "run PBES", "run PH"],
  ],
  "Terminate ends it": [concat(START, end), ["start 30002 user me", "end"]],
  "a COPY in is answered, and run when its data is whole": [
    concat(START, query("copy t from stdin"), data("1\n"), data("2\n"), done, query("select 1")),
    ["start 30002 user me", "answer G0", "inspect QddcF", "run Q"],
  ],
  "a COPY in that its client gives up is run, too": [
    concat(START, query("copy t from stdin (format binary)"), data("1"), fail),
    ["start 30002 user me", "answer G1", "inspect QdfF"],
  ],
  "each COPY of a query is answered when the one before has its data": [
    concat(
      START,
      query("copy t from stdin binary; copy t from stdin"),
      data("1"),
      done,
      data("2"),
      done,
    ),
    ["start 30002 user me", "answer G1", "answer G0", "inspect QdcdcF"],
  ],
  "a CopyFail ends all COPYs of a query": [
    concat(START, query("copy t from stdin; copy t from stdin"), data("1"), fail, data("2"), done),
    ["start 30002 user me", "answer G0", "inspect QdfF"],
  ],
  "a COPY in of the extended protocol is answered behind what came before it": [
    concat(
      START,
      parse("s", "copy t from stdin"),
      bind("p", "s"),
      execute("p"),
      sync, // ignored by the server, as it copies
      data("1"),
      done,
      sync,
    ),
    ["start 30002 user me", "inspect PB", "answer G0", "inspect EdcF", "run S"],
  ],
  "what may be a COPY that is not recognized has a CopyFail behind it": [
    concat(
      START,
      query("select 'copy'"),
      parse("", "copy t to stdout"),
      bind("", ""),
      execute(""),
      sync,
    ),
    ["start 30002 user me", "run QF", "run PBEFS"],
  ],
  "data without a COPY is dropped, as the server does": [
    concat(START, data("1"), done, fail, query("select 1")),
    ["start 30002 user me", "run Q"],
  ],
  "another message amid a COPY is for the server to refuse": [
    concat(START, query("copy t from stdin"), query("select 1")),
    ["start 30002 user me", "answer G0", "inspect QQF"],
  ],
};

describe("PgliteFrontend", () => {
  for (const [name, [sent, expected]] of Object.entries(CONVERSATIONS)) {
    it(`${name}, wherever the stream is cut`, () => {
      for (const size of [sent.length, 1, 2, 3, 5, 7, 11, 64]) {
        assertEquals(steps(sent, size), expected, `in chunks of ${size}`);
      }
    });
  }

  it("skips a COPY whose preparation failed, as the server does", () => {
    const sent = concat(START, parse("", "copy t from stdin"), bind("", ""), execute(""), sync);
    assertEquals(steps(sent, sent.length, true), ["start 30002 user me", "inspect PB", "run S"]);
  });

  it("refuses a length that is none", () => {
    for (const length of [3, 0, -1]) {
      assertThrows(() => steps(concat(START, "Q", i32(length))), OperationalError, "length");
    }
    assertThrows(() => steps(i32(7)), OperationalError, "length");
  });
});

const TEXT = [0];
const BINARY = [1];
const NONE: number[] = [];

const STATEMENTS: readonly (readonly [sql: string, formats: readonly number[]])[] = [
  ["copy t from stdin", TEXT],
  ['  COPY "a;b"."T" ("x)", y) FROM STDIN WITH (FORMAT csv, DELIMITER \';\')', TEXT],
  ["copy/* from */t from -- where\n stdin", TEXT],
  ["copy t from stdin (format binary)", BINARY],
  ["copy binary t from stdin", BINARY],
  ["begin; copy t from stdin; commit", TEXT],
  ["copy t from stdin; copy u from stdin (format csv, freeze)", [0, 0]],
  ["copy t from stdin;copy u from stdin with binary;", [0, 1]],
  ["copy t to stdout", NONE],
  ["copy (select 1 from stdin) to stdout", NONE],
  ["copy (select f(1) from stdin) to stdout", NONE],
  ["copy t from '/tmp/stdin'", NONE],
  ["copy t from program 'from stdin'", NONE],
  ["select 'copy t from stdin'", NONE],
  ["select $$; copy t from stdin; $$", NONE],
  ["-- copy t from stdin", NONE],
  ["/* copy t /* ; */ from stdin */ select 1", NONE],
  ["comment on table copy is 'copy t from stdin'", NONE],
  ["copyist", NONE],
];

describe("copy_formats()", () => {
  for (const [sql, formats] of STATEMENTS) {
    it(`finds in ${sql}`, () => assertEquals(copy_formats(sql), formats));
  }
});
