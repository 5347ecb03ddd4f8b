/**
 * Tables with every sample of every builtin type, in every place where a value can stand.
 *
 * @module
 */

import { Json, Range } from "../../mod.ts";
import { pseudo_types, type Sample, samples } from "../codecs/samples.ts";

/** The samples of one type, and the tables that hold them. */
export interface Group {
  /** The type, as SQL has it. */
  readonly type: string;
  /** A table with the samples by their index; one of this name and `_copy` is empty. */
  readonly table: string;
  /** All samples of the type. */
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
/** Types whose values are arrays, of which an array is written in one dimension. */
const LISTS = /^(int2|oid)vector$|multirange$/;
/** Where a row has its array of two dimensions. */
const NESTED = 5;

/** The samples of every type that a column can have. */
export const groups: readonly Group[] = [...Map.groupBy(samples, ([type]) => type)]
  .filter(([type]) => !pseudo_types.includes(type))
  .map(([type, samples], i) => ({
    type,
    table: `t${i}`,
    samples,
    has_arrays: !type.endsWith("[]"),
  }));

/** A sample, and where it is. */
export interface Case {
  /** Those of its type. */
  readonly group: Group;
  /** Which of them. */
  readonly id: number;
  /** The sample. */
  readonly sample: Sample;
  /** For messages. */
  readonly name: string;
}

/** All samples. */
export const cases: readonly Case[] = groups.flatMap((group) =>
  group.samples.map((sample, id) => ({ group, sample, id, name: `${group.type} ${sample[1]}` }))
);

/** Makes all types and tables. */
export function schema(): string {
  return groups.map(schema_of).join("");
}

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

/** A value, as SQL has it. */
export function literal(text: string, type: string): string {
  return `'${text.replaceAll("'", "''")}'::${type}`;
}

/** The row of a sample. `inner`: its value as it is given inside others. */
export function row_of({ group, id, sample }: Case, inner: unknown = sample[2]): unknown[] {
  const { type, table, has_arrays } = group;
  const value = sample[2];
  const composite = { [`of ${table}`]: inner, note: "x" };
  const row = [id, value, value, composite];
  if (has_arrays) row.push([inner, null], [[inner], [null]], [inner], [composite, null]);
  if (type in RANGES) row.push(Range(value, null), [Range(value, null)]);
  return row;
}

/** The value as a parameter: JSON that is a string or null must say that it is JSON. */
export function given({ group: { type }, sample: [, , value] }: Case): unknown {
  const is_json = /^jsonb?$/.test(type);
  return is_json && (typeof value === "string" || value === null) ? Json(value) : value;
}

/** Writes a sample into the copy of its table, with `id` instead of its own. */
export function insertion(one: Case, id: number): { query: string; params: unknown[] } {
  const { type, table } = one.group;
  const value = given(one);
  const params = row_of(one, /^jsonb?$/.test(type) ? Json(one.sample[2]) : value);
  [params[0], params[1], params[2]] = [id, value, value];
  const places = params.map((_, i) => `$${i + 1}`);
  if (LISTS.test(type)) {
    params[NESTED] = value;
    places[NESTED] = `array[[$${NESTED + 1}::${type}], [null]]::${type}[]`;
  }
  return { query: `insert into ${table}_copy values (${places})`, params };
}

/** Whether the server has the same at `id` of the copy as the sample is. Its parameters are the sample's id, and `id`. */
export function comparison({ group: { table, type } }: Case): string {
  // The text of json is as it was given.
  const texts = /^json\b/.test(type)
    ? "v::jsonb::text, null"
    : "v::text, substr(t.*::text, strpos(t.*::text, ','))";
  return `select (select array[${texts}] from ${table} t where id = $1) as expected,
                 (select array[${texts}] from ${table}_copy t where id = $2) as found`;
}
