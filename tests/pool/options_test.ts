/** Which pools may be made. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { InterfaceError } from "../../src/errors.ts";
import { type PoolOptions, type PoolSettings, split_pool_options } from "../../src/pool/options.ts";

const NEVER = Infinity;

// Allowed, and what becomes of it.
const ALLOWED: [PoolSettings, Record<string, unknown>][] = [
  [{}, {
    minsize: 1,
    maxsize: 10,
    pool_recycle: NEVER,
    max_lifetime: 3600,
    max_idle: 600,
    max_waiting: NEVER,
    on_connect: undefined,
    check: undefined,
    check_idle: 30,
    reset: true,
    on_leak: undefined,
    leak_after: NEVER,
  }],
  [{ minsize: 0 }, { minsize: 0 }],
  [{ minsize: 10 }, { minsize: 10, maxsize: 10 }],
  [{ minsize: 20, maxsize: 0 }, { minsize: 20, maxsize: 0 }],
  [{ pool_recycle: -1 }, { pool_recycle: NEVER }],
  [{ pool_recycle: 0 }, { pool_recycle: 0 }],
  [{ pool_recycle: 0.5 }, { pool_recycle: 0.5 }],
  [{ max_lifetime: 0 }, { max_lifetime: NEVER }],
  [{ max_idle: 0 }, { max_idle: NEVER }],
  [{ max_idle: Infinity }, { max_idle: NEVER }],
  [{ max_waiting: 0 }, { max_waiting: NEVER }],
  [{ max_waiting: 1 }, { max_waiting: 1 }],
  [{ check_idle: 0 }, { check_idle: 0 }],
  [{ leak_after: 5 }, { leak_after: 5 }],
  [{ reset: false }, { reset: false }],
];

const OUT_OF_RANGE: [Record<string, unknown>, string][] = [
  [{ minsize: -1 }, "minsize must be an integer of 0 or more, but is -1"],
  [{ minsize: 1.5 }, "minsize must be an integer of 0 or more, but is 1.5"],
  [{ minsize: NaN }, "minsize must be an integer of 0 or more, but is NaN"],
  [{ minsize: Infinity }, "minsize must be an integer of 0 or more, but is Infinity"],
  [{ minsize: "5" }, "minsize must be an integer of 0 or more, but is of type string"],
  [{ maxsize: -1 }, "maxsize must be an integer of 0 or more, but is -1"],
  [{ maxsize: Infinity }, "maxsize must be an integer of 0 or more, but is Infinity"],
  [{ minsize: 5, maxsize: 4 }, "maxsize must be minsize (5) or more, or 0 for no limit, but is 4"],
  [{ minsize: 11 }, "maxsize must be minsize (11) or more, or 0 for no limit, but is 10"],
  [{ pool_recycle: -2 }, "pool_recycle must be a number of seconds of 0 or more, or -1 for never"],
  [{ pool_recycle: NaN }, "pool_recycle must be a number of seconds"],
  [{ max_lifetime: -1 }, "max_lifetime must be a number of seconds of 0 or more, but is -1"],
  [{ max_idle: NaN }, "max_idle must be a number of seconds of 0 or more, but is NaN"],
  [{ max_waiting: 0.5 }, "max_waiting must be an integer of 0 or more, but is 0.5"],
  [{ check_idle: "30" }, "check_idle must be a number of seconds of 0 or more"],
  [{ leak_after: -1 }, "leak_after must be a number of seconds of 0 or more"],
];

const OF_ANOTHER_KIND: [Record<string, unknown>, string][] = [
  [{ on_connect: 1 }, "on_connect must be a function, but is of type number"],
  [{ check: "select 1" }, "check must be a function, but is of type string"],
  [{ on_leak: {} }, "on_leak must be a function, but is of type object"],
  [{ reset: "no" }, "reset must be true or false, but is of type string"],
];

function pool(options: Record<string, unknown>): unknown {
  return split_pool_options("host=h", options as PoolOptions).pool;
}

describe("split_pool_options()", () => {
  for (const [given, expected] of ALLOWED) {
    it(`allows ${JSON.stringify(given)}`, () => {
      const all = pool({ ...given }) as Record<string, unknown>;
      const asked = Object.keys(expected).map((name) => [name, all[name]]);
      assertEquals(Object.fromEntries(asked), expected);
    });
  }

  for (const [given, message] of OUT_OF_RANGE) {
    it(`refuses ${Object.entries(given).join(" and ")}`, () => {
      assertThrows(() => pool(given), RangeError, `cannot create a pool: ${message}`);
    });
  }

  for (const [given, message] of OF_ANOTHER_KIND) {
    it(`refuses ${JSON.stringify(given)}`, () => {
      assertThrows(() => pool(given), InterfaceError, `cannot create a pool: ${message}`);
    });
  }

  it("leaves the connection's options, and a dsn, as they are", () => {
    const url = new URL("postgres://h");
    const { dsn, options } = split_pool_options(url, { minsize: 2, user: "u" });
    assertStrictEquals(dsn, url);
    assertEquals(options, { user: "u" });
    assertEquals(split_pool_options("host=h", undefined).options, undefined);
  });

  it("takes options in place of a dsn, and the second ones first", () => {
    const { pool, dsn, options } = split_pool_options(
      { minsize: 2, maxsize: 3, user: "a" },
      { maxsize: 4, user: "b" },
    );
    assertEquals([pool.minsize, pool.maxsize], [2, 4]);
    assertEquals([dsn, options], [{ user: "a" }, { user: "b" }]);
  });

  it("keeps hooks", () => {
    const on_connect = () => {};
    assertStrictEquals(split_pool_options(undefined, { on_connect }).pool.on_connect, on_connect);
  });
});
