/**
 * Statements and values reach the server apart, and names that the library writes are quoted
 * (CVE-2024-1597, CVE-2024-27289, CVE-2022-31197).
 */

import { assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect, type Connection, DataError, ProgrammingError, sql } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";

/** Values that would be code, were they pasted. */
const VALUES = [
  "'; drop table victim; --",
  "\\'; drop table victim; --",
  "$1",
  "%s %(name)s",
  "$$; drop table victim; $$",
  "/* */ -- \n",
  "\u00bf\u0027",
  "' or ''='",
];

/** Names likewise. */
const NAMES = [
  '"; drop table victim; --',
  'a"b',
  "a.b",
  "a\\",
  "select",
  "Ünïcödé",
  "x".repeat(60),
  "$1",
  " ",
];

describe("a value", () => {
  let database: Database;

  async function with_connection(fn: (conn: Connection) => Promise<void>): Promise<void> {
    await using conn = await connect(database.url);
    await fn(conn);
  }

  beforeAll(async () => {
    database = await fresh_database();
    await with_connection(async (conn) => {
      await conn.execute("create table victim (text text)");
    });
  });

  afterAll(async () => {
    await with_connection(async (conn) => {
      assertEquals(await conn.fetchval("select to_regclass('victim') is not null"), true);
    });
    await database.drop();
  });

  it("with a minus before it begins no comment", async () => {
    await with_connection(async (conn) => {
      const query = "select -$1::int, $2::text";
      const expected = { "?column?": 1, text: "\nwhere false --" };
      assertEquals(await conn.fetchone(query, [-1, "\nwhere false --"]), expected);
      await using cursor = await conn.cursor();
      const written = await cursor.mogrify(query, [-1, "\nwhere false --"]);
      assertEquals(await conn.fetchone(written), expected);
    });
  });

  it_where(keeps_sessions, "is never code, whatever the way it goes", async () => {
    await with_connection(async (conn) => {
      for (const off of ["on", "off"]) {
        await conn.execute(`set standard_conforming_strings = ${off}`);
        for (const value of VALUES) {
          assertEquals(await conn.fetchval("select $1", [value]), value);
          assertEquals(await conn.fetchval(sql`select ${value}`), value);
          assertEquals(await conn.fetchval("select $1::text[]", [[value]]), [value]);
          await using cursor = await conn.cursor();
          assertEquals(await conn.fetchval(await cursor.mogrify("select $1", [value])), value);
        }
      }
    });
  });

  it("with NUL or half a character is refused, and nothing is sent", async () => {
    await with_connection(async (conn) => {
      for (const value of ["a\0b", "\ud800", "\udc00x"]) {
        await assertRejects(() => conn.execute("select $1", [value]), DataError);
        await assertRejects(() => conn.execute(`select '${value}'`), DataError);
      }
      assertEquals(await conn.fetchval("select 1"), 1);
    });
  });
});

describe("a name", () => {
  let database: Database;

  beforeAll(async () => {
    database = await fresh_database();
  });

  afterAll(async () => {
    await database.drop();
  });

  for (const name of NAMES) {
    it_where(
      keeps_sessions,
      `${JSON.stringify(name.slice(0, 30))} is one name wherever the library writes it`,
      async () => {
        await using conn = await connect(database.url);
        const table = sql.identifier(name);
        await conn.execute(sql`create temp table ${table} (${table} int)`);
        await conn.execute(sql`insert into ${table} values (${7})`);
        assertEquals(await conn.fetchall(sql`select ${table} from ${table}`), [{ [name]: 7 }]);
        await conn.listen(name);
        await conn.notify(name, "it works");
        assertEquals((await conn.notifies.get()).channel, name);
        await conn.unlisten(name);
        assertEquals(await conn.fetchall("select pg_listening_channels()"), []);
        await conn.transaction(async () => {
          await using cursor = await conn.cursor({ name });
          await cursor.execute("select 1 as one");
          assertEquals(await cursor.fetchall(), [{ one: 1 }]);
        });
        assertEquals(await conn.copy_records_from(name, [[8]], { columns: [name] }), 1);
        assertEquals(await conn.fetchval(sql`select sum(${table})::int from ${table}`), 15);
      },
    );
  }

  it("with NUL or half a character, or none at all, is refused", async () => {
    await using conn = await connect(database.url);
    for (const name of ["a\0b", "\ud800", ""]) {
      await assertRejects(async () => await conn.listen(name));
      await assertRejects(async () => await conn.execute(sql`select ${sql.identifier(name)}`));
      await assertRejects(() => conn.copy_records_from(name, [[8]]));
    }
    await assertRejects(
      () => conn.execute("select 1 as a, 2 as b;;;select", [1]),
      ProgrammingError,
    );
  });
});
