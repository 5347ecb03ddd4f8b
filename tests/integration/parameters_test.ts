/** Parameters that do not fit: told alike, whether a statement was used before or not. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  DataError,
  Interval,
  PgError,
  ProgrammingError,
  Range,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { groups } from "../support/sample_tables.ts";

/** Values of every kind, which some types take and others do not. */
const VALUES: readonly unknown[] = [
  0,
  1,
  -1,
  -0,
  1.5,
  1e21,
  1e-7,
  2 ** 40,
  2 ** 53,
  NaN,
  Infinity,
  -Infinity,
  1n,
  2n ** 63n,
  2n ** 64n,
  true,
  false,
  "",
  "a",
  "1",
  " 1 ",
  "null",
  "{}",
  "[1,2)",
  {},
  [],
  [1],
  [null],
  [[1], [2, 3]],
  [1, [2]],
  [undefined],
  { a: undefined },
  new Date(0),
  new Date(NaN),
  new Map(),
  new Uint8Array(1),
  new ArrayBuffer(2),
  new Interval({ days: 1 }),
  Range(1, 2),
  Range("a", null),
  { x: 1, y: 2 },
  { x: 1 },
  () => 1,
  Symbol("s"),
];

/** `[type, value, message]` */
const misfits: readonly [type: string, value: unknown, message: string][] = [
  ["int2", 32768, "$1 as int2: it must be an integer from -32768 to 32767, but is a number"],
  ["int4", 1.5, "$1 as int4: it must be an integer from -2147483648 to 2147483647, but is a fract"],
  [
    "int4",
    2 ** 31,
    "$1 as int4: it must be an integer from -2147483648 to 2147483647, but is a nu",
  ],
  ["int4", NaN, "$1 as int4: it must be an integer from -2147483648 to 2147483647, but is NaN"],
  ["int4", true, "$1 as int4: it must be an integer from -2147483648 to 2147483647, but is a bool"],
  ["int4", "abc", "$1 as int4, given as a string: invalid input syntax for type integer"],
  ["int4", {}, "$1 as int4: it must be an integer from -2147483648 to 2147483647, but is an obj"],
  ["int4", [1], "but is an array of numbers"],
  ["int8", 2n ** 63n, "$1 as int8: it must be an integer from"],
  ["int8", 0.5, "but is a fractional number"],
  ["float4", 1e300, "$1 as float4, given as a number"],
  ["float8", "x", "$1 as float8, given as a string"],
  ["numeric", "1e", "$1 as numeric, given as a string"],
  ["numeric", true, "$1 as numeric: it must be a number, a bigint or a string, but is a boolean"],
  ["bool", 2, "$1 as bool, given as a number"],
  ["bool", {}, "$1 as bool: it must be a boolean, but is an object"],
  ["text", {}, "$1 as text: it must be a string, but is an object"],
  ["text", "a\0b", "must not contain the character NUL (U+0000), but does"],
  ["text", "\ud800", "must be well-formed, but has a lone surrogate"],
  ["varchar", ["a", "\udfff"], "$1 as varchar: it must be a string, but is an array of strings"],
  ["text[]", ["a\0"], "must not contain the character NUL"],
  ["jsonb", "{", "$1 as jsonb, given as a string: invalid input syntax"],
  ["jsonb", { a: 1n }, "$1 as jsonb: it must be a value that JSON can hold, without a bigint"],
  ["jsonb", { a: "\u0000" }, "$1 as jsonb, given as an object: unsupported Unicode escape"],
  ["uuid", "x", "$1 as uuid, given as a string"],
  ["uuid", 5, "$1 as uuid: it must be a string, but is a number"],
  ["bytea", [1, 2], "$1 as bytea: it must be a Uint8Array, but is an array of numbers"],
  [
    "date",
    new Date(NaN),
    "$1 as date: it must be a valid Date, a string, Infinity or -Infinity, but i",
  ],
  ["timestamptz", 0, "$1 as timestamptz: it must be a valid Date, a string, Infinity or -Infinity"],
  ["timestamptz", "yesterdy", "$1 as timestamptz, given as a string"],
  [
    "interval",
    { months: 1 },
    "$1 as interval: it must be an Interval, a string or a number of seconds",
  ],
  ["point", { x: 1 }, "$1 as point: it must be { x, y } of numbers, or a string, but is an object"],
  ["int4[]", [[1], [2, 3]], "$1 as int4[]: it must be a rectangular array of at most 6 dimensions"],
  [
    "int4[]",
    [1, undefined],
    "$1 as int4[]: it must be an array, each element of which must not be un",
  ],
  ["int4[]", [1, "x"], "$1 as int4[], given as an array of numbers and strings"],
  ["int4[]", new Set([1]), "$1 as int4[]: it must be an array, but is a Set"],
  [
    "int4range",
    Range(1, undefined),
    "$1 as int4range: it must be a range whose bound must not be u",
  ],
  ["int4range", Range(2, 1), "$1 as int4range, given as an object: range lower bound must be less"],
  ["int4", () => 1, "but is a function"],
  ["int4", Symbol("s"), "but is a symbol"],
];

let database: Database;
let conn: Connection;
let texts = 0; // statements that were used

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(() => database.drop());

beforeEach(async () => {
  conn = await connect(database.url, { statement_cache_size: 20_000 });
});

afterEach(() => conn.close());

/** What came of a statement, as one text. */
async function outcome(query: string, params: readonly unknown[]): Promise<unknown> {
  try {
    return await conn.fetchval(query, params);
  } catch (error) {
    assert(error instanceof PgError, String(error));
    return `${error.constructor.name}: ${error.message.split("\n")[0]}`;
  }
}

/** A statement's text that was not used before. */
function anew(query: string): string {
  return `${query} -- ${texts++}`;
}

describe("a parameter", () => {
  it("is taken or refused alike by every type, cold and warm", async () => {
    await Promise.all(groups.flatMap(({ type }) =>
      VALUES.map(async (value) => {
        const known = anew(`select $1::${type}`);
        await conn.execute(known, [null]);
        const [cold, warm] = await Promise.all([
          outcome(anew(`select $1::${type}`), [value]),
          outcome(known, [value]),
        ]);
        assertEquals(cold, warm, `${type}, ${String(value)}`);
      })
    ));
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  for (const [i, [type, value, message]] of misfits.entries()) {
    it(`is named with its type and kind when it does not fit: ${i} as ${type}`, async () => {
      const known = `select 'x', $1::${type}`;
      await conn.execute(known, [null]);
      for (const query of [`select $1::${type}`, known, known]) {
        const error = await assertRejects(() => conn.execute(query, [value]), DataError, message);
        assert(error.message.includes("$1"), error.message);
        assertEquals(await conn.fetchval("select 1"), 1);
      }
    });
  }

  it("is named by its place among others", async () => {
    const query = "select $1::int4, $2::int4, $3::text, $4::date";
    for (const _ of ["cold", "warm", "warm"]) {
      for (const [i, wrong] of ["x", 1.5, "\0", "x"].entries()) {
        const params: unknown[] = [1, 2, "a", "2020-01-01"];
        params[i] = wrong;
        await assertRejects(() => conn.execute(query, params), DataError, `$${i + 1}`);
      }
      await conn.execute(query, [1, 2, "a", "2020-01-01"]);
    }
  });

  it("is named with its type where that has SQLSTATEs of its own for what it refuses", async () => {
    for (const type of ["jsonpath", "tsquery", "regclass", "regtype"]) {
      const query = `select 1 as n, $1::${type}`;
      const message = `cannot bind $1 as ${type}, given as a string: `;
      for (const _ of ["cold", "warm", "warm"]) {
        await assertRejects(() => conn.execute(query, ["&"]), ProgrammingError, message);
        await assertRejects(
          () => conn.execute(`select frm, $1::${type}`, ["&"]),
          PgError,
          "column",
        );
      }
    }
  });

  it("is not named for what the functions say that a statement runs", async () => {
    await conn.execute(`create function refuse(int) returns int immutable language plpgsql
      as $$ begin execute 'selec $1' using $1; return 1; end $$`);
    const error = await assertRejects(
      () => conn.execute("select refuse(5), $1::bytea", [5]),
      ProgrammingError,
      "syntax error",
    );
    assert(!error.message.startsWith("cannot"), error.message);
  });

  it("that does not fit harms nothing that is sent beside it", async () => {
    const query = "select $1::int4 as n";
    for (const wrong of ["x", 1.5, {}, "\0", undefined, [1]]) {
      const results = await Promise.allSettled([
        conn.fetchval(query, [1]),
        conn.fetchval(query, [wrong]),
        conn.fetchval(query, [2]),
        conn.fetchval(anew(query), [wrong]),
        conn.fetchval(query, [3]),
      ]);
      assertEquals(results.map(({ status }) => status === "fulfilled"), [
        true,
        false,
        true,
        false,
        true,
      ]);
      assertEquals(results.filter((r) => r.status === "fulfilled").map((r) => r.value), [1, 2, 3]);
    }
  });

  it("must not be undefined", async () => {
    for (const params of [[1, undefined], new Array(2)]) {
      await assertRejects(
        () => conn.execute("select $1::int4, $2::int4", params),
        ProgrammingError,
        "must be a value or null, but is undefined",
      );
    }
    await assertRejects(
      () => conn.execute("select $1, $2", [1, undefined]),
      ProgrammingError,
      "$2",
    );
  });
});

describe("parameters", () => {
  const counts: readonly [query: string, given: number, message: string][] = [
    ["select $1::int4", 0, "cannot bind $1: the statement takes 1 parameter, but 0 were given"],
    ["select $1::int4", 2, "cannot bind $2: the statement takes 1 parameter, but 2 were given"],
    [
      "select $1::int4, $2::text",
      1,
      "cannot bind $2: the statement takes 2 parameters, but 1 was given",
    ],
    ["select 1", 1, "cannot bind $1: the statement takes 0 parameters, but 1 was given"],
    ["select $1::int4[]", 3, "cannot bind $2: the statement takes 1 parameter, but 3 were given"],
  ];
  for (const [query, given, message] of counts) {
    it(`must be as many as the statement takes: ${given} to ${query}`, async () => {
      const values = (count: number) => Array<unknown>(count).fill(null);
      const takes = Number(/takes (\d)/.exec(message)![1]);
      for (const params of [values(given), Array(given).fill("1"), Array(given).fill([1])]) {
        await assertRejects(() => conn.execute(anew(query), params), ProgrammingError, message);
      }
      await conn.execute(query, values(takes));
      await assertRejects(() => conn.execute(query, values(given)), ProgrammingError, message);
      await assertRejects(
        () => conn.stream(query, values(given)).next(),
        ProgrammingError,
        message,
      );
      assertEquals(await conn.fetchval("select 1"), 1);
    });
  }

  it("must be at most 65535", async () => {
    const places = Array.from({ length: 65_536 }, (_, i) => `$${i + 1}`).join();
    const params = Array<number>(65_536).fill(1);
    await assertRejects(
      () => conn.execute(`select 1 where 1 in (${places})`, params),
      ProgrammingError,
      "at most 65535, but are 65536",
    );
  });

  it("may have an error of the statement itself, which stays the server's", async () => {
    for (const _ of ["cold", "warm"]) {
      const division = await assertRejects(
        () => conn.execute("select 1 / $1::int4", [0]),
        DataError,
        "division by zero",
      );
      assertEquals(division.sqlstate, "22012");
      assert(!division.message.includes("cannot"), division.message);
    }
  });
});
