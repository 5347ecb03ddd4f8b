import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { DataError, InterfaceError, PgError, ProgrammingError } from "../../src/errors.ts";
import * as f from "../../src/protocol/frontend.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "../../src/protocol/tags.ts";
import {
  type FrontendMessage,
  FrontendReader,
  password_of,
  sasl_initial_of,
  text_of,
} from "../support/frontend.ts";

type Encode = (writer: ByteWriter) => void;

const bytes = Uint8Array.of(1, 2, 3, 4);

/** Values as they are; a number is that many NULLs. */
function source(values: readonly (Uint8Array | string | null)[]): f.ParameterSource {
  return {
    parameter_count: values.length,
    write_parameter(writer, index) {
      const value = values[index]!;
      if (value === null) {
        writer.i32(-1);
        return 0;
      }
      const mark = writer.begin_value();
      if (typeof value === "string") writer.text(value);
      else writer.raw(value);
      writer.end_value(mark);
      return typeof value === "string" ? 0 : 1;
    },
  };
}

const nulls: f.ParameterSource = {
  parameter_count: 65_535,
  write_parameter: (writer) => {
    writer.i32(-1);
    return 0;
  },
};

/** Messages that begin a connection. */
const openings: [encode: Encode, message: FrontendMessage, size: number][] = [
  [
    (w) => f.encode_startup(w, PROTOCOL_3_2, new Map([["user", "mé"], ["application_name", ""]])),
    { tag: "startup", version: 0x30002, parameters: { user: "mé", application_name: "" } },
    36,
  ],
  [f.encode_ssl_request, { tag: "ssl" }, 8],
  [
    (w) => f.encode_cancel_request(w, -7, bytes),
    { tag: "cancel", pid: -7, secret_key: bytes },
    16,
  ],
  [
    (w) => f.encode_cancel_request(w, 7, new Uint8Array(256)),
    { tag: "cancel", pid: 7, secret_key: new Uint8Array(256) },
    12 + 256,
  ],
];

const messages: [encode: Encode, message: FrontendMessage][] = [
  [
    (w) => f.encode_bind(w, "", "", source([]), []),
    { tag: "B", portal: "", statement: "", formats: [], values: [], result_formats: [] },
  ],
  [
    (w) => f.encode_bind(w, "c", "s1", source([bytes, null, "é", ""]), [1, 0]),
    {
      tag: "B",
      portal: "c",
      statement: "s1",
      formats: [1, 0, 0, 0],
      values: [bytes, null, Uint8Array.of(0xc3, 0xa9), new Uint8Array(0)],
      result_formats: [1, 0],
    },
  ],
  [(w) => f.encode_close(w, "statement", "s1"), { tag: "C", kind: "S", name: "s1" }],
  [(w) => f.encode_close(w, "portal", ""), { tag: "C", kind: "P", name: "" }],
  [(w) => f.encode_copy_data(w, bytes), { tag: "d", data: bytes }],
  [f.encode_copy_done, { tag: "c" }],
  [(w) => f.encode_copy_fail(w, "no\0\ud800!"), { tag: "f", reason: "no\ufffd!" }],
  [(w) => f.encode_describe(w, "statement", ""), { tag: "D", kind: "S", name: "" }],
  [(w) => f.encode_describe(w, "portal", "c"), { tag: "D", kind: "P", name: "c" }],
  [(w) => f.encode_execute(w, "c", 50), { tag: "E", portal: "c", max_rows: 50 }],
  [
    (w) => f.encode_parse(w, "s1", "select $1", [0, 0xffffffff]),
    { tag: "P", name: "s1", sql: "select $1", oids: [0, 0xffffffff] },
  ],
  [(w) => f.encode_query(w, "select 'é'"), { tag: "Q", sql: "select 'é'" }],
  [f.encode_sync, { tag: "S" }],
  [f.encode_terminate, { tag: "X" }],
];

/** Reads messages that follow a startup message. */
function read(encode: Encode): FrontendMessage[] {
  const writer = new ByteWriter();
  f.encode_startup(writer, PROTOCOL_3_0, new Map([["user", "me"]]));
  encode(writer);
  const reader = new FrontendReader();
  reader.push(writer.take());
  const found: FrontendMessage[] = [];
  for (let message = reader.next(); message !== null; message = reader.next()) found.push(message);
  return found.slice(1);
}

describe("frontend messages", () => {
  for (const [encode, message, size] of openings) {
    it(`${message.tag} of ${size} bytes is what a server reads`, () => {
      const writer = new ByteWriter();
      encode(writer);
      const wire = writer.take();
      assertEquals(wire.length, size);
      const reader = new FrontendReader();
      reader.push(wire);
      assertEquals(reader.next(), message);
    });
  }

  for (const [encode, message] of messages) {
    it(`${JSON.stringify(message)} is what a server reads`, () => {
      assertEquals(read(encode), [message]);
    });
  }

  it("follow each other in one buffer", () => {
    const all = read((writer) => messages.forEach(([encode]) => encode(writer)));
    assertEquals(all, messages.map(([, message]) => message));
  });

  it("answer a request for a password", () => {
    const [password, initial, response] = read((writer) => {
      f.encode_password(writer, "sécret");
      f.encode_sasl_initial(writer, "SCRAM-SHA-256", "n,,n=,r=x");
      f.encode_sasl_response(writer, "c=biws");
    }) as [FrontendMessage, FrontendMessage, FrontendMessage];
    if (password.tag !== "p" || initial.tag !== "p" || response.tag !== "p") throw new Error("tag");
    assertEquals(password_of(password), "sécret");
    assertEquals(sasl_initial_of(initial), { mechanism: "SCRAM-SHA-256", data: "n,,n=,r=x" });
    assertEquals(text_of(response.data), "c=biws");
  });
});

describe("encode_startup()", () => {
  const refused: [name: string, value: string, fact: string][] = [
    ["application_name", "x\0user\0admin", '"application_name" has a NUL'],
    ["user\0", "x", "has a NUL"],
    ["user", "\ud800", '"user" has a lone surrogate'],
    ["\ude00", "x", "has a lone surrogate"],
    ["", "x", "one has no name"],
  ];
  for (const [name, value, fact] of refused) {
    it(`refuses ${JSON.stringify([name, value])} before it writes a byte`, () => {
      const writer = new ByteWriter();
      const parameters = new Map([["user", "me"], [name, value]]);
      assertThrows(() => f.encode_startup(writer, PROTOCOL_3_0, parameters), InterfaceError, fact);
      assertEquals(writer.length, 0);
    });
  }

  it("never shows a value in an error", () => {
    const parameters = new Map([["options", "s3cret\0"]]);
    const error = assertThrows(
      () => f.encode_startup(new ByteWriter(), PROTOCOL_3_0, parameters),
      InterfaceError,
    );
    assertEquals(error.message.includes("s3cret"), false);
  });
});

describe("encode_bind() and encode_parse()", () => {
  it("take 65,535 parameters", () => {
    const oids = Array<number>(65_535).fill(23);
    const [parse, bind] = read((writer) => {
      f.encode_parse(writer, "", "select 1", oids);
      f.encode_bind(writer, "", "", nulls, []);
    });
    assertEquals(parse, { tag: "P", name: "", sql: "select 1", oids });
    assertEquals(bind?.tag === "B" && bind.values.length, 65_535);
  });

  it("refuse 65,536 parameters before they write a byte", () => {
    const writer = new ByteWriter();
    const oids = Array<number>(65_536).fill(23);
    const too_many = { ...nulls, parameter_count: 65_536 };
    const calls = [
      () => f.encode_parse(writer, "", "select 1", oids),
      () => f.encode_bind(writer, "", "", too_many, []),
    ];
    for (const call of calls) {
      const error = assertThrows(call, ProgrammingError, "at most 65535 parameters, but has 65536");
      assertEquals([error.safe_to_retry, writer.length], [true, 0]);
    }
  });
});

describe("frontend messages that cannot be sent", () => {
  const refused: [name: string, encode: Encode][] = [
    ["NUL in a query", (w) => f.encode_query(w, "select 1\0; drop table x")],
    ["NUL in a statement", (w) => f.encode_parse(w, "", "\0", [])],
    ["NUL in a statement's name", (w) => f.encode_parse(w, "a\0b", "", [])],
    ["NUL in a portal's name", (w) => f.encode_execute(w, "a\0b", 0)],
    ["NUL in a password", (w) => f.encode_password(w, "a\0b")],
    ["a lone surrogate", (w) => f.encode_query(w, "select '\ud800'")],
    ["a message of 4 GiB", (w) => f.encode_copy_data(w, { length: 2 ** 32 } as Uint8Array)],
    [
      "a parameter of 4 GiB",
      (w) => f.encode_bind(w, "", "", source([{ length: 2 ** 32 + 9 } as Uint8Array]), []),
    ],
  ];
  for (const [name, encode] of refused) {
    it(`leave the messages before them whole: ${name}`, () => {
      const writer = new ByteWriter();
      f.encode_sync(writer);
      const before = writer.length;
      assertThrows(() => encode(writer), DataError, "cannot encode");
      writer.truncate(before);
      f.encode_copy_done(writer);
      assertEquals(writer.take(), Uint8Array.of(0x53, 0, 0, 0, 4, 0x63, 0, 0, 0, 4));
    });
  }

  it("let what a parameter throws pass as it is", () => {
    const error = new PgError("no");
    const failing: f.ParameterSource = {
      parameter_count: 1,
      write_parameter() {
        throw error;
      },
    };
    const thrown = assertThrows(() => f.encode_bind(new ByteWriter(), "", "", failing, []));
    assertEquals(thrown, error);
  });
});
