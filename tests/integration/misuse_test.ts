/** What is easily done wrong, against a real server: each says what to do, and harms nothing. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  InterfaceError,
  NotSupportedError,
  OperationalError,
  ProgrammingError,
  sql,
  tuple_row,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url);
});

afterEach(async () => {
  await conn.close();
});

class User {}

// deno-lint-ignore no-explicit-any -- what types would refuse
type Wrong = any;

/** Each rejects with an error of this class that says this. */
const TABLE: Readonly<
  Record<string, readonly [call: () => Promise<unknown>, type: typeof InterfaceError, says: string]>
> = {
  "options in place of the parameters": [
    () => conn.execute("select 1", { timeout: 1, row_factory: tuple_row }),
    ProgrammingError as typeof InterfaceError,
    "options are the third argument",
  ],
  "an AbortController for its signal": [
    () => conn.execute("select 1", [], { signal: new AbortController() as Wrong }),
    InterfaceError,
    "signal: it must be an AbortSignal, but is an AbortController",
  ],
  "the same for a stream": [
    async () =>
      await conn.stream("select 1", [], { signal: new AbortController() as Wrong }).next(),
    InterfaceError,
    "must be an AbortSignal",
  ],
  "the same for a transaction": [
    () => conn.begin({ signal: new AbortController() as Wrong }),
    InterfaceError,
    "must be an AbortSignal",
  ],
  "the same for a notification": [
    () => conn.notifies.get({ signal: new AbortController() as Wrong }),
    InterfaceError,
    "must be an AbortSignal",
  ],
  "codecs that are no array": [
    () => conn.execute("select 1", [], { codecs: {} as Wrong }),
    InterfaceError,
    "codecs: they must be an array, but are an object",
  ],
  "a class for a row factory": [
    () => conn.fetchall("select 1 as n", [], { row_factory: User as Wrong }),
    InterfaceError,
    "use class_row(User)",
  ],
  "a cursor that was not waited for": [
    async () => {
      const cursor = await conn.cursor();
      const running = cursor.execute("select 1");
      try {
        await cursor.fetchone();
      } finally {
        await running;
      }
    },
    ProgrammingError as typeof InterfaceError,
    "await execute()",
  ],
  "begin_nested() where SQL began the transaction": [
    async () => {
      const cursor = await conn.cursor();
      await conn.execute("begin");
      try {
        await cursor.begin_nested();
      } finally {
        await conn.execute("rollback");
      }
    },
    ProgrammingError as typeof InterfaceError,
    "it was begun by SQL, and SQL must end it",
  ],
  "an oid that is none": [
    () => conn.transaction((tx) => tx.lobject(-5)),
    ProgrammingError as typeof InterfaceError,
    "but is -5",
  ],
};

describe("an error that says what to do", () => {
  for (const [what, [call, type, says]] of Object.entries(TABLE)) {
    it(`comes of ${what}`, async () => {
      await assertRejects<Error>(call, type, says);
      assertEquals(await conn.fetchval("select 1"), 1);
    });
  }

  it("comes of pyformat's objects that hold options, where the query takes nothing", async () => {
    await using py = await connect(database.url, { paramstyle: "pyformat" });
    await assertRejects(() => py.execute("select 1", { timeout: 1 }), ProgrammingError, "third");
    const named = await py.fetchval("select %(timeout)s::int", { timeout: 7 });
    assertEquals([named, await py.fetchval("select 2", { unused: 1 })], [7, 2]);
  });

  it("comes in a transaction of a statement whose columns have changed, however it was sent", async () => {
    await using other = await connect(database.url);
    await other.execute("create table reshaped (a int)");
    const query = "select * from reshaped";
    for (const column of ["b", "c", "d"]) {
      await conn.fetchall(query);
      await other.execute(`alter table reshaped add ${column} int`);
      const error = await assertRejects(
        () => conn.transaction((tx) => tx.fetchall(query)),
        NotSupportedError,
        "roll back, and run it again",
      );
      assertEquals((error as NotSupportedError).sqlstate, "0A000");
    }
    assertEquals(await conn.fetchall(query), []);
    await other.execute("drop table reshaped");
  });
});

describe("what looks wrong and is not", () => {
  it("is several statements with an empty array, or in a template", async () => {
    assertEquals(await conn.fetchval("select 1; select 2", [], { timeout: 5 }), 2);
    assertEquals(await conn.fetchval(sql`select 1; select 3`), 3);
    assertEquals(await conn.fetchval(sql`select ${4}::int`, [], { timeout: 5 }), 4);
    await using py = await connect(database.url, { paramstyle: "pyformat" });
    assertEquals(await py.fetchval("select 1; select 5 %% 3", []), 2);
  });

  it("is null for what is left out of a transaction's mode", async () => {
    await using readonly = await connect(database.url);
    await readonly.execute("set default_transaction_read_only = on");
    const mode = { isolation_level: null, readonly: null, deferrable: null } as Wrong;
    await using tx = await readonly.begin(mode);
    assertEquals(await tx.fetchval("show transaction_read_only"), "on");
  });
});

describe("a cursor whose connection was lost", () => {
  it("gives nothing any more", async () => {
    await using lost = await connect(database.url, { on_warning() {} });
    const cursor = await lost.cursor();
    await cursor.execute("select generate_series(1, 3)");
    await conn.execute("select pg_terminate_backend($1)", [lost.get_backend_pid()]);
    await assertRejects(() => lost.execute("select 1"), OperationalError);
    for (
      const call of [
        () => cursor.fetchone(),
        () => cursor.fetchall(),
        () => cursor.scroll(1),
        () => cursor[Symbol.asyncIterator]().next(),
      ]
    ) {
      const error = await assertRejects(call, OperationalError, "the connection is lost");
      assertStringIncludes((error as Error).stack!, "misuse_test");
    }
    assertThrows(() => lost.register_codec({} as Wrong), OperationalError, "is lost");
  });
});
