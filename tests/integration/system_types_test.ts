/** How every type of the system's catalogue is read, alone and in an array. */

import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect, type Connection, scalar_row } from "../../mod.ts";
import { builtin_registry } from "../../src/codecs/builtin.ts";
import { samples } from "../codecs/samples.ts";
import { type Database, fresh_database } from "../support/database.ts";

/** The types by how they are read: the format that is asked for, and the JavaScript forms of values. */
const TABLE: Readonly<Record<string, string>> = {
  "binary, boolean": "bool",
  "binary, number": "int2 int4 oid xid cid float4 float8",
  "binary, bigint": "int8 xid8",
  "binary, string": `
    char name text bpchar varchar xml refcursor numeric uuid jsonpath tid bit varbit
    inet cidr macaddr macaddr8 date time timetz`,
  "binary, Uint8Array": "bytea",
  "binary, Date or number": "timestamp timestamptz",
  "binary, Interval or number": "interval",
  "binary, Object or null or string": "json",
  "binary, Object or Array or number": "jsonb",
  "binary, Object": `
    point line lseg box path polygon circle
    int4range int8range numrange tsrange tstzrange daterange`,
  "binary, Array": `
    int2vector oidvector
    int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange`,
  "text, string": `
    money tsvector tsquery pg_lsn pg_snapshot txid_snapshot aclitem pg_node_tree
    regproc regprocedure regoper regoperator regclass regcollation regtype regrole regnamespace
    regconfig regdictionary pg_ndistinct pg_dependencies pg_mcv_list`,
  // No query gives a value of these.
  "text, null": "gtsvector pg_brin_bloom_summary pg_brin_minmax_multi_summary",
};

/** Where there are values that no text makes. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  pg_node_tree: "(select ev_action from pg_rewrite limit 1)",
  pg_ndistinct: "(select stxdndistinct from pg_statistic_ext_data)",
  pg_dependencies: "(select stxddependencies from pg_statistic_ext_data)",
  pg_mcv_list: "(select stxdmcv from pg_statistic_ext_data)",
};

interface SystemType {
  readonly name: string;
  readonly oid: number;
  /** Null if there are no arrays of it. */
  readonly array: string | null;
}

let database: Database;
let conn: Connection;
let types: readonly SystemType[];

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url);
  await conn.execute(`
    create table correlated as select g % 3 as a, g % 3 as b from generate_series(1, 100) g;
    create statistics correlation on a, b from correlated;
    analyze correlated`);
  types = await conn.fetchall<SystemType>(`
    select typname as name, oid, nullif(typarray, 0)::regtype::text as array from pg_type t
    where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm')
      and not exists (select from pg_type e where e.typarray = t.oid)
    order by oid`);
});

afterAll(() => database.drop());

/** Expressions for values of a type. */
function values_of({ name }: SystemType): string[] {
  const texts = samples.filter(([type]) => type.replaceAll('"', "") === name);
  if (texts.length === 0) return [EXPRESSIONS[name] ?? `null::${name}`];
  return texts.map(([type, text]) => `'${text.replaceAll("'", "''")}'::${type}`);
}

function form_of(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor.name : typeof value;
}

/** The values of a type, each read cold and warm, alone and in an array. */
async function read(type: SystemType): Promise<unknown[]> {
  const values = await Promise.all(
    values_of(type).map(async (value) => {
      const query = `select ${value}${type.array === null ? "" : `, array[${value}, null]`}`;
      const [cold, warm] = await Promise.all([conn.fetchone(query), conn.fetchone(query)]);
      assertEquals(warm, cold, query);
      const [read, array] = Object.values(cold!);
      if (type.array !== null) assertEquals(array, [read, null], query);
      return read;
    }),
  );
  return values;
}

describe("a connection", () => {
  it("reads every type of the system as the table says", async () => {
    conn = await connect(database.url);
    const registry = builtin_registry();
    const found: Record<string, string[]> = {};
    const read_types = await Promise.all(types.map(read));
    for (const [i, { name, oid }] of types.entries()) {
      const forms = [...new Set(read_types[i]!.map(form_of))].join(" or ");
      const format = registry.lookup(oid).format === 1 ? "binary" : "text";
      (found[`${format}, ${forms}`] ??= []).push(name);
    }
    await conn.close();
    const names = new Set(types.map(({ name }) => name)); // an older server has fewer
    const expected = Object.entries(TABLE).map(([form, list]) =>
      [form, list.trim().split(/\s+/).filter((name) => names.has(name)).sort()] as const
    );
    const sorted = Object.entries(found).map(([form, list]) => [form, list.sort()] as const);
    assertEquals(Object.fromEntries(sorted), Object.fromEntries(expected));
  });

  it("reads the rows of every system table as it reads their columns", async () => {
    conn = await connect(database.url);
    const relations = await conn.fetchall<string>(
      `select oid::regclass::text from pg_class
        where relkind = 'r' and relnamespace = 'pg_catalog'::regnamespace or relname = 'pg_stats'`,
      null,
      { row_factory: scalar_row },
    );
    assert(relations.length > 50);
    const read = (relation: string) =>
      conn.fetchall(`select t as whole, t.* from ${relation} t limit 3`);
    await Promise.all(relations.map(async (relation) => {
      for (const rows of [await read(relation), await read(relation)]) {
        for (const { whole, ...columns } of rows) assertEquals(whole, columns, relation);
      }
    }));
    await conn.close();
  });
});
