/**
 * Deep equality, as `@std/assert` defines it.
 *
 * Law: two values are equal if they have the same prototype and the same keys with equal values.
 * `NaN` equals itself and `0` equals `-0`, so a test about the sign of zero uses `assertStrictEquals`.
 * Instances of a class are compared by what can be read from outside: own properties and getters.
 *
 * Source: the behaviour of `equal` in https://jsr.io/@std/assert.
 *
 * @module
 */

/** Types whose whole value is in their text; a runtime may lack Temporal. */
const text_types: ReadonlySet<unknown> = new Set(
  [RegExp, URL, URLSearchParams, Intl.Locale, ...temporal_types()].map((type) => type.prototype),
);

/** Pairs under comparison, so that a cycle ends. */
type Seen = Map<object, object>;

/** Reports whether two values are deeply equal. Throws a TypeError for a WeakMap or a WeakSet. */
export function equal(a: unknown, b: unknown): boolean {
  return same(a, b, new Map());
}

function same(a: unknown, b: unknown, seen: Seen): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!is_object(a) || !is_object(b)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (!same_prototype(a, b)) return false;
  if (text_types.has(Object.getPrototypeOf(a))) return String(a) === String(b);
  if (is_bytes(a)) return same_elements(elements(a), elements(b));
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(`cannot compare ${a.constructor.name} instances`);
  }
  if (a instanceof WeakRef) return same(a.deref(), (b as typeof a).deref(), seen);
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  if (a instanceof Set) return same_set(a, b as Set<unknown>, seen);
  if (a instanceof Map) return same_map(a, b as Map<unknown, unknown>, seen);
  return same_properties(a, b, seen);
}

function same_prototype(a: object, b: object): boolean {
  return plain_prototype(a) === plain_prototype(b);
}

/** An object made with `Object.create(null)` counts as a plain one. */
function plain_prototype(value: object): unknown {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function same_elements(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !Object.is(a[i], b[i])) return false;
  }
  return true;
}

function same_set(a: Set<unknown>, b: Set<unknown>, seen: Seen): boolean {
  if (a.size !== b.size) return false;
  return a.values().every((value) =>
    b.has(value) || is_object(value) && b.values().some((other) => same(value, other, seen))
  );
}

function same_map(a: Map<unknown, unknown>, b: Map<unknown, unknown>, seen: Seen): boolean {
  if (a.size !== b.size) return false;
  return a.entries().every(([key, value]) => {
    if (b.has(key)) return same(value, b.get(key), seen);
    if (!is_object(key)) return false;
    return b.entries().some((other) => same(key, other[0], seen) && same(value, other[1], seen));
  });
}

function same_properties(a: object, b: object, seen: Seen): boolean {
  for (const key of new Set([...keys(a), ...keys(b)])) {
    if (!same(Reflect.get(a, key), Reflect.get(b, key), seen)) return false;
    if (key in a !== key in b) return false;
  }
  return true;
}

/** Enumerable own keys of plain objects and arrays; every key up the chain for instances of a class. */
function keys(value: object): PropertyKey[] {
  const prototype = plain_prototype(value);
  if (prototype === Object.prototype || prototype === Array.prototype) {
    return Reflect.ownKeys(value).filter((key) =>
      Object.prototype.propertyIsEnumerable.call(value, key)
    );
  }
  const found: PropertyKey[] = [];
  let at: object | null = value;
  while (at !== null && at !== Object.prototype && at !== Array.prototype) {
    found.push(...Reflect.ownKeys(at));
    at = Object.getPrototypeOf(at);
  }
  return found;
}

function is_object(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function is_bytes(value: object): boolean {
  if (ArrayBuffer.isView(value)) return !(value instanceof DataView);
  return value instanceof ArrayBuffer ||
    typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer;
}

/** A typed array as it is; a buffer through a view of its bytes. */
function elements(value: object): ArrayLike<unknown> {
  if (ArrayBuffer.isView(value)) return value as Uint8Array;
  return new Uint8Array(value as ArrayBuffer);
}

function temporal_types(): { prototype: unknown }[] {
  const temporal: unknown = Reflect.get(globalThis, "Temporal");
  if (!is_object(temporal)) return [];
  const names = [
    "Duration",
    "Instant",
    "PlainDate",
    "PlainDateTime",
    "PlainMonthDay",
    "PlainTime",
    "PlainYearMonth",
    "ZonedDateTime",
  ];
  return names.map((name) => Reflect.get(temporal, name));
}
