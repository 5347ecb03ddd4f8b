import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { builtin_registry } from "../../src/codecs/builtin.ts";
import type { TypeCodec } from "../../src/codecs/codec.ts";
import { composite_codec } from "../../src/codecs/composite.ts";
import { hstore_codec } from "../../src/codecs/hstore.ts";
import { Interval } from "../../src/codecs/interval.ts";
import { Range } from "../../src/codecs/range.ts";
import { decode, encode } from "./wire.ts";

const registry = builtin_registry();
const find = (type: string): TypeCodec => registry.find(type)!;

const text = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
const nullable_text = fc.option(text);
const int4 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const date = fc.date({ noInvalidDate: true });
const moment = fc.oneof(date, fc.constantFrom(Infinity, -Infinity));
const point = fc.record({ x: fc.double(), y: fc.double() });
const interval = fc.record({ months: int4, days: int4, microseconds: int8 })
  .map((parts) => new Interval(parts));

/** Rectangular arrays of two dimensions. */
function matrix<T>(element: fc.Arbitrary<T>): fc.Arbitrary<T[][]> {
  return fc.integer({ min: 1, max: 4 }).chain((size) =>
    fc.array(fc.array(element, { minLength: size, maxLength: size }), {
      minLength: 1,
      maxLength: 4,
    })
  );
}

function range<T>(bound: fc.Arbitrary<T>): fc.Arbitrary<Range<T>> {
  const bounds = fc.constantFrom<"[)" | "[]" | "(]" | "()">("[)", "[]", "(]", "()");
  return fc.tuple(bound, bound, bounds).map(([lower, upper, kind]) => Range(lower, upper, kind));
}

const pair = composite_codec("app.pair", 90_000, 0, [
  { name: "a", codec: find("timestamptz") },
  { name: "b c", codec: find("text[]") },
]);
const pair_value = fc.record({ a: fc.option(moment), "b c": fc.option(fc.array(nullable_text)) });

const cases: readonly [what: string, codec: TypeCodec, values: fc.Arbitrary<unknown>][] = [
  ["text", find("text"), text],
  ["int8", find("int8"), int8],
  ["float8", find("float8"), fc.double()],
  ["bytea", find("bytea"), fc.uint8Array()],
  ["uuid", find("uuid"), fc.uuid()],
  ["timestamp", find("timestamp"), moment],
  ["timestamptz", find("timestamptz"), moment],
  ["interval", find("interval"), interval],
  ["point", find("point"), point],
  [
    "path",
    find("path"),
    fc.record({ points: fc.array(point, { minLength: 1 }), closed: fc.boolean() }),
  ],
  ["text[]", find("text[]"), fc.array(nullable_text)],
  ["text[][]", find("text[]"), matrix(nullable_text)],
  ["box[]", find("box[]"), fc.array(fc.option(fc.record({ high: point, low: point })))],
  ["int4range", find("int4range"), range(fc.option(int4))],
  ["tsmultirange[]", find("tsmultirange[]"), fc.array(fc.array(range(fc.option(moment))))],
  ["hstore", hstore_codec(90_001, 0), fc.dictionary(text, nullable_text)],
  ["a composite type", pair, pair_value],
];

describe("TypeCodec", () => {
  for (const [what, codec, values] of cases) {
    it(`reads both forms of ${what} that it wrote`, () => {
      fc.assert(
        fc.property(values, (value) => {
          assertEquals(codec.decode_text(codec.encode_text(value)), value);
          assert(codec.has_binary(value));
          assertEquals(decode(codec, encode(codec, value)), value);
        }),
        { numRuns: 60, seed: 20_260_214 },
      );
    });
  }

  it("reads any float4 as a number that names it, with 9 digits at most", () => {
    const float4 = find("float4");
    fc.assert(
      fc.property(fc.float(), (single) => {
        const value = decode(float4, encode(float4, single)) as number;
        assert(Object.is(Math.fround(value), single));
        assertEquals(Number(value.toPrecision(9)), value);
      }),
      { numRuns: 500, seed: 20_260_214 },
    );
  });

  it("reads any numeric that its digits in base 10000 make", () => {
    const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{0,${max}}$`));
    fc.assert(
      fc.property(fc.boolean(), digits(40), digits(40), (minus, whole, fraction) => {
        const sign = minus ? "-" : "";
        const point = fraction === "" ? "" : ".";
        const shown = whole.replace(/^0+/, "") || "0";
        assertEquals(
          decode(find("numeric"), numeric_wire(minus, shown, fraction)),
          `${sign}${shown}${point}${fraction}`,
        );
      }),
      { numRuns: 200, seed: 20_260_214 },
    );
  });
});

/** As numeric_send writes it, but with the zeros at the ends. */
function numeric_wire(minus: boolean, whole: string, fraction: string): Uint8Array {
  const padded = whole.padStart(4 * Math.ceil(whole.length / 4), "0") +
    fraction.padEnd(4 * Math.ceil(fraction.length / 4), "0");
  const groups = padded.match(/.{4}/g) ?? [];
  const writer = new ByteWriter();
  writer.i16(groups.length);
  writer.i16(Math.ceil(whole.length / 4) - 1); // weight
  writer.i16(minus ? 0x4000 : 0);
  writer.i16(fraction.length);
  for (const group of groups) writer.i16(Number(group));
  return writer.take();
}
