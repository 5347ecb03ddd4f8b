/** What a connection does with its session: defaults, reset, status, calls and quoting. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  ConnectionStatus,
  DataError,
  InterfaceError,
  InternalError,
  IsolationLevel,
  NotSupportedError,
  OperationalError,
  type Params,
  ProgrammingError,
  Range,
  sql,
  TimeoutError,
  TransactionStatus,
  tuple_row,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { keeps_sessions } from "../support/through.ts";
import { describe_where } from "../support/where.ts";

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url, { row_factory: tuple_row });
});

afterEach(async () => {
  await conn.close();
});

function setting(name: string): Promise<string | null> {
  return conn.fetchval("select current_setting($1, true)", [name]);
}

describe_where(keeps_sessions, "Connection.set_session()", () => {
  it("sets what transactions are like where they say nothing", async () => {
    await conn.set_session({ isolation_level: "serializable", readonly: true, deferrable: true });
    assertEquals(conn.isolation_level, IsolationLevel.serializable);
    const tx = await conn.begin();
    assertEquals(await setting("transaction_isolation"), "serializable");
    assertEquals(await setting("transaction_deferrable"), "on");
    await assertRejects(() => tx.execute("create table t (a int)"), InternalError, "read-only");
    await tx.rollback();
    await conn.set_session({ isolation_level: IsolationLevel.default, readonly: false });
    assertEquals(await setting("transaction_isolation"), "read committed");
    assertEquals(await setting("transaction_read_only"), "off");
    assertEquals(await setting("default_transaction_deferrable"), "on"); // was left out
  });

  it("sends nothing where nothing is asked for, or what it does not know", async () => {
    for (
      const mode of ["serializable", null, { isolation: "serializable" }, { autocommit: false }]
    ) {
      await assertRejects(() => conn.set_session(mode as never), InterfaceError, "characteristics");
    }
    await conn.set_session({});
    assertEquals(conn.isolation_level, IsolationLevel.default);
  });

  it("is refused in a transaction", async () => {
    const tx = await conn.begin();
    await assertRejects(() => conn.set_session({ readonly: true }), ProgrammingError, "one is");
    await tx.rollback();
    await conn.execute("begin");
    await assertRejects(() => conn.set_session({ readonly: true }), ProgrammingError, "one is");
  });
});

describe_where(keeps_sessions, "Connection.set_isolation_level()", () => {
  it("starts as the server's default", async () => {
    assertEquals(conn.isolation_level, IsolationLevel.default);
    await conn.set_isolation_level(IsolationLevel.repeatable_read);
    assertEquals(conn.isolation_level, IsolationLevel.repeatable_read);
    assertEquals(await setting("transaction_isolation"), "repeatable read");
  });

  it("refuses what is no level, and changes nothing", async () => {
    await assertRejects(() => conn.set_isolation_level(1 as never), ProgrammingError);
    assertEquals(conn.isolation_level, IsolationLevel.default);
  });
});

describe("Connection.set_client_encoding()", () => {
  for (const name of ["UTF8", "utf-8", "Unicode"]) {
    it(`accepts ${name}`, async () => {
      await conn.set_client_encoding(name);
      assertEquals(conn.encoding, "UTF8");
    });
  }

  for (const name of ["LATIN1", "SQL_ASCII", "utf16", ""]) {
    it(`refuses ${JSON.stringify(name)}`, async () => {
      await assertRejects(() => conn.set_client_encoding(name), NotSupportedError, "UTF8");
      assertEquals(conn.encoding, "UTF8");
    });
  }
});

describe_where(keeps_sessions, "Connection.reset()", () => {
  it("leaves nothing behind but prepared statements", async () => {
    const role = `${database.name}_role`; // roles are the server's, not the database's
    await conn.execute(`create role ${role}`);
    await conn.set_session({ isolation_level: "serializable" });
    await conn.execute("create temp table left_behind (a int)");
    await conn.execute(`set role ${role}; set search_path to pg_temp; set app.tenant = '7'`);
    await conn.execute("select pg_advisory_lock(42)");
    await conn.listen("left_behind");
    const before = await conn.fetchval("select count(*)::int from pg_prepared_statements");
    await conn.begin();
    await conn.execute("declare c cursor with hold for select 1");
    await conn.reset();
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
    assertEquals(conn.isolation_level, IsolationLevel.default);
    assertEquals(
      await conn.fetchone(
        "select current_user = session_user, current_setting('search_path'), " +
          "current_setting('app.tenant'), to_regclass('left_behind'), " +
          "current_setting('default_transaction_isolation'), " +
          "(select count(*)::int from pg_locks where locktype = 'advisory'), " +
          "(select count(*)::int from pg_listening_channels()), " +
          "(select count(*)::int from pg_cursors where name = 'c')",
      ),
      [true, '"$user", public', "", null, "read committed", 0, 0, 0],
    );
    const after = await conn.fetchval<number>("select count(*)::int from pg_prepared_statements");
    assert(after! >= (before as number));
    await conn.execute(`drop role ${role}`);
  });

  it("rolls back, also what has failed, and ends the handle", async () => {
    await conn.execute("create table t (a int)");
    const tx = await conn.begin();
    await tx.execute("insert into t values (1)");
    await assertRejects(() => tx.execute("select 1/0"), DataError);
    await conn.reset();
    assert(!tx.is_begin);
    await assertRejects(() => tx.commit(), ProgrammingError, "has ended");
    assertEquals(await conn.fetchall("select * from t"), []);
  });

  it("rejects on a closed connection", async () => {
    await conn.close();
    await assertRejects(() => conn.reset(), InterfaceError);
  });
});

describe("Connection.status", () => {
  it("tells ready from begun", async () => {
    assertEquals(conn.status, ConnectionStatus.ready);
    await conn.execute("begin");
    assertEquals(conn.status, ConnectionStatus.begin);
    await conn.execute("rollback");
    assertEquals(conn.status, 1);
    const tx = await conn.begin();
    assertEquals(conn.status, 2);
    await tx.commit();
    assertEquals(conn.status, 1);
  });
});

describe("Cursor.callproc()", () => {
  beforeEach(async () => {
    await conn.execute(
      'create schema if not exists "App"; create or replace function inc(val int) returns int ' +
        "language sql as 'select val + 1';" +
        'create or replace function "App"."Two Words"(a int, b int default 5) returns table (x int, y int) ' +
        "language sql as 'select a, b'",
    );
  });

  it("calls a function, and its result is the cursor's", async () => {
    const cur = await conn.cursor();
    await cur.callproc("inc", [1]);
    assertEquals(await cur.fetchone(), [2] as never);
    await cur.callproc("INC", { val: 5 });
    assertEquals(await cur.fetchall(), [[6]] as never);
    await cur.callproc('"App"."Two Words"', { b: 3, a: 2 });
    assertEquals(await cur.fetchall(), [[2, 3]] as never);
    await cur.callproc('"App"."Two Words"', [2]);
    assertEquals(await cur.fetchall(), [[2, 5]] as never);
  });

  it("does so whatever the paramstyle is", async () => {
    await using pyformat = await connect(database.url, { paramstyle: "pyformat" });
    const cur = await pyformat.cursor();
    await cur.callproc("quote_literal", ["100 %s"]);
    assertEquals(await cur.fetchall(), [{ quote_literal: "'100 %s'" }]);
  });

  it("rejects on a closed cursor, and for what is no function", async () => {
    const cur = await conn.cursor();
    await assertRejects(() => cur.callproc("inc; drop table t", [1]), ProgrammingError, "a name");
    await assertRejects(() => cur.callproc("no_such", [1]), ProgrammingError, "no_such");
    await cur.close();
    await assertRejects(() => cur.callproc("inc", [1]), InterfaceError);
  });

  it("has the cursor's deadline, or its own", async () => {
    const cur = await conn.cursor({ timeout: 0.05 });
    await assertRejects(() => cur.callproc("pg_sleep", [60]), TimeoutError, "within 0.05 s");
    await assertRejects(
      () => cur.callproc("pg_sleep", [60], { timeout: 0.06 }),
      TimeoutError,
      "within 0.06 s",
    );
    await cur.callproc("inc", [1], { timeout: 10 });
  });
});

describe("Cursor.mogrify()", () => {
  const texts: [string, Params, string][] = [
    ["select 1", undefined, "select 1"],
    ["select 1", [], "select 1"],
    ["select $1", ["1"], "select '1'"],
    ["select $1", [1], "select '1'"],
    ["select $1, $2", [null, true], "select NULL, 'true'"],
    ["select $2 || $1 || $2", ["a", "it's"], "select 'it''s' || 'a' || 'it''s'"],
    ["select $1", ["back\\slash"], "select E'back\\\\slash'"],
    ["select '$1', $1 -- $1", ["x"], "select '$1', 'x' -- $1"],
    ["create user me password $1", ["p'w"], "create user me password 'p''w'"],
    ["select $1::int[]", [[1, null]], "select '{1,NULL}'::int[]"],
    ["select $1::bytea", [Uint8Array.of(255)], "select E'\\\\xff'::bytea"],
    [
      "select $1::timestamptz",
      [new Date(0)],
      "select '1970-01-01 00:00:00+00'::timestamptz",
    ],
    ["select $1::jsonb", [{ a: "'" }], "select '{\"a\": \"''\"}'::jsonb"],
    ["select $1::int4range", [Range(1, 3)], "select '[1,3)'::int4range"],
  ];
  for (const [query, params, expected] of texts) {
    it(`makes ${expected.slice(0, 40)}`, async () => {
      await conn.execute("set timezone to 'UTC'");
      const cur = await conn.cursor();
      assertEquals(await cur.mogrify(query, params), expected);
    });
  }

  it("reads pyformat where that is the paramstyle", async () => {
    await using pyformat = await connect(database.url, { paramstyle: "pyformat" });
    const cur = await pyformat.cursor();
    assertEquals(await cur.mogrify("SELECT %s", ["1"]), "SELECT '1'");
    assertEquals(
      await cur.mogrify("select %(a)s %% 5, %(b)s, %(a)s", { a: 7, b: "x" }),
      "select '7' % 5, 'x', '7'",
    );
  });

  it("takes a sql template", async () => {
    const cur = await conn.cursor();
    assertEquals(await cur.mogrify(sql`select ${"it's"}, ${null}`), "select 'it''s', NULL");
  });

  it("means the same as binding", async () => {
    const cur = await conn.cursor();
    const query = "select $1::int + 1, $2::text, $3::date, $4::int[], $5::jsonb, $6::numeric / 3";
    const params = [41, "a\\'b", "2024-02-29", [[1, 2]], [{ a: 1 }], "10"];
    assertEquals(
      await conn.fetchall(await cur.mogrify(query, params)),
      await conn.fetchall(query, params),
    );
  });

  it("quotes a thousand values", async () => {
    const cur = await conn.cursor();
    const values = Array.from({ length: 1700 }, (_, i) => i); // more than a row has columns
    const query = `values ${values.map((_, i) => `($${i + 1}::int)`).join(", ")}`;
    const rows = await conn.fetchall(await cur.mogrify(query, values));
    assertEquals(rows.length, values.length);
  });

  it("lets codecs of the user's own write what is theirs, as execute() does", async () => {
    conn.register_codec({
      name: "int4",
      format: "text",
      encode: (value) => new TextEncoder().encode(String(value).replace("#", "")),
      decode: (body) => `#${new TextDecoder().decode(body)}`,
    });
    const cur = await conn.cursor();
    const query = "select $1::int4";
    assertEquals(await cur.mogrify(query, ["#5"]), "select '5'::int4");
    assertEquals(await conn.fetchval(query, ["#5"]), "#5");
  });

  it("rejects what cannot be bound", async () => {
    const cur = await conn.cursor();
    await assertRejects(() => cur.mogrify("select $1, $2", [1]), ProgrammingError, "takes 2");
    await assertRejects(() => cur.mogrify("select $1", [1, 2]), ProgrammingError, "takes 1");
    await assertRejects(() => cur.mogrify("select $1", [undefined]), ProgrammingError, "$1");
    await assertRejects(() => cur.mogrify("select $1", ["\0"]), DataError);
    await assertRejects(() => cur.mogrify("select $1 from no_such", [{}]), ProgrammingError);
    await cur.close();
    await assertRejects(() => cur.mogrify("select $1", [1]), InterfaceError);
  });
});

describe("a connection that is lost", () => {
  const calls: [string, (conn: Connection) => Promise<unknown>][] = [
    ["cursor", (conn) => conn.cursor()],
    ["cancel", (conn) => conn.cancel()],
    ["set_session", (conn) => conn.set_session({ readonly: true })],
    ["set_client_encoding", (conn) => conn.set_client_encoding("UTF8")],
    ["reset", (conn) => conn.reset()],
    ["listen", (conn) => conn.listen("a")],
    ["unlisten", (conn) => conn.unlisten()],
    ["notify", (conn) => conn.notify("a")],
    ["tpc_begin", (conn) => conn.tpc_begin("a")],
    ["tpc_recover", (conn) => conn.tpc_recover()],
    ["tpc_commit", (conn) => conn.tpc_commit("a")],
    ["transaction", (conn) => conn.transaction(() => {})],
    ["lobject", (conn) => conn.lobject()],
    ["notifies.get", (conn) => conn.notifies.get()],
  ];
  for (const [name, call] of calls) {
    it(`rejects ${name}() with OperationalError, and with InterfaceError when it is closed`, async () => {
      await assertRejects(
        () => conn.execute("select pg_terminate_backend(pg_backend_pid())"),
        OperationalError,
      );
      await assertRejects(() => call(conn), OperationalError);
      const closed = await connect(database.url);
      await closed.close();
      await assertRejects(() => call(closed), InterfaceError);
    });
  }
});
