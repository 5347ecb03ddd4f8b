import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { builtin_registry } from "../../src/codecs/builtin.ts";
import type { TypeCodec } from "../../src/codecs/codec.ts";
import { Interval } from "../../src/codecs/interval.ts";
import { Json } from "../../src/codecs/json.ts";
import { kind_of } from "../../src/codecs/kinds.ts";
import { Range } from "../../src/codecs/range.ts";
import { DataError } from "../../src/errors.ts";
import { encode, to_hex } from "./wire.ts";

const registry = builtin_registry();

function codec_of(type: string): TypeCodec {
  return registry.find(type)!;
}

/** `[type, value, text]`: values that are not the type's own, which the server is to judge. */
const texts: readonly [type: string, value: unknown, text: string][] = [
  ["text", 5, "5"],
  ["text", 5n, "5"],
  ["text", true, "true"],
  ["varchar", -0.5, "-0.5"],
  ["bool", "yes", "yes"],
  ["bool", 1, "1"],
  ["bool", true, "t"],
  ["int2", "12", "12"],
  ["int2", 12n, "12"],
  ["int4", "x", "x"],
  ["int4", -0, "0"],
  ["int8", 1e18, "1000000000000000000"],
  ["int8", 5, "5"],
  ["oid", "12", "12"],
  ["xid8", 2n ** 64n - 1n, "18446744073709551615"],
  ["float4", 1e300, "1e+300"],
  ["float4", 1e-300, "1e-300"],
  ["float8", 5n, "5"],
  ["float8", "1e5", "1e5"],
  ["numeric", 0.1, "0.1"],
  ["numeric", 1e21, "1e+21"],
  ["numeric", 12345678901234567890n, "12345678901234567890"],
  ["numeric", "1.50", "1.50"],
  ["numeric", NaN, "NaN"],
  ["numeric", -Infinity, "-Infinity"],
  ["money", 1.5, "1.5"],
  ["uuid", "{01234567-89ab-cdef-fedc-ba9876543210}", "{01234567-89ab-cdef-fedc-ba9876543210}"],
  ["bytea", "\\x00", "\\x00"],
  ["bytea", Uint8Array.of(0, 255), "\\x00ff"],
  ["json", "[1]", "[1]"],
  ["json", [1, "a", null], '[1,"a",null]'],
  ["json", { a: new Date(0) }, '{"a":"1970-01-01T00:00:00.000Z"}'],
  ["json", 5, "5"],
  ["json", true, "true"],
  ["jsonb", Json("a"), '"a"'],
  ["jsonb", Json(null), "null"],
  ["jsonb", new Json([1]), "[1]"],
  ["jsonb", { a: Json("b") }, '{"a":"b"}'],
  ["date", "today", "today"],
  ["date", new Date("2020-01-02T23:59:59.999Z"), "2020-01-02"],
  ["date", new Date("-000043-03-15T00:00:00Z"), "0044-03-15 BC"],
  ["date", Infinity, "infinity"],
  ["timestamp", "now", "now"],
  ["timestamp", new Date("2020-01-02T03:04:05.060Z"), "2020-01-02 03:04:05.06"],
  ["timestamptz", new Date("2020-01-02T03:04:05Z"), "2020-01-02 03:04:05+00"],
  ["timestamptz", new Date("-000043-03-15T12:00:00Z"), "0044-03-15 12:00:00+00 BC"],
  ["timestamptz", new Date("+012345-01-01T00:00:00Z"), "12345-01-01 00:00:00+00"],
  ["timestamptz", -Infinity, "-infinity"],
  ["time", "01:02", "01:02"],
  ["interval", "1 day", "1 day"],
  ["interval", Infinity, "infinity"],
  ["interval", new Interval({ months: -14, microseconds: 500_000 }), "P-1Y-2MT0.5S"],
  ["bit", 101, "101"],
  ["json", 2n ** 64n, "18446744073709551616"],
  ["jsonb", -0, "-0"],
  ["regclass", 1259, "1259"],
  ["point", "(1,2)", "(1,2)"],
  ["point", { x: -0, y: Infinity }, "(-0,Infinity)"],
  ["path", { points: [{ x: 1, y: 2 }], closed: false }, "[(1,2)]"],
  ["int4[]", "{1,2}", "{1,2}"],
  ["int4[]", [1, "2", null], "{1,2,NULL}"],
  ["int4[]", [[1, 2n], ["3", 4]], "{{1,2},{3,4}}"],
  ["int4[]", [[]], "{}"],
  ["text[]", ["", "NULL", "a b", 'q"\\', "é", 1], '{"","NULL","a b","q\\"\\\\","é",1}'],
  ["numeric[]", [1, "2.50", null], "{1,2.50,NULL}"],
  ["jsonb[]", [{ a: "b" }, Json([1, 2])], '{"{\\"a\\":\\"b\\"}","[1,2]"}'],
  ["box[]", ["(1,1),(0,0)", null], '{"(1,1),(0,0)";NULL}'],
  ["int2vector", [1, 2], "1 2"],
  ["int4range", "[1,2]", "[1,2]"],
  ["int4range", Range("1", 5, "(]"), "(1,5]"],
  ["numrange", Range(1.5, null), "[1.5,)"],
  ["tsrange", Range("2020-01-01 00:00", null), '["2020-01-01 00:00",)'],
  ["int4range", { empty: true }, "empty"],
  ["int4multirange", [Range(1, "2"), "[3,4]"], "{[1,2),[3,4]}"],
  ["int4multirange[]", [[Range(1, "2")], []], '{"{[1,2)}","{}"}'],
];

/** `[type, values]` that can never fit: refused here, with the rule alone. */
const misfits: readonly [type: string, rule: string, ...values: unknown[]][] = [
  ["bool", "must be a boolean", {}, [], undefined, Symbol(), () => 1],
  ["int2", "must be an integer from -32768 to 32767", 32768, -32769n, 1.5, NaN, true, {}, [1]],
  ["int4", "must be an integer from -2147483648 to 2147483647", 2 ** 31, new Date(), null],
  ["int8", `must be an integer from ${-(2n ** 63n)} to ${2n ** 63n - 1n}`, 2n ** 63n, 1e19, 0.5],
  ["oid", "must be an integer from 0 to 4294967295", -1, 2 ** 32, Infinity],
  ["xid8", `must be an integer from 0 to ${2n ** 64n - 1n}`, -1n, 2n ** 64n],
  ["float4", "must be a number", {}, true, new Date()],
  ["float8", "must be a number", [1.5], undefined],
  ["numeric", "must be a number, a bigint or a string", true, { d: 1 }],
  ["text", "must be a string", {}, new Date(), ["a"], new Uint8Array(1), undefined, Symbol("s")],
  ["uuid", "must be a string", 5, {}],
  ["inet", "must be a string", 5, {}],
  ["bytea", "must be a Uint8Array", 5, [1, 2], {}],
  [
    "json",
    "must be a value that JSON can hold",
    NaN,
    -Infinity,
    { a: [1n] },
    undefined,
    () => 1,
    Symbol(),
  ],
  ["date", "must be a valid Date, a string, Infinity or -Infinity", new Date(NaN), 5, NaN, true],
  ["timestamptz", "must be a valid Date, a string, Infinity or -Infinity", new Date(NaN), 0, {}],
  ["time", "must be a string", new Date(), 5],
  ["interval", "must be an Interval, a string or a number of seconds", true, { months: 1 }],
  ["point", "must be { x, y } of numbers, or a string", { x: 1 }, { x: "1", y: 2 }, [1, 2], 5],
  ["path", "must be { points: [{ x, y }, ...], closed } of numbers, or a string", { points: [] }],
  ["polygon", "must be { points: [{ x, y }, ...] } of numbers, or a string", { points: [1] }],
  ["int4[]", "must be an array", 5, {}, new Set([1]), new Int32Array(1)],
  ["int4[]", "must be a rectangular array of at most 6 dimensions", [1, [2]], [[1], [2, 3]]],
  ["int4[]", "must be a rectangular array of at most 6 dimensions", [[[[[[[1]]]]]]], [[1], null]],
  ["int4[]", "must be an array, each element of which must not be undefined", [1, undefined]],
  ["text[]", "must be an array, each element of which must be a string", [{}], ["a", new Date()]],
  ["int2vector", "must be an array", 5],
  ["int4range", "must be a range { lower, upper, lower_inc, upper_inc } or a string", 5, [
    1,
  ]],
  ["int4range", "must be a range whose bound must not be undefined", {
    ...Range(1, 2),
    upper: undefined,
  }],
  ["int4multirange", "must be an array of ranges or a string", Range(1, 2)],
  ["record", "must be cast to a composite type: PostgreSQL reads no anonymous record", [1]],
  ["void", "must be left out", 1],
];

describe("TypeCodec.encode_text", () => {
  it("writes what is not the type's own as text, for the server to judge", () => {
    for (const [type, value, text] of texts) {
      assertEquals(codec_of(type).encode_text(value), text, `${type} ${text}`);
    }
  });

  for (const [type, rule, ...values] of misfits) {
    it(`refuses what can never fit ${type}: ${rule}`, () => {
      for (const value of values) {
        const codec = codec_of(type);
        if (value !== null) assert(!codec.has_binary(value), `${type}, ${kind_of(value)}`);
        const error = assertThrows(() => codec.encode_text(value), DataError);
        assert(error.message.startsWith(rule), `${error.message}, ${kind_of(value)}`);
      }
    });
  }

  it("refuses an array that holds itself", () => {
    const array: unknown[] = [];
    array.push(array);
    for (const type of ["int4[]", "text[]"]) {
      assert(!codec_of(type).has_binary(array));
      assertThrows(() => codec_of(type).encode_text(array), DataError, "rectangular");
    }
    assertThrows(() => codec_of("json").encode_text(array), DataError, "JSON");
  });

  it("refuses what no text can hold before it is written", () => {
    for (const text of ["a\0b", "\ud800", "\udc00a"]) {
      assertThrows(() => encode(codec_of("text"), text), DataError, "cannot encode text");
      assertThrows(() => encode(codec_of("text[]"), ["a", text]), DataError, "cannot encode text");
    }
  });
});

describe("TypeCodec.has_binary", () => {
  /** `[type, value, hex]`: natural values that no sample holds. */
  const natural: readonly [type: string, value: unknown, hex: string][] = [
    ["int8", 5, "0000000000000005"],
    ["xid8", 0, "0000000000000000"],
    ["int8", -5n, "fffffffffffffffb"],
    ["float4", 0.1, "3dcccccd"],
    ["bytea", Uint8Array.of(1, 2).buffer, "0102"],
    ["bytea", new DataView(Uint8Array.of(1, 2, 3).buffer, 1), "0203"],
    ["uuid", "01234567-89AB-CDEF-FEDC-BA9876543210", "0123456789abcdeffedcba9876543210"],
    ["date", new Date("2000-01-02T23:59:59Z"), "00000001"],
    ["date", new Date("1999-12-31T23:59:59Z"), "ffffffff"],
    ["timestamptz", new Date(946_684_799_999), "fffffffffffffc18"],
    ["text[]", [], "000000000000000000000019"],
    ["text[]", [[], []], "000000000000000000000019"],
    ["int2[]", [1, null], "0000000100000001000000150000000200000001000000020001ffffffff"],
  ];

  it("is true for natural values, which are written in their binary form", () => {
    for (const [type, value, hex] of natural) {
      const codec = codec_of(type);
      assert(codec.has_binary(value), type);
      assertEquals(to_hex(encode(codec, value)), hex, type);
    }
  });

  it("is false where the binary form would not be exact", () => {
    for (const value of [1e300, -1e300, 1e-300]) assert(!codec_of("float4").has_binary(value));
    for (const value of [2 ** 53, 2 ** 63]) assert(!codec_of("int8").has_binary(value));
    for (const value of [[1, "2"], [1, undefined], [1.5], [[1], 2]]) {
      assert(!codec_of("int4[]").has_binary(value));
    }
  });
});

describe("kind_of", () => {
  const kinds: readonly [value: unknown, kind: string][] = [
    ["a", "a string"],
    [1, "a number"],
    [1.5, "a fractional number"],
    [NaN, "NaN"],
    [-Infinity, "-Infinity"],
    [1n, "a bigint"],
    [true, "a boolean"],
    [null, "null"],
    [undefined, "undefined"],
    [Symbol("s"), "a symbol"],
    [() => 1, "a function"],
    [{}, "an object"],
    [Object.create(null), "an object"],
    [new Date(0), "a Date"],
    [new Date(NaN), "an invalid Date"],
    [new Uint8Array(1), "a Uint8Array"],
    [new Map(), "a Map"],
    [new Interval(), "an Interval"],
    [[], "an empty array"],
    [[1, 2], "an array of numbers"],
    [
      [1, "a", null, undefined, [], {}],
      "an array of numbers, strings, null, undefined, arrays and objects",
    ],
  ];

  it("names the kind and never the value", () => {
    for (const [value, kind] of kinds) assertEquals(kind_of(value), kind);
  });
});

describe("Json", () => {
  it("wraps a value, called with new or without, and stands inside others", () => {
    for (const wrapped of [Json("a"), new Json("a")]) {
      assert(wrapped instanceof Json);
      assertEquals(wrapped.value, "a");
      assertEquals(JSON.stringify([wrapped]), '["a"]');
    }
  });
});
