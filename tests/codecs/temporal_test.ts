import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { builtin_registry } from "../../src/codecs/builtin.ts";
import { DataError, NotSupportedError } from "../../src/errors.ts";
import { it_where } from "../support/where.ts";
import { decode, from_hex } from "./wire.ts";

const registry = builtin_registry({ temporal: true });
const has_temporal = "Temporal" in globalThis;

/** `[type, text, hex, kind, its own text, what is sent]`, the bytes as the server sent them. */
const samples: readonly (readonly [
  type: string,
  text: string,
  hex: string,
  kind: string,
  value: string,
  sent: string,
])[] = [
  [
    "timestamptz",
    "2020-01-02 00:34:05.678901+00",
    "00023e1c1e885535",
    "Instant",
    "2020-01-02T00:34:05.678901Z",
    "2020-01-02 00:34:05.678901+00",
  ],
  [
    "timestamptz",
    "1969-12-31 23:59:59.999999+00",
    "fffca2fec4c81fff",
    "Instant",
    "1969-12-31T23:59:59.999999Z",
    "1969-12-31 23:59:59.999999+00",
  ],
  [
    "timestamp",
    "2020-01-02 03:04:05.678901",
    "00023e1e36f96f35",
    "PlainDateTime",
    "2020-01-02T03:04:05.678901",
    "2020-01-02 03:04:05.678901",
  ],
  [
    "timestamp",
    "0044-03-15 12:00:00 BC",
    "ff1af9e8fb46d000",
    "PlainDateTime",
    "-000043-03-15T12:00:00",
    "0044-03-15 12:00:00 BC",
  ],
  [
    "timestamp",
    "200000-01-01 00:00:00.1",
    "56b6565e4a8226a0",
    "PlainDateTime",
    "+200000-01-01T00:00:00.1",
    "200000-01-01 00:00:00.1",
  ],
  ["date", "2024-02-29", "00002279", "PlainDate", "2024-02-29", "2024-02-29"],
  ["date", "0044-03-15 BC", "fff49d7b", "PlainDate", "-000043-03-15", "0044-03-15 BC"],
  ["time", "01:02:03.04005", "00000000dde91532", "PlainTime", "01:02:03.04005", "01:02:03.04005"],
  [
    "interval",
    "1 year 2 mons 3 days 04:05:06.789",
    "000000036c97ca88000000030000000e",
    "Duration",
    "P1Y2M3DT4H5M6.789S",
    "P1Y2M0W3DT4H5M6.789000S",
  ],
];

describe("builtin_codecs with temporal: true", () => {
  it_where(
    has_temporal,
    "reads both forms as the same Temporal object, and writes it back",
    () => {
      for (const [type, text, hex, kind, value, sent] of samples) {
        const codec = registry.find(type)!;
        for (const object of [codec.decode_text(text), decode(codec, from_hex(hex))]) {
          assertEquals(Reflect.get(object as object, Symbol.toStringTag), `Temporal.${kind}`);
          assertEquals(String(object), value);
          assert(!codec.has_binary(object));
          assertEquals(codec.encode_text(object), sent);
          assertEquals(builtin_registry().find(type)!.encode_text(object), sent);
        }
      }
    },
  );

  it_where(has_temporal, "refuses an object of another type", () => {
    const instant = registry.find("timestamptz")!.decode_text("2020-01-02 00:34:05+00");
    for (const type of ["timestamp", "date", "time", "interval", "text"]) {
      assertThrows(() => registry.find(type)!.encode_text(instant), DataError, "must be", type);
    }
  });

  it_where(has_temporal, "refuses what Temporal has no counterpart of", () => {
    const texts = [
      ["time", "24:00:00"],
      ["timestamp", "290000-01-01 00:00:00"],
      ["date", "5874897-12-31"],
      ["interval", "1 mon -1 days"],
    ] as const;
    for (const [type, text] of texts) {
      assertThrows(() => registry.find(type)!.decode_text(text), DataError, "Temporal", type);
    }
  });

  it("refuses any other size", () => {
    for (const [type, , hex] of samples) {
      for (const wrong of [`${hex}00`, hex.slice(2)]) {
        assertThrows(() => decode(registry.find(type)!, from_hex(wrong)), DataError, "bytes", type);
      }
    }
  });

  it("refuses a text that is not in ISO order", () => {
    for (const type of ["timestamptz", "timestamp", "date"]) {
      assertThrows(() => registry.find(type)!.decode_text("02/01/2020"), DataError, "well-formed");
    }
  });

  it("keeps infinity a number, and timetz a string", () => {
    const infinite = [
      ["timestamptz", "7fffffffffffffff", "8000000000000000"],
      ["timestamp", "7fffffffffffffff", "8000000000000000"],
      ["date", "7fffffff", "80000000"],
      ["interval", "7fffffffffffffff7fffffff7fffffff", "8000000000000000" + "8000000080000000"],
    ] as const;
    for (const [type, most, least] of infinite) {
      const codec = registry.find(type)!;
      assertEquals([codec.decode_text("infinity"), codec.decode_text("-infinity")], [
        Infinity,
        -Infinity,
      ]);
      assertEquals([decode(codec, from_hex(most)), decode(codec, from_hex(least))], [
        Infinity,
        -Infinity,
      ]);
    }
    assertEquals(registry.find("timetz")!.decode_text("12:00:00+02"), "12:00:00+02");
  });

  it_where(!has_temporal, "says what is missing on a runtime without Temporal", () => {
    for (const [type, text, hex] of samples) {
      const codec = registry.find(type)!;
      assertThrows(() => codec.decode_text(text), NotSupportedError, "Temporal");
      assertThrows(() => decode(codec, from_hex(hex)), NotSupportedError, "Temporal");
    }
  });
});
