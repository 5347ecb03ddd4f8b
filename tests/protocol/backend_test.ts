import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { OperationalError } from "../../src/errors.ts";
import { type BackendMessage, decode_backend } from "../../src/protocol/backend.ts";
import { FrameDecoder } from "../../src/protocol/frame.ts";
import { BackendTag } from "../../src/protocol/tags.ts";
import * as m from "../support/messages.ts";
import { backend_samples } from "./samples.ts";

/** Messages that take whatever bytes come, and those that must leave at least some of them. */
const OPEN_ENDED: Readonly<Record<string, number>> = {
  AuthenticationSASLContinue: 4,
  AuthenticationSASLFinal: 4,
  AuthenticationUnsupported: 4,
  BackendKeyData: 4,
  CopyData: 0,
};

function decode(wire: Uint8Array): BackendMessage {
  return decode_backend(wire[0]!, wire.slice(5));
}

function assert_malformed(decode: () => unknown, fact = ""): void {
  const error = assertThrows(decode, OperationalError, fact);
  assertEquals(error.sqlstate, "08P01");
}

describe("decode_backend()", () => {
  for (const [wire, expected] of backend_samples) {
    const name = `${expected.name} of ${wire.length} bytes`;

    it(`decodes ${name}`, () => {
      assertEquals(decode(wire), expected);
    });

    it(`refuses ${name} cut at any byte, or with one too many`, () => {
      const body = wire.slice(5);
      for (let size = 0; size < body.length; size++) {
        if (size >= (OPEN_ENDED[expected.name] ?? Infinity)) continue;
        assert_malformed(() => decode_backend(wire[0]!, body.slice(0, size)), "cannot read");
      }
      if (expected.name in OPEN_ENDED) return;
      assert_malformed(() => decode_backend(wire[0]!, m.concat(body, "\0")), "cannot read");
    });
  }

  it("has a sample of every message there is", () => {
    const tags = new Set(backend_samples.map(([wire]) => wire[0]!));
    assertEquals(tags, new Set(Object.values(BackendTag)));
  });

  it("decodes the same messages wherever their stream is cut", () => {
    const wire = m.concat(...backend_samples.map(([bytes]) => bytes));
    for (let size = 1; size <= wire.length; size += size < 40 ? 1 : 97) {
      const decoder = new FrameDecoder();
      const messages: BackendMessage[] = [];
      for (let at = 0; at < wire.length; at += size) {
        decoder.push(wire.slice(at, at + size));
        while (decoder.next()) {
          messages.push(decode_backend(decoder.tag, decoder.body().slice()));
        }
      }
      assertEquals(messages, backend_samples.map(([, message]) => message));
    }
  });

  it("keeps a secret key when the chunk is used again", () => {
    const body = m.backend_key(1, Uint8Array.of(1, 2, 3, 4)).slice(5);
    const message = decode_backend(BackendTag.BackendKeyData, body);
    body.fill(0);
    assert(message.name === "BackendKeyData");
    assertEquals(message.secret_key, Uint8Array.of(1, 2, 3, 4));
  });

  /** What a hostile or broken server may send; drivers' advisories of the same kind are many. */
  const hostile: [name: string, wire: Uint8Array, fact: string][] = [
    [
      "a ParameterDescription whose count has wrapped",
      m.message("t", m.i16(65536), new Uint8Array(4 * 65536)),
      "262144 bytes are left over",
    ],
    ["a ParameterDescription of more than is there", m.message("t", m.i16(65535)), "counts 65535"],
    ["a RowDescription of more than is there", m.message("T", m.i16(65535)), "counts 65535"],
    [
      "a RowDescription whose name has no end",
      m.message("T", m.i16(1), "x".repeat(19)),
      "no terminator",
    ],
    [
      "a RowDescription in format 2",
      m.row_description({ name: "x", format: 2 }),
      "2 is not a format",
    ],
    ["a DataRow of more than is there", m.message("D", m.i16(65535)), "counts 65535"],
    ["a value of length -2", m.message("D", m.i16(1), m.i32(-2)), "-2 bytes are needed"],
    ["a value of 2 GiB", m.message("D", m.i16(1), m.i32(0x7fffffff)), "are needed"],
    ["a value that is longer than the row", m.message("D", m.i16(1), m.i32(2), "x"), "1 are left"],
    ["a row with fewer values than it counts", m.message("D", m.i16(2), m.i32(-1)), "counts 2"],
    ["a row with more values than it counts", m.message("D", m.i16(0), m.i32(-1)), "left over"],
    ["a CopyInResponse of more than is there", m.message("G", "\0", m.i16(5)), "counts 5"],
    ["a CopyOutResponse in format 3", m.copy_out(3), "3 is not a format"],
    ["a column in format 65535", m.copy_out(0, [-1]), "65535 is not a format"],
    ["a negative number of options", m.message("v", m.i32(2), m.i32(-1)), "counts -1"],
    ["two billion options", m.message("v", m.i32(2), m.i32(0x7fffffff)), "counts 2147483647"],
    ["mechanisms without an end", m.auth(10, m.cstring("SCRAM-SHA-256")), "no terminator"],
    ["a salt of 3 bytes", m.auth(5, "abc"), "4 bytes are needed"],
    ["an unknown transaction state", m.ready("X"), "88 is not a transaction state"],
    ["a command tag without terminator", m.message("C", "SELECT 1"), "no terminator"],
    ["a setting without value", m.message("S", m.cstring("TimeZone")), "no terminator"],
    ["a notification without payload", m.message("A", m.i32(1), m.cstring("ch")), "no terminator"],
    ["ParseComplete with a body", m.message("1", "x"), "1 bytes are left over"],
    ["an unknown tag", m.message("!"), "but is 0x21"],
  ];
  for (const [name, wire, fact] of hostile) {
    it(`refuses ${name}`, () => {
      assert_malformed(() => decode(wire), fact);
    });
  }

  it("throws nothing but 08P01, whatever the bytes", () => {
    let seed = 1;
    const random = (below: number) => (seed = (seed * 48271) % 0x7fffffff) % below; // minstd
    const bodies = backend_samples.map(([wire]) => wire.slice(5));
    for (let round = 0; round < 3_000; round++) {
      const body = bodies[random(bodies.length)]!.slice();
      for (let i = random(4); i >= 0 && body.length > 0; i--) {
        body[random(body.length)] = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)]!;
      }
      const tag = backend_samples[random(backend_samples.length)]![0][0]!;
      try {
        decode_backend(tag, body.slice(random(3)));
      } catch (error) {
        assert(error instanceof OperationalError && error.sqlstate === "08P01", String(error));
      }
    }
  });
});
