import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { existsSync } from "node:fs";
import postgres from "postgres";
import { type Database, fresh_database } from "./database.ts";

describe("fresh_database()", () => {
  let database: Database;
  beforeAll(async () => {
    database = await fresh_database();
  });
  afterAll(() => database.drop());

  it("gives a database that nobody else has", async () => {
    await using other = await fresh_database();
    assertNotEquals(database.name, other.name);
    const { host, port, user, password, name } = database;
    const sql = postgres({ host, port, user, password, database: name, max: 1 });
    assertEquals([...await sql`select current_database() as name`], [{ name }]);
    await sql.end();
  });

  it("names the directory of the server's socket, if that is on this machine", () => {
    assert(database.socket_dir === null || existsSync(database.socket_dir));
  });
});
