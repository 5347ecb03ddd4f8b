/** What `safe_to_retry` says of a statement that was sent: never that it may be run again. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect, type Connection, PgError } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { server_pid } from "../support/sessions.ts";
import { keeps_sessions } from "../support/through.ts";
import { describe_where } from "../support/where.ts";

let database: Database;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

const ROWS = "select g from generate_series(1, 100000) g";

/** Each runs a statement, and gives what goes on with it: whether its error may say that it is safe. */
const GOES_ON: Readonly<
  Record<string, (conn: Connection) => Promise<readonly [call: () => Promise<unknown>, boolean]>>
> = {
  "Cursor.fetchone()": async (conn) => {
    const cursor = await conn.cursor();
    await cursor.execute("select 1");
    return [() => cursor.fetchone(), false];
  },
  "Cursor.nextset()": async (conn) => {
    const cursor = await conn.cursor();
    await cursor.execute("select 1; select 2");
    return [() => cursor.nextset(), false];
  },
  "Cursor.execute()": async (conn) => {
    const cursor = await conn.cursor();
    await cursor.execute("select 1");
    return [() => cursor.execute("select 2"), true];
  },
  "Connection.execute()": async (conn) => {
    await conn.execute("select 1");
    return [() => conn.execute("select 2"), true];
  },
  "NamedCursor.fetchone()": async (conn) => {
    const cursor = await conn.cursor({ name: "c", withhold: true });
    await cursor.execute(ROWS);
    return [() => cursor.fetchone(), false];
  },
  "a stream": async (conn) => {
    const rows = conn.stream(ROWS, [], { itersize: 10 });
    await rows.next();
    return [async () => {
      for await (const _ of rows);
    }, false];
  },
  "a stream in a transaction": async (conn) => {
    const tx = await conn.begin();
    const rows = tx.stream(ROWS, [], { itersize: 10 });
    await rows.next();
    return [async () => {
      for await (const _ of rows);
    }, false];
  },
  "a copy_from() that is not begun": (conn) => {
    const writer = conn.copy_from("copy pg_temp.nowhere from stdin").getWriter();
    writer.closed.catch(() => {});
    return Promise.resolve([() => writer.write(new Uint8Array(1)), true] as const);
  },
};

describe_where(keeps_sessions, "An error for a connection that is lost", () => {
  for (const [name, begin] of Object.entries(GOES_ON)) {
    it(`says what is safe to run again: ${name}`, async () => {
      await using admin = await connect(database.url);
      const victim = await connect(database.url);
      const pid = await server_pid(victim);
      const [call, is_safe] = await begin(victim);
      await admin.execute("select pg_terminate_backend($1, 5000)", [pid]);
      while (!victim.closed) await new Promise((resolve) => setTimeout(resolve, 5));
      const error = await assertRejects(call, PgError);
      assertEquals(error.safe_to_retry, is_safe);
      await victim.close();
    });
  }
});

describe("An error for a stream that was begun", () => {
  it("does not say that it is safe to run again, though its next batch was not sent", async () => {
    await using conn = await connect(database.url);
    await conn.execute("create temp table t (a int)");
    await using tx = await conn.begin();
    const rows = tx.stream(
      "insert into t select g from generate_series(1, 3) g returning a",
      [],
      { itersize: 1, timeout: 0.1 },
    );
    await rows.next();
    const blocker = tx.execute("select $1::jsonb, pg_sleep(0.4)", [{ a: 1 }]); // holds the batch back
    const error = await assertRejects(async () => {
      for await (const _ of rows);
    }, PgError);
    assert(!error.safe_to_retry);
    await blocker;
    assertEquals(await tx.fetchval("select count(*)::int from t"), 3);
  });
});
