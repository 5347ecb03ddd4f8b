import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Interval, type IntervalParts } from "../../src/codecs/interval.ts";
import { DataError } from "../../src/errors.ts";

/** Of each interval, what the server prints as postgres, postgres_verbose, sql_standard, iso_8601. */
const styles: readonly [parts: IntervalParts, ...texts: [string, string, string, string]][] = [
  [{}, "00:00:00", "@ 0", "0", "PT0S"],
  [
    { months: 14, days: 3, microseconds: 14_706_789_000n },
    "1 year 2 mons 3 days 04:05:06.789",
    "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs",
    "+1-2 +3 +4:05:06.789",
    "P1Y2M3DT4H5M6.789S",
  ],
  [
    { months: -14, days: 3, microseconds: -14_706_000_007n },
    "-1 years -2 mons +3 days -04:05:06.000007",
    "@ 1 year 2 mons -3 days 4 hours 5 mins 6.000007 secs ago",
    "-1-2 +3 -4:05:06.000007",
    "P-1Y-2M3DT-4H-5M-6.000007S",
  ],
  [
    { days: -3, microseconds: -14_706_000_000n },
    "-3 days -04:05:06",
    "@ 3 days 4 hours 5 mins 6 secs ago",
    "-3 4:05:06",
    "P-3DT-4H-5M-6S",
  ],
  [
    { days: 1, microseconds: -1_000_000n },
    "1 day -00:00:01",
    "@ 1 day -1 sec",
    "+0-0 +1 -0:00:01",
    "P1DT-1S",
  ],
  [{ months: -1 }, "-1 mons", "@ 1 mon ago", "-0-1", "P-1M"],
  [{ days: 1 }, "1 day", "@ 1 day", "1 0:00:00", "P1D"],
  [{ microseconds: -500_000n }, "-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S"],
  [
    { months: 1, microseconds: -1n },
    "1 mon -00:00:00.000001",
    "@ 1 mon -0.000001 secs",
    "+0-1 +0 -0:00:00.000001",
    "P1MT-0.000001S",
  ],
  [{ microseconds: 360_000_000_000n }, "100:00:00", "@ 100 hours", "100:00:00", "PT100H"],
  [
    { months: -0x80000000, days: -0x80000000, microseconds: -9_223_372_036_800_000_000n },
    "-178956970 years -8 mons -2147483648 days -2562047788:00:00",
    "@ 178956970 years 8 mons 2147483648 days 2562047788 hours ago",
    "-178956970-8 -2147483648 -2562047788:00:00",
    "P-178956970Y-8M-2147483648DT-2562047788H",
  ],
];

describe("Interval", () => {
  it("reads what the server prints in any IntervalStyle", () => {
    for (const [parts, ...texts] of styles) {
      for (const text of texts) assertEquals(Interval.parse(text), new Interval(parts), text);
    }
  });

  it("prints ISO 8601 as the server does, in JSON too", () => {
    for (const [parts, , , , iso] of styles) {
      assertEquals(String(new Interval(parts)), iso);
      assertEquals(JSON.stringify([new Interval(parts)]), `["${iso}"]`);
    }
  });

  it("reads what people write", () => {
    const texts: readonly [text: string, parts: IntervalParts][] = [
      ["2 weeks", { days: 14 }],
      ["1.5 hours", { microseconds: 5_400_000_000n }],
      ["1 hour 30 minutes", { microseconds: 5_400_000_000n }],
      ["-5.25", { microseconds: -5_250_000n }],
      ["1 DAY", { days: 1 }],
      ["P1W", { days: 7 }],
      ["-P1DT2.5S", { days: -1, microseconds: -2_500_000n }],
      [" 1 day ", { days: 1 }],
      ["01:30", { microseconds: 5_400_000_000n }],
    ];
    for (const [text, parts] of texts) {
      assertEquals(Interval.parse(text), new Interval(parts), text);
    }
  });

  it("refuses what is none, and what has parts of a day", () => {
    const texts = ["", " ", "@", "x", "P", "PT", "P1", "P1YT", "PT1.S", "1 foo", "1:2", "1.5 days"];
    for (const text of [...texts, "P0.1M", "1 day ago ago", "infinity", "9999999999 days"]) {
      assertThrows(() => Interval.parse(text), DataError, "", text);
    }
  });

  it("refuses parts that the server cannot hold", () => {
    const parts: readonly IntervalParts[] = [
      { months: 0.5 },
      { months: 2 ** 31 },
      { days: NaN },
      { microseconds: 2n ** 63n },
      { microseconds: 1.5 },
      { microseconds: Infinity },
    ];
    for (const part of parts) assertThrows(() => new Interval(part), DataError, "cannot make");
    const most = { months: 0x7fffffff, days: -0x80000000, microseconds: 2n ** 63n - 1n };
    assertEquals({ ...new Interval(most) }, most);
    assertEquals(new Interval({ microseconds: 5 }).microseconds, 5n);
  });
});
