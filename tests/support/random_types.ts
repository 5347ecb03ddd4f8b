/**
 * Types that nobody thought of: composites, arrays, domains, ranges and enums, nested at random, and
 * values of them.
 *
 * Law: a value is what the server gives back: canonical, and free of what it must not hold.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Interval, Range } from "../../mod.ts";

/** How a type is made. */
export type Recipe =
  | { readonly kind: "base"; readonly name: string }
  | { readonly kind: "enum"; readonly labels: readonly string[] }
  | { readonly kind: "range" | "multirange"; readonly over: string }
  | { readonly kind: "array" | "matrix" | "domain"; readonly over: Recipe }
  | { readonly kind: "composite"; readonly attributes: readonly (readonly [string, Recipe])[] };

/** A type that a schema has. */
export interface RandomType {
  /** As SQL has it. */
  readonly sql: string;
  /** Values of it, without NULL. */
  readonly values: fc.Arbitrary<unknown>;
  /** Throws unless `json` is what to_jsonb() makes of `value`, as far as JSON tells. */
  agree(value: unknown, json: unknown): void;
}

const int4 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.oneof(
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
  fc.constantFrom("", "NULL", "{}", '"', "\\", "a,b", "(a b)", "\n\t", "é🐘"),
);
/**
 * V8 confuses the keys `\\` and `"`: after it has parsed `{"":0,"\\":1}`, JSON.parse() reads
 * `{"":0,"\"":1}` as that, too, on Deno 2.9 and Node 24.
 */
const json_key = text.filter((key) => !key.includes("\\"));
const moment = fc.date({ min: new Date("-004000-01-01"), max: new Date("+010000-01-01") })
  .filter((date) => !Number.isNaN(date.getTime()));

/** Objects as object literals make them. */
const PLAIN = { noNullPrototype: true } as const;

/** Builtin types; `plain` are those that JSON has as they are. */
const BASES: Readonly<
  Record<string, { readonly values: fc.Arbitrary<unknown>; readonly plain: boolean }>
> = {
  bool: { values: fc.boolean(), plain: true },
  int2: { values: fc.integer({ min: -32768, max: 32767 }), plain: true },
  int4: { values: int4, plain: true },
  int8: { values: int8, plain: false },
  float8: { values: fc.double(), plain: false },
  numeric: { values: fc.tuple(int4, fc.nat(99)).map(decimal), plain: false },
  text: { values: text, plain: true },
  uuid: { values: fc.uuid(), plain: true },
  bytea: { values: fc.uint8Array(), plain: false },
  timestamptz: { values: fc.oneof(moment, fc.constantFrom(Infinity, -Infinity)), plain: false },
  date: {
    values: fc.date({ min: new Date(0), max: new Date("9999-01-01"), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10)),
    plain: true,
  },
  interval: {
    values: fc.record({ months: fc.nat(99), days: int4, microseconds: fc.bigInt(-9n, 9n ** 15n) })
      .map((parts) => new Interval(parts)),
    plain: false,
  },
  point: { values: fc.record({ x: fc.double(), y: fc.double() }, PLAIN), plain: false },
  jsonb: {
    values: fc.dictionary(json_key, fc.option(fc.oneof(fc.boolean(), int4, text)), PLAIN),
    plain: true,
  },
};

/** What ranges are over, with bounds by their order. */
const BOUNDS: Readonly<Record<string, (order: number) => unknown>> = {
  float8: (order: number) => order / 8,
  numeric: (order: number) => `${order}.50`,
  timestamptz: (order: number) => new Date(order * 1000),
  text: (order: number) => String(order + 500_000),
};

const labels = fc.uniqueArray(
  text.filter((label) => new TextEncoder().encode(label).length < 64),
  { minLength: 1, maxLength: 4 },
);
const NAMES = ["a", "B c", "__proto__", "constructor", "é", 'x"y', "from", "toString", "1"];

/** Recipes; an array is never right inside an array, as SQL has no such type. */
export const recipes: fc.Arbitrary<Recipe> = fc.letrec<{ any: Recipe; element: Recipe }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 3, depthIdentifier: "type" },
    fc.constantFrom(...Object.keys(BASES)).map((name): Recipe => ({ kind: "base", name })),
    labels.map((labels): Recipe => ({ kind: "enum", labels })),
    fc.tuple(fc.constantFrom("range", "multirange"), fc.constantFrom(...Object.keys(BOUNDS)))
      .map(([kind, over]): Recipe => ({ kind, over })),
    tie("any").map((over): Recipe => ({ kind: "domain", over })),
    fc.subarray(NAMES, { minLength: 1, maxLength: 5 })
      .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), tie("any")))))
      .map((attributes): Recipe => ({ kind: "composite", attributes })),
  ),
  any: fc.oneof(
    { weight: 3, arbitrary: tie("element") },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom("array", "matrix"), tie("element"))
        .map(([kind, over]): Recipe => ({ kind, over })),
    },
  ),
})).any;

/** Makes types in one schema. */
export class RandomSchema {
  /** All that the types take, in order. */
  readonly statements: string[];
  readonly #name: string;
  #made = 0;

  /** @param name The schema's, which is to be created. */
  constructor(name: string) {
    this.#name = name;
    this.statements = [`create schema ${name}`];
  }

  /** Makes a type, with all that it is made of. */
  make(recipe: Recipe): RandomType {
    switch (recipe.kind) {
      case "base":
        return base_type(recipe.name);
      case "enum":
        return this.#enum(recipe.labels);
      case "range":
      case "multirange":
        return this.#range(recipe.kind, recipe.over);
      case "domain":
        return this.#domain(this.make(recipe.over));
      case "composite":
        return this.#composite(recipe.attributes);
      default:
        return array_of(is_list(recipe.over) ? "array" : recipe.kind, this.make(recipe.over));
    }
  }

  #create(kind: string, body: (name: string) => string): string {
    const name = `${this.#name}.t${++this.#made}`;
    this.statements.push(`create ${kind} ${name} as ${body(name)}`);
    return name;
  }

  #domain(over: RandomType): RandomType {
    return { ...over, sql: this.#create("domain", () => over.sql) };
  }

  #enum(labels: readonly string[]): RandomType {
    const list = labels.map((label) => `'${label.replaceAll("'", "''")}'`).join(", ");
    const sql = this.#create("type", () => `enum (${list})`);
    return { sql, values: fc.constantFrom(...labels), agree: same };
  }

  #range(kind: "range" | "multirange", over: string): RandomType {
    const multirange = (name: string) => `${name}_multi`;
    const sql = this.#create(
      "type",
      (name) => `range (subtype = ${over}, multirange_type_name = ${multirange(name)})`,
    );
    const bound = BOUNDS[over]!;
    const agree = () => {};
    if (kind === "range") return { sql, values: ranges(bound), agree };
    return {
      sql: multirange(sql),
      values: fc.array(fc.nat(9), { maxLength: 3 }).map((gaps) => {
        let order = 0;
        return gaps.map((gap) => Range(bound(order += gap + 1), bound(++order)));
      }),
      agree,
    };
  }

  #composite(attributes: readonly (readonly [string, Recipe])[]): RandomType {
    const types = attributes.map(([name, recipe]) => [name, this.make(recipe)] as const);
    const list = types.map(([name, { sql }]) => `"${name.replaceAll('"', '""')}" ${sql}`);
    const values = fc.tuple(...types.map(([, type]) => fc.option(type.values)))
      .map((values) => own_properties(types.map(([name], i) => [name, values[i]])));
    return {
      sql: this.#create("type", () => `(${list.join(", ")})`),
      values,
      agree(value, json) {
        assertEquals(Object.keys(json as object).sort(), types.map(([name]) => name).sort());
        for (const [name, type] of types) agree(type, own(value, name), own(json, name));
      },
    };
  }
}

/** Throws unless `json` is what to_jsonb() makes of `value`, which may be null. */
export function agree(type: RandomType, value: unknown, json: unknown): void {
  if (value === null) assertEquals(json, null);
  else type.agree(value, json);
}

/** Of what is an array itself, an array is written in one dimension: another could not be told from it. */
function is_list(recipe: Recipe): boolean {
  if (recipe.kind === "domain") return is_list(recipe.over);
  return recipe.kind === "array" || recipe.kind === "matrix" || recipe.kind === "multirange";
}

function same(value: unknown, json: unknown): void {
  assertEquals(json, value);
}

function base_type(name: string): RandomType {
  const { values, plain } = BASES[name]!;
  return { sql: name, values, agree: plain ? same : () => {} };
}

function array_of(kind: "array" | "matrix", type: RandomType): RandomType {
  const element = fc.option(type.values);
  const agree_all = (value: unknown, json: unknown) => {
    assertEquals((json as unknown[]).length, (value as unknown[]).length);
    (value as unknown[]).forEach((value, i) => agree(type, value, (json as unknown[])[i]));
  };
  const list = fc.array(element, { maxLength: 3 });
  if (kind === "array") return { sql: `${type.sql}[]`, values: list, agree: agree_all };
  const row = fc.array(element, { minLength: 2, maxLength: 2 });
  return {
    sql: `${type.sql}[]`,
    values: fc.array(row, { maxLength: 2 }),
    agree(value, json) {
      (value as unknown[]).forEach((row, i) => agree_all(row, (json as unknown[])[i]));
    },
  };
}

function ranges(bound: (order: number) => unknown): fc.Arbitrary<unknown> {
  const open = fc.constantFrom(true, false);
  return fc.tuple(fc.option(fc.nat(99)), fc.option(fc.nat(99)), open, open)
    .map(([lower, length, opens, ends]) =>
      Range(
        lower === null ? null : bound(lower),
        length === null ? null : bound((lower ?? 0) + length + 1),
        `${opens || lower === null ? "(" : "["}${ends || length === null ? ")" : "]"}`,
      )
    );
}

function decimal([whole, cents]: [number, number]): string {
  return `${whole === 0 ? 1 : whole}.${String(cents).padStart(2, "0")}`;
}

function own_properties(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries); // defines them, `__proto__` too
}

function own(object: unknown, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}
