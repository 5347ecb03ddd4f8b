import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotStrictEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unreachable,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";

class Point {
  #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  get x(): number {
    return this.#x;
  }
}

class Place extends Point {}

const cyclic: unknown[] = [1];
cyclic.push(cyclic);
const other_cyclic: unknown[] = [1];
other_cyclic.push(other_cyclic);

const alike: [what: string, a: unknown, b: unknown][] = [
  ["NaN", NaN, NaN],
  ["zeros of either sign", 0, -0],
  ["nested objects", { a: [1, { b: null }] }, { a: [1, { b: null }] }],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["symbol keys", { [Symbol.for("a")]: 1 }, { [Symbol.for("a")]: 1 }],
  ["bytes", Uint8Array.of(1, 2), new Uint8Array([0, 1, 2]).subarray(1)],
  ["buffers", Uint8Array.of(1, 2).buffer, Uint8Array.of(1, 2).buffer],
  ["floats", Float64Array.of(NaN, 0), Float64Array.of(NaN, -0)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["dates", new Date(5), new Date(5)],
  ["patterns", /a/g, /a/g],
  ["URLs", new URL("a:b"), new URL("a:b")],
  ["sets in any order", new Set([1, 2]), new Set([2, 1])],
  ["sets of objects", new Set([{ a: 1 }, { b: 2 }]), new Set([{ b: 2 }, { a: 1 }])],
  ["maps", new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]])],
  ["maps by objects", new Map([[{ a: 1 }, 1]]), new Map([[{ a: 1 }, 1]])],
  ["instances", new Point(1), new Point(1)],
  ["cycles", cyclic, other_cyclic],
];

const unlike: [what: string, a: unknown, b: unknown][] = [
  ["a number and a bigint", 1, 1n],
  ["a number and its text", 1, "1"],
  ["null and undefined", null, undefined],
  ["null and an object", null, {}],
  ["an undefined property and none", { a: undefined }, {}],
  ["undefined properties of other names", { a: undefined }, { b: undefined }],
  ["an object and an array", {}, []],
  ["arrays of other lengths", [1, undefined], [1]],
  ["bytes", Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
  ["bytes of another type", Uint8Array.of(1), Int8Array.of(1)],
  ["bytes and an array", Uint8Array.of(1), [1]],
  ["dates", new Date(5), new Date(6)],
  ["flags of patterns", /a/g, /a/],
  ["sets", new Set([1, 2]), new Set([1, 3])],
  ["map values", new Map([["a", { b: 1 }]]), new Map([["a", { b: 2 }]])],
  ["getters of instances", new Point(1), new Point(2)],
  ["instances of a subclass", new Point(1), new Place(1)],
  ["an instance and a plain object", new Point(1), { x: 1 }],
  ["functions", () => 1, () => 1],
  ["symbols", Symbol("a"), Symbol("a")],
];

describe("equal()", () => {
  for (const [what, a, b] of alike) {
    it(`is true of ${what}`, () => assertStrictEquals(equal(a, b) && equal(b, a), true));
  }
  for (const [what, a, b] of unlike) {
    it(`is false of ${what} that differ`, () => {
      assertStrictEquals(equal(a, b) || equal(b, a), false);
    });
  }
  it("refuses to compare what cannot be looked into", () => {
    assertThrows(() => equal(new WeakMap(), new WeakMap()), TypeError, "compare WeakMap");
  });
});

const verdicts: [name: string, passes: () => void, fails: () => void][] = [
  ["assert", () => assert(1), () => assert(0)],
  ["assertFalse", () => assertFalse(""), () => assertFalse("a")],
  ["assertEquals", () => assertEquals([1], [1]), () => assertEquals([1], [2])],
  ["assertNotEquals", () => assertNotEquals([1], [2]), () => assertNotEquals([1], [1])],
  ["assertStrictEquals", () => assertStrictEquals(NaN, NaN), () => assertStrictEquals(0, -0)],
  ["assertNotStrictEquals", () => assertNotStrictEquals([], []), () => assertNotStrictEquals(1, 1)],
  ["assertAlmostEquals", () => assertAlmostEquals(1, 1 + 1e-8), () => assertAlmostEquals(1, 1.01)],
  ["its tolerance", () => assertAlmostEquals(1, 2, 1), () => assertAlmostEquals(1, 3, 1)],
  ["assertGreater", () => assertGreater(2, 1), () => assertGreater(1, 1)],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(1, 1), () => assertGreaterOrEqual(0, 1)],
  ["assertLess", () => assertLess(1, 2), () => assertLess(1, 1)],
  ["assertLessOrEqual", () => assertLessOrEqual(1, 1), () => assertLessOrEqual(2, 1)],
  ["assertExists", () => assertExists(0), () => assertExists(null)],
  ["assertInstanceOf", () => assertInstanceOf([], Array), () => assertInstanceOf({}, Array)],
  ["assertMatch", () => assertMatch("abc", /b/), () => assertMatch("abc", /d/)],
  [
    "assertStringIncludes",
    () => assertStringIncludes("ab", "b"),
    () => assertStringIncludes("ab", "c"),
  ],
  [
    "assertArrayIncludes",
    () => assertArrayIncludes([{ a: 1 }, 2], [{ a: 1 }]),
    () => assertArrayIncludes([1], [2]),
  ],
  [
    "assertObjectMatch",
    () => assertObjectMatch({ a: { b: 1, c: 2 } }, { a: { b: 1 } }),
    () => assertObjectMatch({ a: { b: 1 } }, { a: { b: 1, c: 2 } }),
  ],
  [
    "assertObjectMatch with an array",
    () => assertObjectMatch({ a: [1, 2] }, { a: [1] }),
    () => assertObjectMatch({ a: [1] }, { a: [1, 2] }),
  ],
  [
    "assertObjectMatch with a Map and a Set",
    () =>
      assertObjectMatch({ a: new Map([[1, { b: 1, c: 2 }]]), d: new Set([1, 2]) }, {
        a: new Map([[1, { b: 1 }]]),
        d: new Set([1]),
      }),
    () => assertObjectMatch({ a: new Set([1]) }, { a: new Set([2]) }),
  ],
  ["assertThrows", () => assertThrows(throw_range_error), () => assertThrows(() => {})],
  [
    "its class",
    () => assertThrows(throw_range_error, Error),
    () => assertThrows(throw_range_error, TypeError),
  ],
  [
    "its message",
    () => assertThrows(throw_range_error, RangeError, "far"),
    () => assertThrows(throw_range_error, RangeError, "near"),
  ],
];

describe("assertions", () => {
  for (const [name, passes, fails] of verdicts) {
    it(`${name} passes or throws an AssertionError`, () => {
      passes();
      assertThrows(fails, AssertionError);
    });
  }

  it("fail() and unreachable() throw", () => {
    assertThrows(() => fail("so"), AssertionError, "so");
    assertThrows(() => unreachable("so"), AssertionError, "so");
  });

  it("assertEquals shows both values", () => {
    assertThrows(() => assertEquals({ a: 1 }, { a: 2 }), AssertionError, "a: 2");
  });

  it("assertThrows returns what was thrown", () => {
    assertStrictEquals(assertThrows(throw_range_error, RangeError).message, "too far");
  });

  it("assertRejects gives what the promise rejected with", async () => {
    const reason = new RangeError("too far");
    const error = await assertRejects(() => Promise.reject(reason), RangeError, "far");
    assertStrictEquals(error, reason);
  });

  const not_rejecting: [what: string, fn: () => Promise<unknown>][] = [
    ["a promise that fulfils", () => Promise.resolve()],
    ["a function that throws", () => throw_range_error()],
    ["another class", () => Promise.reject(new TypeError("too far"))],
    ["another message", () => Promise.reject(new RangeError("too near"))],
  ];
  for (const [what, fn] of not_rejecting) {
    it(`assertRejects rejects ${what}`, async () => {
      await assertRejects(() => assertRejects(fn, RangeError, "far"), AssertionError);
    });
  }
});

function throw_range_error(): never {
  throw new RangeError("too far");
}
