/** Users' types: read and written like any other, cold and warm, in every place. */

import { assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  DataError,
  IntegrityError,
  Interval,
  type PgError,
  Range,
  tuple_row,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";

const SCHEMA = `
  create type mood as enum ('sad', 'ok', 'a "b", {c}', 'NULL', '', 'it''s');
  create domain age as int4 check (value >= 0);
  create domain old_age as age check (value > 60);
  create domain moods as mood[];
  create type pair as (a int4, b text);
  create domain whole_pair as pair check (value is null or (value).a > 0);
  create type "Odd ""Type"" " as ("a ""b""" int4, "__proto__" text, "A" mood, "select" numeric);
  create type deep as (
    id int8, pairs pair[], one pair, ages age[], m moods, at timestamptz, bytes bytea,
    spans int4range[], figure point, wait interval, old old_age, j jsonb, odd "Odd ""Type"" "
  );
  create type empty_type as ();
  create type single as (a int4);
  create type span as range (subtype = float8, multirange_type_name = spans);
  create type pair_span as range (subtype = pair);
  create type text_span as range (subtype = text);
  create type age_span as range (subtype = age);
  create domain short_span as span check (upper(value) - lower(value) < 10);
  create table "People" (id int4, gone text, name text not null default 'x', mood mood);
  alter table "People" drop column gone;
  alter table "People" add column pairs pair[];
  create view adults as select id, name, 18 as "Age" from "People";
  create schema other;
  create type other.mood as (not_an_enum bool);
  create type other.pair as enum ('a');
  create type other.both as (here pair, there other.pair, mood other.mood);
`;

const AT = new Date("2024-02-29T12:34:56.789Z");
const ODD = { 'a "b"': 1, ...JSON.parse('{"__proto__": "p"}'), A: 'a "b", {c}', select: "1.50" };
const DEEP = {
  id: 9007199254740993n,
  pairs: [{ a: 1, b: 'x "y", (z)' }, null, { a: null, b: "" }],
  one: { a: null, b: null },
  ages: [1, null],
  m: ["NULL", null, ""],
  at: AT,
  bytes: Uint8Array.of(0, 255, 34),
  spans: [Range(1, 5), Range(null, null, "()")],
  figure: { x: 0.1, y: -2 },
  wait: new Interval({ months: 1, days: -2, microseconds: 3n }),
  old: 70,
  j: { "a": [1, { b: null }] },
  odd: ODD,
};

/** `[type, value]`: each is written and read back, alone, in arrays and in composites. */
const values: readonly [type: string, value: unknown][] = [
  ["mood", "ok"],
  ["mood", 'a "b", {c}'],
  ["mood", "NULL"],
  ["mood", ""],
  ["age", 7],
  ["old_age", 61],
  ["moods", ["sad", null, 'a "b", {c}']],
  ["moods", []],
  ["pair", { a: 1, b: "x" }],
  ["pair", { a: null, b: null }],
  ["pair", { a: -1, b: '"\\ ,()' }],
  ["whole_pair", { a: 1, b: null }],
  ['"Odd ""Type"" "', ODD],
  ["deep", DEEP],
  ["deep", Object.fromEntries(Object.keys(DEEP).map((name) => [name, null]))],
  ["empty_type", {}],
  ["single", { a: 5 }],
  ["single", { a: null }],
  ["span", Range(0.1, 1e300)],
  ["span", Range(null, null, "()")],
  ["spans", [Range(-Infinity, 0.5, "[]"), Range(2, null)]],
  ["pair_span", Range({ a: 1, b: "x" }, { a: 2, b: null }, "[]")],
  ["age_span", Range(1, 5)],
  ["text_span", Range("", 'a "b",\\)')],
  ["text_span", Range(null, "", "()")],
  ["short_span", Range(1, 2)],
  ['"People"', { id: 1, name: "Ann", mood: "ok", pairs: [{ a: 1, b: "x" }] }],
  ["adults", { id: 1, name: "Ann", Age: 18 }],
  ["other.mood", { not_an_enum: true }],
  ["other.pair", "a"],
  ["other.both", { here: { a: 1, b: "a" }, there: "a", mood: { not_an_enum: false } }],
];

/** Types of extensions: `[extension, type, value]`. */
const extensions: readonly [extension: string, type: string, value: unknown][] = [
  ["hstore", "hstore", { a: "1", b: null, "": "", 'k "\\"': 'v "\\", =>' }],
  ["hstore", "hstore", JSON.parse('{"__proto__": "own", "NULL": "NULL"}')],
  ["hstore", "hstore", {}],
  ["citext", "citext", 'Some "Text"'],
  ["ltree", "ltree", "Top.Science.Astronomy"],
  ["ltree", "lquery", "*.Astronomy.*{1,2}"],
  ["cube", "cube", "(1, 2),(3, 4)"],
  ["isn", "isbn", "1-937294-37-4"],
];

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url);
  await conn.execute(SCHEMA);
});

afterAll(() => database.drop());

beforeEach(async () => {
  conn = await connect(database.url);
});

afterEach(() => conn.close());

describe("a user's type", () => {
  for (const [i, [type, value]] of values.entries()) {
    it(`is read and written in every place: ${type} of ${i}`, async () => {
      const row = [value, [value, null], { v: value, n: 1 }, [{ v: value, n: null }, null]];
      const table = `values_${i}`;
      await conn.execute(`
        create type ${table}_row as (v ${type}, n int4);
        create table ${table} (v ${type}, a ${type}[], c ${table}_row, ca ${table}_row[])`);
      const insert = `insert into ${table} values ($1, $2, $3, $4) returning *`;
      for (const _ of ["cold", "warm"]) {
        assertEquals(await conn.fetchone(insert, row, { row_factory: tuple_row }), row);
      }
      // Their texts: the first time, and as one of several statements.
      for (const query of [`select * from ${table}`, `select 1; select * from ${table}`]) {
        for (const _ of ["cold", "warm"]) {
          const read = await conn.fetchall(query, null, { row_factory: tuple_row });
          assertEquals(read, [row, row]);
        }
      }
      for (const _ of ["cold", "warm"]) {
        const record = await conn.fetchval(
          `select row(t.*, row(v), array[row(a)]) from ${table} t`,
        );
        assertEquals(record, [...row, [value], [[[value, null]]]]);
      }
      const whole = await conn.fetchval(`select t from ${table} t`);
      assertEquals(Object.values(whole as object), row);
    });
  }
});

describe("a type of an extension", () => {
  for (const [i, [extension, type, value]] of extensions.entries()) {
    it(`is read and written in every place: ${type} of ${i}`, async () => {
      const is_there = "select true from pg_available_extensions where name = $1";
      if (!await conn.fetchval(is_there, [extension])) return; // not on this server
      const row = [value, [value, null], { v: value }];
      await conn.execute(`
        create extension if not exists ${extension};
        create type extension_${i} as (v ${type});
        create table extensions_${i} (v ${type}, a ${type}[], c extension_${i})`);
      const insert = `insert into extensions_${i} values ($1, $2, $3) returning *`;
      const select = `select * from extensions_${i}`;
      for (const _ of ["cold", "warm"]) {
        assertEquals(await conn.fetchone(insert, row, { row_factory: tuple_row }), row);
        assertEquals(await conn.fetchone(select, null, { row_factory: tuple_row }), row);
      }
    });
  }

  it("is text where the options say so: hstore", async () => {
    await conn.execute("create extension if not exists hstore");
    await using plain = await connect(database.url, { enable_hstore: false });
    for (const _ of ["cold", "warm"]) {
      assertEquals(await plain.fetchval("select $1::hstore", ["a=>1"]), '"a"=>"1"');
    }
  });
});

describe("a value that does not fit a user's type", () => {
  const misfits: readonly [
    type: string,
    value: unknown,
    error: new (...args: never[]) => PgError,
    message: string,
  ][] = [
    ["pair", { a: 1 }, DataError, "$1 as public.pair: it must be an object with exactly the attr"],
    ["pair", { a: 1, b: "", c: 2 }, DataError, "exactly the attributes a, b, but is an object"],
    ["pair", { a: 1, b: undefined }, DataError, "attribute b must not be undefined"],
    ["pair", { a: "x", b: "" }, DataError, "$1 as public.pair"],
    ["pair", { a: 1.5, b: "" }, DataError, "attribute a must be an integer"],
    ["pair", [1, "x"], DataError, "but is an array of numbers and strings"],
    ["pair", new Map(), DataError, "but is a Map"],
    ["deep", { ...DEEP, one: { a: 1 } }, DataError, "attribute one must be an object"],
    ["deep", { ...DEEP, pairs: [{ a: 1, b: 2n ** 70n }, {}] }, DataError, "attribute pairs"],
    ["pair[]", [{ a: 1, b: "" }, { a: 1 }], DataError, "each element of which must be an object"],
    ["mood", "happy", DataError, "$1 as public.mood, given as a string: invalid input value"],
    ["mood", { label: "ok" }, DataError, "must be a string, but is an object"],
    ["other.mood", "ok", DataError, "$1 as other.mood, given as a string: malformed record"],
    ["age", -1, IntegrityError, "given as a number: value for domain"],
    ["age", {}, DataError, "must be an integer"],
    ["old_age", 7, IntegrityError, "given as a number: value for domain"],
    ["span", { lower: 1 }, DataError, "must be a range"],
    ["span", Range(2, 1), DataError, "lower bound must be less than"],
    ["spans", [Range(1, "x")], DataError, "$1 as public.spans"],
  ];
  for (const [i, [type, value, error_class, message]] of misfits.entries()) {
    it(`is refused alike, cold and warm: ${i} for ${type}`, async () => {
      const query = `select $1::${type} as ${"x".repeat(i + 1)}`;
      const errors: string[] = [];
      const attempt = async () => {
        const error = await assertRejects(() => conn.execute(query, [value]), error_class, message);
        errors.push(error.message);
        assertEquals(await conn.fetchval("select 1"), 1);
      };
      await attempt();
      await conn.execute(query, [null]);
      await attempt();
      await attempt();
      assertEquals(new Set(errors).size, 1, errors.join("\n"));
    });
  }
});
