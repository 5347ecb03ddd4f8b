import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { builtin_registry } from "../../src/codecs/builtin.ts";
import type { TypeCodec } from "../../src/codecs/codec.ts";
import {
  composite_codec,
  domain_codec,
  enum_codec,
  UnknownTypeError,
} from "../../src/codecs/composite.ts";
import { hstore_codec } from "../../src/codecs/hstore.ts";
import type { CodecRegistry } from "../../src/codecs/registry.ts";
import { DataError } from "../../src/errors.ts";
import { decode, encode, from_hex, to_hex } from "./wire.ts";

// The types and OIDs of the server that sent the bytes below:
//   create domain app.age as int4; create type app.mood as enum ('sad', 'ok');
//   create type app.person as (name text, age app.age, tags text[], mood app.mood);
//   create type app.pair as (a int4, b text); create type app.one as (a int4)
const builtin = builtin_registry();
const int4 = builtin.lookup(23);
const age = domain_codec("app.age", 16658, 16657, int4);
const mood = enum_codec("app.mood", 16661, 16660);
const person = composite_codec("app.person", 16667, 16666, [
  { name: "name", codec: builtin.lookup(25) },
  { name: "age", codec: age },
  { name: "tags", codec: builtin.lookup(1009) },
  { name: "mood", codec: mood },
]);
const pair = composite_codec("app.pair", 16670, 16669, [
  { name: "a", codec: int4 },
  { name: "b", codec: builtin.lookup(25) },
]);
const one = composite_codec("app.one", 16673, 16672, [{ name: "a", codec: int4 }]);
const hstore = hstore_codec(16424, 16429);
const registry: CodecRegistry = builtin.with([age, mood, person, pair, one, hstore]);
const array_of = (codec: TypeCodec) => registry.lookup(codec.array_oid);
const awkward = JSON.parse('{"": "", "a": "1", "b c": null, "__proto__": "q\\"\\\\"}');

/** `[codec, text, value, hex]`, as the server sent them. */
const samples: readonly [codec: TypeCodec, text: string, value: unknown, hex: string][] = [
  [
    person,
    '("Ann ""A""",5,"{""x y"",NULL}",ok)',
    { name: 'Ann "A"', age: 5, tags: ["x y", null], mood: "ok" },
    "000000040000001900000007416e6e20224122000041120000000400000005000003f10000001f" +
    "000000010000000100000019000000020000000100000003782079ffffffff00004115000000026f6b",
  ],
  [
    person,
    "(,,,)",
    { name: null, age: null, tags: null, mood: null },
    "0000000400000019ffffffff00004112ffffffff000003f1ffffffff00004115ffffffff",
  ],
  [pair, "(1,)", { a: 1, b: null }, "0000000200000017000000040000000100000019ffffffff"],
  [one, "()", { a: null }, "0000000100000017ffffffff"],
  [
    array_of(pair),
    '{"(1,\\"a,b\\")",NULL}',
    [{ a: 1, b: "a,b" }, null],
    "00000001000000010000411e00000002000000010000001b0000000200000017000000040000000100000019" +
    "00000003612c62ffffffff",
  ],
  [age, "5", 5, "00000005"],
  [array_of(age), "{5}", [5], "00000001000000000000411200000001000000010000000400000005"],
  [mood, "ok", "ok", "6f6b"],
  [hstore, "", {}, "00000000"],
  [
    hstore,
    '""=>"", "a"=>"1", "b c"=>NULL, "__proto__"=>"q\\"\\\\"',
    awkward,
    "0000000400000000000000000000000161000000013100000003622063ffffffff" +
    "000000095f5f70726f746f5f5f0000000371225c",
  ],
  [
    array_of(hstore),
    '{"\\"a\\"=>\\"1\\""}',
    [{ a: "1" }],
    "00000001000000000000402800000001000000010000000e0000000100000001610000000131",
  ],
];

describe("composite_codec, domain_codec, enum_codec and hstore_codec", () => {
  it("read both forms as the same value", () => {
    for (const [codec, text, value, hex] of samples) {
      assertEquals(codec.decode_text(text), value, text);
      assertEquals(decode(codec, from_hex(hex)), value, text);
    }
  });

  it("write the bytes that the server writes, and a text that reads the same", () => {
    for (const [codec, text, value, hex] of samples) {
      assert(codec.has_binary(value), text);
      assertEquals(to_hex(encode(codec, value)), hex, text);
      assertEquals(codec.decode_text(codec.encode_text(value)), value, text);
    }
  });

  it("refuse every sample cut short, or with a byte more", () => {
    for (const [codec, text, , hex] of samples) {
      if (codec === mood) continue;
      const bytes = from_hex(hex);
      assertThrows(() => decode(codec, Uint8Array.of(...bytes, 0)), DataError, "", text);
      for (let size = 0; size < bytes.length; size++) {
        assertThrows(() => decode(codec, bytes.slice(0, size)), DataError, "cannot decode", text);
      }
    }
  });
});

describe("composite_codec", () => {
  it("refuses a type that was altered since it was looked up", () => {
    const wires = ["0000000100000017ffffffff", "0000000200000019ffffffff00000019ffffffff"];
    for (const hex of wires) {
      assertThrows(() => decode(pair, from_hex(hex)), DataError, "others");
    }
    for (const text of ["(1)", "(1,a,)"]) {
      assertThrows(() => pair.decode_text(text), DataError, "others");
    }
  });

  it("refuses a missing, unknown or undefined attribute", () => {
    for (const value of [{ a: 1 }, { a: 1, b: "x", c: 1 }, { a: 1, c: 2 }, [1, "x"], 5, {}]) {
      assert(!pair.has_binary(value));
      assertThrows(() => pair.encode_text(value), DataError, "exactly the attributes a, b");
    }
    assert(!pair.has_binary({ a: 1, b: undefined }));
    assertThrows(
      () => pair.encode_text({ a: 1, b: undefined }),
      DataError,
      "attribute b must not be",
    );
  });

  it("goes out as text where an attribute has no binary form", () => {
    assert(!pair.has_binary({ a: "1", b: "x" }));
    assertEquals(pair.encode_text({ a: "1", b: 'x"\\ (y)' }), '(1,"x\\"\\\\ (y)")');
    assertEquals(pair.encode_text({ a: null, b: "" }), '(,"")');
    assertThrows(
      () => pair.encode_text({ a: {}, b: "" }),
      DataError,
      "attribute a must be an integer",
    );
  });

  it("is asked for as text if one of its attributes is", () => {
    const priced = composite_codec("priced", 1, 2, [{ name: "p", codec: builtin.lookup(790) }]);
    assertEquals([pair.format, priced.format], [1, 0]);
    assertEquals(priced.decode_text("($1.00)"), { p: "$1.00" });
  });

  it("keeps an attribute that is called __proto__ as the object's own", () => {
    const odd = composite_codec("odd", 1, 2, [{ name: "__proto__", codec: int4 }]);
    const value = odd.decode_text("(5)");
    assertEquals(Object.entries(value as object), [["__proto__", 5]]);
    assertEquals(odd.encode_text(value), "(5)");
  });

  it("reads a type without attributes", () => {
    const none = composite_codec("none", 1, 2, []);
    assertEquals(none.decode_text("()"), {});
    assertEquals(decode(none, from_hex("00000000")), {});
  });
});

describe("domain_codec", () => {
  it("keeps what sets its base type apart: a delimiter, a binary form, being an array", () => {
    const boxes = builtin.with([domain_codec("app.area", 90_000, 90_001, builtin.lookup(603))]);
    const area = { high: { x: 1, y: 1 }, low: { x: 0, y: 0 } };
    assertEquals(boxes.lookup(90_001).decode_text("{(1,1),(0,0);NULL}"), [area, null]);
    const ages = domain_codec("app.ages", 90_002, 90_003, builtin.lookup(1007));
    const lists = builtin.with([ages]).lookup(90_003);
    assertEquals(lists.encode_text([[1, 2], [3]]), '{"{1,2}","{3}"}');
    assert(!builtin.lookup(1007).has_binary([[1, 2], [3]]));
  });
});

describe("record_codec", () => {
  const records: readonly [hex: string, value: unknown[]][] = [
    ["00000001000002c1ffffffff", [null]],
    [
      "00000003000000170000000400000001000008c90000001500000002000002c10000000161000002c1ffffffff" +
      "000003ef000000240000000100000000000000170000000200000001000000040000000100000004" +
      "00000002",
      [1, ["a", null], [1, 2]],
    ],
    [
      "0000000200000017000000040000000100004115000000026f6b",
      [1, "ok"],
    ],
  ];

  it("reads an array of values, and refuses text, which tells no types", () => {
    const record = registry.lookup(2249);
    for (const [hex, value] of records) assertEquals(decode(record, from_hex(hex)), value);
    assertThrows(() => record.decode_text("(1,ok)"), DataError, "binary form");
  });

  it("knows the types of its own registry, and says which it does not know", () => {
    const hex = records[2]![0];
    const error = assertThrows(
      () => decode(builtin.lookup(2249), from_hex(hex)),
      UnknownTypeError,
      "16661",
    );
    assertEquals(error.oid, 16661);
  });

  it("reads an empty record and an array of records", () => {
    assertEquals(decode(registry.lookup(2249), from_hex("00000000")), []);
    const hex = "0000000100000000000008c9000000010000000100000004" + "00000000";
    assertEquals(decode(registry.lookup(2287), from_hex(hex)), [[]]);
  });
});

describe("hstore_codec", () => {
  it("refuses values that are neither strings nor null", () => {
    for (const value of [{ a: 1 }, { a: undefined }, ["a"], 5, null]) {
      if (value !== null) assert(!hstore.has_binary(value));
      assertThrows(() => hstore.encode_text(value), DataError, "strings and nulls");
    }
  });

  it("refuses a key that is NULL and a text that is no hstore", () => {
    assertThrows(() => decode(hstore, from_hex("00000001ffffffffffffffff")), DataError, "NULL");
    for (const text of ['"a"', '"a"=>', '"a"=>"1",', "a=>1", '"a"=>"1" "b"=>"2"', '"a"=>null']) {
      assertThrows(() => hstore.decode_text(text), DataError, "cannot decode hstore", text);
    }
  });
});
