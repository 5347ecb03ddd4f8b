import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { builtin_codecs, builtin_registry } from "../../src/codecs/builtin.ts";
import type { TypeCodec } from "../../src/codecs/codec.ts";
import { Interval } from "../../src/codecs/interval.ts";
import { Json } from "../../src/codecs/json.ts";
import { DataError } from "../../src/errors.ts";
import { type Sample, samples } from "./samples.ts";
import { decode, decode_within, encode, from_hex, to_hex } from "./wire.ts";

const registry = builtin_registry();

function codec_of(type: string): TypeCodec {
  const codec = registry.find(type);
  assert(codec !== undefined, type);
  return codec;
}

/** The samples that are read in their binary form. */
const binary = samples.filter((sample): sample is Sample & { 3: string } => sample[3] !== null);

/** Types whose values go out as text, and those values of other types that do. */
function is_sent_as_text(type: string, value: unknown): boolean {
  if (/^(numeric|nummultirange|numrange|json|time$|timetz|tid|"char"|void)/.test(type)) return true;
  if (/^(inet|cidr|macaddr|bit|varbit|int2vector|oidvector)/.test(type)) return true;
  const has_text_bounds = /^date(multi)?range/.test(type) || type === "date[]";
  return has_text_bounds || (type === "date" && typeof value === "string") ||
    (type === "interval" && typeof value === "number");
}

describe("builtin_codecs", () => {
  it("reads the text of every sample as its value", () => {
    for (const [type, text, value] of samples) {
      assertEquals(codec_of(type).decode_text(text), value, `${type} ${text}`);
    }
  });

  it("reads the bytes of every sample as its value, wherever they lie", () => {
    for (const [type, text, value, wire] of binary) {
      assertEquals(decode(codec_of(type), from_hex(wire)), value, `${type} ${text}`);
      assertEquals(decode_within(codec_of(type), from_hex(wire)), value, `${type} ${text}`);
    }
  });

  it("reads texts that depend on the session's settings", () => {
    // bytea_output = escape, TimeZone, and servers that print a float in other ways
    const texts: readonly [type: string, text: string, value: unknown][] = [
      ["bytea", "", new Uint8Array(0)],
      ["bytea", "a\\\\\\377 \\000", Uint8Array.of(97, 92, 255, 32, 0)],
      ["bytea", "\\\\x61", Uint8Array.of(92, 120, 54, 49)],
      ["timestamptz", "2020-01-02 05:34:05.5+05:30", new Date("2020-01-02T00:04:05.5Z")],
      ["timestamptz", "1800-01-01 00:00:00-03:30:52", new Date("1800-01-01T03:30:52Z")],
      ["timestamptz", "0001-12-31 23:59:59.9999-00:30 BC", new Date("0001-01-01T00:29:59.999Z")],
      ["float8", "1e+300", 1e300],
      ["interval", "P1Y2M", new Interval({ months: 14 })],
    ];
    for (const [type, text, value] of texts) {
      assertEquals(codec_of(type).decode_text(text), value, `${type} ${text}`);
    }
  });

  it("asks for bytes for exactly the types that have samples of them", () => {
    for (const [type, , , wire] of samples) {
      assertEquals(codec_of(type).format, wire === null ? 0 : 1, type);
    }
  });

  it("writes the bytes of every sample that it has a binary form for", () => {
    for (const [type, text, value, wire, direction] of binary) {
      const codec = codec_of(type);
      if (direction === "read only") continue;
      assertEquals(codec.has_binary(value), !is_sent_as_text(type, value), `${type} ${text}`);
      if (codec.has_binary(value)) {
        assertEquals(to_hex(encode(codec, value)), wire, `${type} ${text}`);
      }
    }
  });

  it("writes a text that it reads as the same value", () => {
    for (const [type, text, value, , direction] of samples) {
      if (value === null || direction === "read only") continue;
      const codec = codec_of(type);
      const given = type === "json" && typeof value === "string" ? Json(value) : value;
      assertEquals(codec.decode_text(codec.encode_text(given)), value, `${type} ${text}`);
    }
  });

  it("refuses every sample with a byte more, and every type a value cut short", () => {
    const open_ended = new Set(["text", "varchar", "bpchar", "name", "xml", "refcursor"]);
    for (const type of ["cstring", "unknown", "bytea"]) open_ended.add(type);
    for (const [type, text, , wire] of binary) {
      if (open_ended.has(type)) continue;
      const codec = codec_of(type);
      const bytes = from_hex(wire);
      const longer = Uint8Array.of(...bytes, 0);
      const is_json_text = /^json/.test(type) && !type.endsWith("[]");
      if (is_json_text) continue;
      assertThrows(
        () => decode(codec, longer),
        DataError,
        "cannot decode",
        `${type} ${text} longer`,
      );
      for (let size = 0; size < bytes.length; size++) {
        const cut = bytes.slice(0, size);
        assertThrows(
          () => decode(codec, cut),
          DataError,
          "cannot decode",
          `${type} ${text} ${size}`,
        );
      }
    }
  });

  it("has a sample of every type", () => {
    const sampled = new Set(samples.map(([type]) => type));
    const without = builtin_codecs().map(({ name }) => name).filter((name) => !sampled.has(name));
    assertEquals(without, ["gtsvector", "pg_node_tree"]); // no text makes one
  });

  it("has every OID once", () => {
    const oids = builtin_codecs().flatMap(({ oid, array_oid }) =>
      array_oid ? [oid, array_oid] : [oid]
    );
    assertEquals(new Set(oids).size, oids.length);
  });

  it("keeps the sign of zero", () => {
    for (const type of ["float4", "float8"]) {
      const codec = codec_of(type);
      assert(Object.is(codec.decode_text("-0"), -0), type);
      assert(Object.is(decode(codec, encode(codec, -0)), -0), type);
      assertEquals(codec.encode_text(-0), "-0");
    }
  });

  it("gives bytes that are not a view on what came, even on a Buffer", () => {
    const message = Buffer.from([1, 2, 3, 4]); // its slice() is a view
    const value = codec_of("bytea").decode(message, new DataView(message.buffer), 1, 2);
    message.fill(9);
    assertEquals(value, Uint8Array.of(2, 3));
    assertInstanceOf(value, Uint8Array);
    assertEquals(value.buffer.byteLength, 2);
  });
});

describe("builtin_codecs with options", () => {
  /** `[option, type, value]`, read from 2^53 - 1. */
  const modes = [
    ["bigint", "int8", 9007199254740991n],
    ["number", "int8", 9007199254740991],
    ["string", "int8", "9007199254740991"],
    ["number", "xid8", 9007199254740991],
    ["string", "xid8", "9007199254740991"],
  ] as const;

  for (const [int8, type, value] of modes) {
    it(`reads ${type} as a ${int8} with int8: "${int8}"`, () => {
      const codec = builtin_registry({ int8 }).find(type)!;
      assertEquals(decode(codec, from_hex("001fffffffffffff")), value);
      assertEquals(codec.decode_text("9007199254740991"), value);
    });
  }

  it("refuses any other size than 8 bytes, whatever int8 says", () => {
    for (const int8 of ["bigint", "number", "string"] as const) {
      for (const type of ["int8", "xid8"]) {
        const codec = builtin_registry({ int8 }).find(type)!;
        for (const hex of ["", "00000000000000", "000000000000000000"]) {
          assertThrows(() => decode(codec, from_hex(hex)), DataError, "8 bytes");
        }
      }
    }
  });

  it('refuses a number past 2^53 - 1 with int8: "number", in either form and direction', () => {
    const codec = builtin_registry({ int8: "number" }).find("int8")!;
    for (const hex of ["0020000000000000", "ffe0000000000000", "7fffffffffffffff"]) {
      assertThrows(() => decode(codec, from_hex(hex)), DataError, "int8");
    }
    assertThrows(() => codec.decode_text("9007199254740992"), DataError, "int8");
    assertEquals(decode(codec, from_hex("ffe0000000000001")), -9007199254740991);
  });

  it("leaves JSON as text with enable_json: false", () => {
    const registry = builtin_registry({ enable_json: false });
    assertEquals(registry.find("json")!.decode_text('{"a": 1}'), '{"a": 1}');
    assertEquals(decode(registry.find("jsonb")!, from_hex("017b7d")), "{}");
  });
});
