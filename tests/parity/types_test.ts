/** The types that aiopg reads and writes beyond psycopg2's own. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect, Json } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { AIOPG } from "./support.ts";

let database: Database;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

describe("uuid", () => {
  it("is read as it was written, as text", async () => {
    await using conn = await connect(database.url, AIOPG);
    const id = crypto.randomUUID();
    await using cur = await conn.cursor();
    await cur.execute("create table things (id uuid)");
    await cur.execute("insert into things (id) values (%s)", [id]);
    await cur.execute("select * from things");
    assertEquals(await cur.fetchone(), [id]);
  });
});

describe("json", () => {
  it("is read as it was written, wrapped in Json or not", async () => {
    await using conn = await connect(database.url, AIOPG);
    const data = { a: 1, b: "str" };
    await using cur = await conn.cursor();
    await cur.execute("create table documents (id serial, val json)");
    await cur.execute("insert into documents (val) values (%s), (%s)", [Json(data), data]);
    await cur.execute("select * from documents");
    assertEquals(await cur.fetchall() as unknown, [[1, data], [2, data]]);
  });
});
