/** Every sample of every builtin type, read and written in every place where a value can stand. */

import { assertEquals } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { connect, type Connection, Json, Range, tuple_row } from "../../mod.ts";
import { pseudo_types, type Sample, samples } from "../codecs/samples.ts";
import { type Database, fresh_database } from "../support/database.ts";

/** The samples of one type, and the tables that hold them. */
interface Group {
  readonly type: string;
  readonly table: string;
  readonly samples: readonly Sample[];
  /** Whether its arrays are of another type than itself. */
  readonly has_arrays: boolean;
}

/** The builtin ranges. */
const RANGES: Readonly<Record<string, string>> = {
  int4: "int4range",
  int8: "int8range",
  numeric: "numrange",
  date: "daterange",
  timestamp: "tsrange",
  timestamptz: "tstzrange",
};
/** Types of which an anonymous record does not show the text. */
const TEXT_ONLY: ReadonlySet<string> = new Set(
  samples.filter(([, , , wire]) => wire === null).map(([type]) => type),
);
/** Types whose values are arrays, of which an array is written in one dimension. */
const LISTS = /vector$|multirange$/;
/** Where a row has its array of two dimensions. */
const NESTED = 5;

const groups: readonly Group[] = [...Map.groupBy(samples, ([type]) => type)]
  .filter(([type]) => !pseudo_types.includes(type))
  .map(([type, samples], i) => ({
    type,
    table: `t${i}`,
    samples,
    has_arrays: !type.endsWith("[]"),
  }));
const all = groups.flatMap((group) => group.samples.map((sample, id) => ({ group, sample, id })));
const writable = all.filter(({ sample }) => sample[4] !== "read only");

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url);
  await conn.execute(groups.map(schema_of).join(""));
});

afterAll(() => database.drop());

beforeEach(async () => {
  conn = await connect(database.url, { statement_cache_size: 10_000 });
});

afterEach(() => conn.close());

/** Types and tables of a group: its samples are in the first table. */
function schema_of({ type, table, samples, has_arrays }: Group): string {
  const range = RANGES[type];
  const multirange = range?.replace("range", "multirange");
  const columns = [
    `id int, v ${type}, d ${table}_domain, c ${table}_row`,
    ...has_arrays ? [`a ${type}[], aa ${type}[], da ${table}_domain[], ca ${table}_row[]`] : [],
    ...range ? [`r ${range}, m ${multirange}`] : [],
  ].join(", ");
  const rows = samples.map(([, text], id) => {
    const value = literal(text, type);
    const composite = `row(${value}, 'x')::${table}_row`;
    const arrays = `array[${value}, null], array[[${value}], [null]]::${type}[], ` +
      `array[${value}]::${table}_domain[], array[${composite}, null]`;
    const bounded = `${range}(${value}, null)`;
    const row = [
      `${id}, ${value}, ${value}, ${composite}`,
      ...has_arrays ? [arrays] : [],
      ...range ? [bounded, `${multirange}(${bounded})`] : [],
    ];
    return `(${row.join(", ")})`;
  });
  return `
    create type ${table}_row as ("of ${table}" ${type}, note text);
    create domain ${table}_domain as ${type};
    create table ${table} (${columns});
    create table ${table}_copy (${columns});
    insert into ${table} values ${rows.join(", ")};`;
}

function literal(text: string, type: string): string {
  return `'${text.replaceAll("'", "''")}'::${type}`;
}

/** The row of a value, as `schema_of()` made it. `inner`: the value as it is given inside others. */
function row_of(
  { type, table, has_arrays }: Group,
  id: number,
  value: unknown,
  inner: unknown = value,
): unknown[] {
  const composite = { [`of ${table}`]: inner, note: "x" };
  const row = [id, value, value, composite];
  if (has_arrays) row.push([inner, null], [[inner], [null]], [inner], [composite, null]);
  if (type in RANGES) row.push(Range(value, null), [Range(value, null)]);
  return row;
}

/** JSON that is a string or null must say that it is JSON; inside others, arrays must too. */
function given(type: string, value: unknown): { value: unknown; inner: unknown } {
  if (!/^jsonb?$/.test(type)) return { value, inner: value };
  const inner = Json(value);
  return { value: typeof value === "string" || value === null ? inner : value, inner };
}

/** Runs a statement for each of some samples at once. */
async function for_each<T>(
  cases: typeof all,
  run: (one: typeof all[number]) => Promise<T>,
): Promise<{ found: T; one: typeof all[number]; name: string }[]> {
  const found = await Promise.all(cases.map(run));
  return cases.map((one, i) => ({
    found: found[i]!,
    one,
    name: `${one.group.type} ${one.sample[1]}`,
  }));
}

const ROUNDS = ["cold", "warm", "warm again"] as const;

describe("Connection.execute()", () => {
  it("reads every sample in every place, cold and warm alike", async () => {
    for (const round of ROUNDS) {
      const read = await for_each(
        all,
        ({ group, id }) =>
          conn.fetchone(`select * from ${group.table} where id = ${id}`, null, {
            row_factory: tuple_row,
          }),
      );
      for (const { found, one: { group, sample, id }, name } of read) {
        assertEquals(found, row_of(group, id, sample[2]), `${name}, ${round}`);
      }
    }
  });

  it("reads every sample alike when it is one of several statements", async () => {
    const read = await for_each(
      all,
      ({ group, id }) =>
        conn.fetchone(`select 1; select * from ${group.table} where id = ${id}`, null, {
          row_factory: tuple_row,
        }),
    );
    for (const { found, one: { group, sample, id }, name } of read) {
      assertEquals(found, row_of(group, id, sample[2]), name);
    }
  });

  it("reads every sample as a field of an anonymous record, and of one within", async () => {
    const cases = all.filter(({ group }) => !TEXT_ONLY.has(group.type));
    for (const round of ROUNDS) {
      const read = await for_each(
        cases,
        ({ group, id }) =>
          conn.fetchval(
            `select row(t.*, row(v), array[row(d)], null) from ${group.table} t where id = ${id}`,
          ),
      );
      for (const { found, one: { group, sample: [, , value], id }, name } of read) {
        const expected = [...row_of(group, id, value), [value], [[value]], null];
        assertEquals(found, expected, `${name}, ${round}`);
      }
    }
  });

  it("writes every sample in every place, cold and warm, as the server has it", async () => {
    for (const [n, round] of ROUNDS.entries()) {
      const copied = (id: number) => 1000 * n + id;
      await for_each(writable, ({ group, sample: [type, , sent], id }) => {
        const { value, inner } = given(type, sent);
        const row = row_of(group, copied(id), value, inner);
        const places = row.map((_, i) => `$${i + 1}`);
        if (LISTS.test(type)) {
          row[NESTED] = value;
          places[NESTED] = `array[[$${NESTED + 1}::${type}], [null]]::${type}[]`;
        }
        return conn.execute(`insert into ${group.table}_copy values (${places}) -- ${id}`, row);
      });
      const written = await for_each(writable, ({ group: { table, type }, id }) => {
        // The text of json is as it was given.
        const texts = /^json\b/.test(type)
          ? "v::jsonb::text, null"
          : "v::text, substr(t.*::text, strpos(t.*::text, ','))";
        return conn.fetchone(
          `select (select array[${texts}] from ${table} t where id = $1) as expected,
                  (select array[${texts}] from ${table}_copy t where id = $2) as found`,
          [id, copied(id)],
        );
      });
      for (const { found: row, name } of written) {
        assertEquals(row!["found"], row!["expected"], `${name}, ${round}`);
      }
    }
  });

  it("sends every sample alone, cold and warm, as the server has it", async () => {
    for (const round of ROUNDS) {
      const sent = await for_each(
        writable,
        ({ group: { type }, sample: [, text, sent] }) => {
          const text_of = (value: string) =>
            type === "json" ? `${value}::jsonb::text` : `${value}::text`;
          return conn.fetchone(
            `select ${text_of(`$1::${type}`)} as found, ${
              text_of(literal(text, type))
            } as expected`,
            [given(type, sent).value],
          );
        },
      );
      for (const { found: row, name } of sent) {
        assertEquals(row!["found"], row!["expected"], `${name}, ${round}`);
      }
    }
  });
});
