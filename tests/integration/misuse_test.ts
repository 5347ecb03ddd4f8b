/** What is easily done wrong, against a real server: each says what to do, and harms nothing. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  DataError,
  InterfaceError,
  Interval,
  NotSupportedError,
  OperationalError,
  ProgrammingError,
  Range,
  sql,
  TimeoutError,
  tuple_row,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { is_direct, keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";

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
  "a cursor's name that the server would cut": [
    () => conn.cursor({ name: "é".repeat(32) }),
    DataError as typeof InterfaceError,
    "its name must be at most 63 bytes of UTF-8, but is 64",
  ],
  "a bigint inside of JSON": [
    () => conn.execute("select $1::jsonb", [{ n: [1n] }]),
    DataError as typeof InterfaceError,
    "without a bigint",
  ],
  "parts that no Interval has": [
    // deno-lint-ignore require-await -- so that it rejects
    async () => new Interval({ hours: 5 } as Wrong),
    DataError as typeof InterfaceError,
    'but "hours" was given',
  ],
  "bounds that no Range has": [
    // deno-lint-ignore require-await -- as above
    async () => Range(1, 2, "[ )" as Wrong),
    DataError as typeof InterfaceError,
    "bounds must be",
  ],
  "rows for a query that are none": [
    // deno-lint-ignore require-await -- as above
    async () => sql.values({} as Wrong),
    ProgrammingError as typeof InterfaceError,
    "the rows must be an iterable, but are of type object",
  ],
  "what other clients call it": [
    () => connect({ ssl: true } as Wrong),
    InterfaceError,
    "use sslmode",
  ],
  "what is a pool's": [
    () => connect({ maxSize: 5 } as Wrong),
    InterfaceError,
    "create_pool() takes maxsize",
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

  it_where(
    keeps_sessions,
    "comes in a transaction of a statement whose columns have changed, however it was sent",
    async () => {
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
    },
  );
});

describe("an error of a value", () => {
  it("shows nothing of it, nor do its causes", async () => {
    const circle: Record<string, unknown> = {};
    circle["4111-1111"] = circle;
    const error = await assertRejects(() => conn.execute("select $1::json", [circle]), DataError);
    assertEquals(error.cause, undefined);
  });

  it("keeps what the value's own toJSON() threw, and is one however deep it is", async () => {
    const own = new TypeError("mine");
    const failing = {
      toJSON() {
        throw own;
      },
    };
    const error = await assertRejects(() => conn.execute("select $1::json", [failing]), DataError);
    assertEquals(error.cause, own);
    let deep: unknown = [1n];
    for (let depth = 0; depth < 200_000; depth++) deep = [deep];
    await assertRejects(() => conn.execute("select $1::json", [{ deep }]), DataError);
  });

  it("is told although a large object is left behind it", async () => {
    const call = () =>
      conn.transaction(async (tx) => {
        await using _file = await tx.lobject(0, "rw");
        await tx.execute("select pg_sleep(5)", [], { timeout: 0.05 });
      });
    await assertRejects(call, TimeoutError);
    assertEquals(await conn.fetchval("select 1"), 1);
  });
});

describe("numbers beyond 2^53", () => {
  it("keep their digits, whichever way they go", async () => {
    const exact = BigInt(2 ** 60);
    const query = "select $1::int8 as n";
    assertEquals(await conn.fetchval(query, [2 ** 60]), exact);
    assertEquals(await conn.fetchval(query, [2 ** 60]), exact);
    assertEquals((await conn.executemany(query, [[2 ** 60]])).rows, [{ n: exact }]);
    assertEquals(await conn.fetchval("select $1::int8[]", [[2 ** 60]]), [exact]);
    assertEquals(`${await conn.fetchval("select $1::interval", [90])}`, "PT1M30S");
    assertEquals(`${await conn.fetchval("select ($1::interval[])[1]", [[90]])}`, "PT1M30S");
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
  it_where(is_direct, "gives nothing any more", async () => {
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
