import { assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { builtin_codecs, builtin_registry } from "../../src/codecs/builtin.ts";
import type { TypeCodec } from "../../src/codecs/codec.ts";
import { composite_codec } from "../../src/codecs/composite.ts";
import { hstore_codec } from "../../src/codecs/hstore.ts";
import { DataError } from "../../src/errors.ts";
import { samples } from "./samples.ts";
import { decode, from_hex } from "./wire.ts";

const SEED = 20_260_214;
const ROUNDS = 40; // for each codec or sample

/** xorshift32: the same numbers on every runtime and in every run. */
function random_numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const registry = builtin_registry();
const ranges = [3904, 3906, 3908, 3910, 3912, 3926, 4451, 4532, 4534, 6150];
const composite = composite_codec("app.pair", 90_000, 90_001, [
  { name: "a", codec: registry.lookup(23) },
  { name: "b", codec: registry.lookup(1009) },
]);
const codecs: readonly TypeCodec[] = [
  ...builtin_codecs(),
  ...builtin_codecs().map(({ array_oid }) => registry.lookup(array_oid)),
  ...ranges.map((oid) => registry.lookup(oid)),
  registry.lookup(2249),
  registry.lookup(2287),
  hstore_codec(90_002, 0),
  composite,
];

/** Calls `read`; whatever comes, it is a value or a DataError. */
function survives(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
  }
}

describe("TypeCodec.decode", () => {
  it("gives a value or a DataError for random bytes", () => {
    const random = random_numbers(SEED);
    for (const codec of codecs) {
      for (let round = 0; round < ROUNDS; round++) {
        // Mostly zeros, so that counts and lengths are often nearly right.
        const bytes = Uint8Array.from({ length: random(48) }, () => {
          return random(3) === 0 ? random(256) : random(4);
        });
        survives(() => decode(codec, bytes));
      }
    }
  });

  it("gives a value or a DataError for samples with a few bytes changed", () => {
    const random = random_numbers(SEED);
    for (const [type, , , wire] of samples) {
      if (wire === null || wire === "") continue;
      const codec = registry.find(type)!;
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = from_hex(wire);
        for (let i = random(3); i >= 0; i--) bytes[random(bytes.length)] = random(256);
        survives(() => decode(codec, bytes.subarray(0, bytes.length - random(2))));
      }
    }
  });

  /** `[what, OID, hex]`: claims that would take memory or time if they were believed. */
  const claims: readonly [claim: string, oid: number, hex: string][] = [
    ["7 dimensions", 1007, "0000000700000000" + "00000017" + "0000000100000001".repeat(7)],
    ["-1 dimensions", 1007, "ffffffff0000000000000017"],
    ["2^31 - 1 elements", 1007, "000000010000000000000017" + "7fffffff00000001"],
    ["-1 elements", 1007, "000000010000000000000017" + "ffffffff00000001"],
    ["2^32 elements", 1007, "000000020000000000000017" + "0001000000000001".repeat(2)],
    ["2^192 elements", 1007, "000000060000000000000017" + "4000000000000001".repeat(6)],
    ["2^30 empty rows", 1007, "000000020000000000000017" + "4000000000000001" + "0000000000000001"],
    ["an element of 2^31 - 1 bytes", 1007, "000000010000000000000017" + "00000001000000017fffffff"],
    ["an element of -2 bytes", 1007, "000000010000000000000017" + "0000000100000001fffffffe"],
    ["2^31 - 1 fields", 2249, "7fffffff"],
    ["2^31 - 1 pairs", 90_002, "7fffffff"],
    ["2^31 - 1 ranges", 4451, "7fffffff"],
    ["-1 fields", 2249, "ffffffff"],
    ["-1 pairs", 90_002, "ffffffff"],
    ["-1 ranges", 4451, "ffffffff"],
    ["2^31 - 1 points", 604, "7fffffff"],
    ["2^31 - 1 bits", 1562, "7fffffff00"],
    ["65,535 digits", 1700, "ffff000000000000"],
    ["a bound of 2^31 - 1 bytes", 3904, "187fffffff"],
    ["flags that no range has", 3904, "20"],
    ["a digit of 10,000", 1700, "0001000000000000" + "2710"],
    ["a scale of 16,384", 1700, "0000000000004000"],
    ["a sign that is none", 1700, "0000000080000000"],
    ["a time before midnight", 1083, "ffffffffffffffff"],
    ["a time after 24:00:00", 1083, "000000141dd76001"],
    ["a zone 16 hours off", 1266, "0000000000000000" + "0000e100"],
    ["an address of no family", 869, "0120000401020304"],
    ["an address with a longer mask", 869, "0221000401020304"],
    ["a version of jsonb", 3802, "027b7d"],
  ];

  for (const [claim, oid, hex] of claims) {
    it(`refuses ${claim}`, () => {
      const codec = codecs.find((codec) => codec.oid === oid) ?? registry.lookup(oid);
      assertThrows(() => decode(codec, from_hex(hex)), DataError, "cannot decode");
    });
  }

  it("refuses records that nest deeper than a stack is deep", () => {
    const depth = 20_000;
    const bytes = new Uint8Array(4 + 12 * depth);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length - 4; at += 12) {
      view.setInt32(at, 1); // one field,
      view.setInt32(at + 4, 2249); // a record,
      view.setInt32(at + 8, bytes.length - at - 12); // that is all the rest
    }
    const record = registry.lookup(2249);
    assertThrows(() => decode(record, bytes), DataError, "nests");
    decode(record, from_hex("00000000")); // the depth was given back
  });
});

describe("TypeCodec.decode_text", () => {
  it("gives a value or a DataError for samples with a few characters changed", () => {
    const random = random_numbers(SEED);
    const alphabet = [...'{}()[]<>",;\\=-+:.0123456789 abBCeEPTNULLx', "é", "🐘", "\0"];
    for (const [type, text] of samples) {
      const codec = registry.find(type)!;
      for (let round = 0; round < ROUNDS; round++) {
        const characters = [...text];
        for (let i = random(3); i >= 0; i--) {
          const letter = alphabet[random(alphabet.length)]!;
          characters.splice(random(characters.length + 1), random(2), letter);
        }
        survives(() => codec.decode_text(characters.join("")));
      }
    }
  });

  const hostile: readonly [what: string, oid: number, text: string][] = [
    ["arrays that nest without end", 1007, "{".repeat(100_000)],
    ["an array that does not end", 1009, '{"a'],
    ["an array that ends twice", 1007, "{1}}"],
    ["an empty element", 1009, "{a,}"],
    ["a quoted text with an escape at its end", 1009, '{"a\\'],
    ["a range that does not end", 3904, "[1,2"],
    ["a range with three bounds", 3904, "[1,2,3)"],
    ["a row that does not end", 2249, '(1,"a'],
    ["a row with something after it", 2249, "(1)2"],
    ["an integer with a million digits", 20, "1".repeat(1_000_000)],
    ["a boolean in words", 16, "true"],
    ["a date that is not in ISO order", 1184, "02/01/2020 03:04:05 UTC"],
    ["hex digits that are none", 17, "\\x0g"],
    ["half a byte", 17, "\\x0"],
    ["an escape that is none", 17, "a\\9"],
    ["JSON cut short", 114, '{"a":'],
    ["a point of three numbers", 600, "(1,2,3)"],
    ["a point of words", 600, "(a,b)"],
    ["a polygon with half a point", 604, "((1,2),(3))"],
    ["an interval of nothing", 1186, ""],
    ["an interval of an unknown unit", 1186, "1 fortnight"],
    ["an interval longer than any", 1186, "1 day ".repeat(50)],
  ];

  for (const [what, oid, text] of hostile) {
    it(`refuses ${what}`, () => {
      const codec = registry.lookup(oid);
      assertThrows(() => codec.decode_text(text), DataError, "cannot");
    });
  }
});
