/** FETCH and EXECUTE: what they return, cursors and statements say that others may take the place of. */

import { assertEquals } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { connect, type Connection } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";

/** `[what is declared or prepared, its rows]`: each takes the place of the one before. */
const QUERIES: readonly [query: string, rows: readonly unknown[]][] = [
  ["select 1::int8 as a", [{ a: 1n }]],
  ["select '2024-02-29T12:00Z'::timestamptz as a", [{ a: new Date("2024-02-29T12:00Z") }]],
  ["select 'x' as a, 2 as b", [{ a: "x", b: 2 }]],
  ["select array['ok', null]::mood[] as moods", [{ moods: ["ok", null] }]],
  ["select 5 as b where false", []],
];

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url);
  await conn.execute("create type mood as enum ('ok')");
});

afterAll(() => database.drop());

beforeEach(async () => {
  conn = await connect(database.url);
});

afterEach(() => conn.close());

describe("FETCH", () => {
  for (const text of ["fetch all from c", "/* from /* the */ cursor */ -- c\n FETCH all FROM c"]) {
    it(`returns what its cursor does, whatever one of that name did before: ${text}`, async () => {
      for (const [query, rows] of [...QUERIES, ...QUERIES]) {
        await conn.transaction(async (tx) => {
          await tx.execute(`declare c scroll cursor for ${query}`);
          assertEquals(await tx.fetchall(text), rows);
          await tx.execute("move absolute 0 in c");
          assertEquals(await Array.fromAsync(tx.stream(text)), rows);
          await tx.execute("move absolute 0 in c");
          assertEquals(await tx.fetchall(`select 1; ${text}`), rows);
        });
      }
    });
  }

  it_where(keeps_sessions, "is not kept by the server", async () => {
    await conn.transaction(async (tx) => {
      await tx.execute("declare c cursor for select 1");
      await tx.fetchall("fetch all from c");
    });
    const kept =
      "select count(*)::int from pg_prepared_statements where statement ilike '%fetch all%'";
    assertEquals(await conn.fetchval(`${kept} and name <> ''`), 1); // the one that asks
  });

  it("may be sent many times at once", async () => {
    await conn.transaction(async (tx) => {
      await tx.execute("declare c cursor for select generate_series(1, 6) as n");
      const pairs = await Promise.all([1, 2, 3].map(() => tx.fetchall("fetch 2 from c")));
      assertEquals(pairs.flat().map(({ n }) => n), [1, 2, 3, 4, 5, 6]);
    });
  });

  it("reads from a cursor that is declared as binary, alone and among other statements", async () => {
    const declare =
      "declare c binary scroll cursor for select 1 as a, 'ok'::mood as b, 0.5::float8 as c";
    const rows = [{ a: 1, b: "ok", c: 0.5 }];
    assertEquals(await conn.fetchall(`begin; ${declare}; fetch all from c`), rows);
    await conn.execute("move absolute 0 in c");
    assertEquals(await conn.fetchall("fetch all from c"), rows);
    await conn.execute("rollback");
  });
});

describe("EXECUTE", () => {
  it("returns what its statement does, whatever one of that name did before", async () => {
    for (const [query, rows] of [...QUERIES, ...QUERIES]) {
      await conn.execute(`prepare p as ${query}`);
      assertEquals(await conn.fetchall("execute p"), rows);
      assertEquals(await conn.fetchall("execute p"), rows);
      await conn.execute("deallocate p");
    }
  });
});
