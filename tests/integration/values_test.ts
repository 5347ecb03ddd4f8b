/** Every sample of every builtin type, read and written in every place where a value can stand. */

import { assertEquals } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { connect, type Connection, tuple_row } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import {
  type Case,
  cases,
  comparison,
  given,
  insertion,
  literal,
  row_of,
  schema,
} from "../support/sample_tables.ts";

const ROUNDS = ["cold", "warm", "warm again"] as const;
const writable = cases.filter(({ sample }) => sample[4] !== "read only");
/** Those whose bytes tell what their text does. */
const binary = cases.filter(({ sample }) => sample[3] !== null);

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url);
  await conn.execute(schema());
});

afterAll(() => database.drop());

beforeEach(async () => {
  conn = await connect(database.url, { statement_cache_size: 10_000 });
});

afterEach(() => conn.close());

/** Runs a statement for each case at once. */
async function for_each<T>(
  cases: readonly Case[],
  run: (one: Case) => Promise<T>,
): Promise<[one: Case, result: T][]> {
  return await Promise.all(cases.map(async (one): Promise<[Case, T]> => [one, await run(one)]));
}

function read(query: string): Promise<unknown> {
  return conn.fetchone(query, null, { row_factory: tuple_row });
}

describe("Connection.execute()", () => {
  it("reads every sample in every place, cold and warm alike", async () => {
    for (const round of ROUNDS) {
      const rows = await for_each(
        cases,
        ({ group, id }) => read(`select * from ${group.table} where id = ${id}`),
      );
      for (const [one, row] of rows) assertEquals(row, row_of(one), `${one.name}, ${round}`);
    }
  });

  it("reads every sample alike when it is one of several statements", async () => {
    const rows = await for_each(
      cases,
      ({ group, id }) => read(`select 1; select * from ${group.table} where id = ${id}`),
    );
    for (const [one, row] of rows) assertEquals(row, row_of(one), one.name);
  });

  it("reads every sample as a field of an anonymous record, and of one within", async () => {
    for (const round of ROUNDS) {
      const records = await for_each(binary, ({ group: { table }, id }) =>
        conn.fetchval(
          `select row(t.*, row(v), array[row(d)], null) from ${table} t where id = ${id}`,
        ));
      for (const [one, record] of records) {
        const value = one.sample[2];
        const expected = [...row_of(one), [value], [[value]], null];
        assertEquals(record, expected, `${one.name}, ${round}`);
      }
    }
  });

  it("writes every sample in every place, cold and warm, as the server has it", async () => {
    for (const [n, round] of ROUNDS.entries()) {
      const copied = (id: number) => 1000 * n + id;
      await for_each(writable, (one) => {
        const { query, params } = insertion(one, copied(one.id));
        return conn.execute(`${query} -- ${one.id}`, params);
      });
      const compared = await for_each(
        writable,
        (one) => conn.fetchone(comparison(one), [one.id, copied(one.id)]),
      );
      for (const [{ name }, row] of compared) {
        assertEquals(row!["found"], row!["expected"], `${name}, ${round}`);
      }
    }
  });

  it("sends every sample alone, cold and warm, as the server has it", async () => {
    for (const round of ROUNDS) {
      const sent = await for_each(writable, (one) => {
        const [type, text] = one.sample;
        const cast = type === "json" ? "::jsonb::text" : "::text"; // json's is as it was given
        const query = `select $1::${type}${cast} as found, ${
          literal(text, type)
        }${cast} as expected`;
        return conn.fetchone(query, [given(one)]);
      });
      for (const [{ name }, row] of sent) {
        assertEquals(row!["found"], row!["expected"], `${name}, ${round}`);
      }
    }
  });
});
