/**
 * What must hold on every runtime, whatever runs it: each check is given the API and a database.
 *
 * Laws: nothing here names a runtime, or imports what a runtime may lack. A check leaves nothing behind
 * that another could see, so that any may run in any order.
 *
 * @module
 */

import type { Api } from "../../src/entries/core.ts";
import {
  type Codec,
  type Connection,
  DataError,
  IntegrityError,
  InterfaceError,
  Interval,
  NotSupportedError,
  OperationalError,
  PoolTimeout,
  ProgrammingError,
  QueryCanceledError,
  Range,
  scalar_row,
  sql,
  TimeoutError,
  tuple_row,
} from "../../src/entries/public.ts";
import { equal, holds, rejects } from "./expect.ts";

/** Says nothing if all is well, else throws. */
export type Check = (api: Api, url: string) => Promise<void>;

/** What a check cannot do without, and some ways to a database lack. */
export type Need =
  | "network"
  | "prepared transactions"
  | "several sessions"
  | "a session"
  | "cancel"
  | "login";

const NUMBERS = "select n::int4 from generate_series(1, $1::int4) as n";
const ENDLESS = "select generate_series(1, 100000000)"; // rows come as they are made
const KILL_SLEEPER = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and wait_event = 'PgSleep'`;
const utf8 = new TextEncoder();

/** All checks by name. */
export const CHECKS: Readonly<Record<string, Check>> = {
  async "connects, and says with whom"(api, url) {
    const conn = await api.connect(url);
    holds(conn.server_version >= 140000, "the server says its version");
    equal(await conn.fetchval("select 1"), 1);
    equal([conn.encoding, conn.closed], ["UTF8", false]);
    await conn.close();
    equal(conn.closed, true);
    await rejects(() => conn.execute("select 1"), InterfaceError, /closed/);
  },

  async "closes a connection whose scope is left"(api, url) {
    let kept: Connection;
    {
      await using conn = await api.connect(url);
      equal(await conn.fetchval("select 'here'"), "here");
      kept = conn;
    }
    equal(kept.closed, true);
  },

  async "says why it cannot connect"(api, url) {
    await rejects(() => api.connect(url, { nonsense: 1 } as object), InterfaceError, /nonsense/);
    const nowhere = new URL(url);
    nowhere.pathname = "/no_such_database";
    const error = await rejects(() => api.connect(nowhere), OperationalError, /no_such_database/);
    equal(error.sqlstate, "3D000");
  },

  async "goes on to the next of several hosts"(api, url) {
    const { hostname, port } = new URL(url);
    await using conn = await api.connect(url, {
      host: `${hostname},${hostname}`,
      port: `1,${port || 5432}`,
      target_session_attrs: "read-write",
    });
    equal(await conn.fetchval("select 1"), 1);
  },

  async "reads and writes values of every family"(api, url) {
    await using conn = await api.connect(url, { row_factory: tuple_row });
    for (const [type, value] of VALUES) {
      const [read] = await conn.fetchone<unknown[]>(`select $1::${type}`, [value]) ?? [];
      equal([type, read], [type, value]);
    }
  },

  async "reads the same as text and as binary"(api, url) {
    await using conn = await api.connect(url);
    const literals = `select 1::int8 as a, 1.50::numeric as b, '{1,NULL}'::int4[] as c,
      '\\x00ff'::bytea as d, '2024-02-29 12:00:00+00'::timestamptz as e, '{"a": [1]}'::jsonb as f,
      'NaN'::float8 as g, '[1,3)'::int4range as h, '1 day'::interval as i`;
    equal((await conn.execute(literals)).rows, (await conn.execute(literals, [])).rows);
    equal((await conn.execute(`${literals}; ${literals}`)).rows, await conn.fetchall(literals));
  },

  async "knows composite types, enums and domains"(api, url) {
    await using conn = await api.connect(url);
    await using tx = await conn.begin();
    await tx.execute(`create type pg_temp.mood as enum ('calm', 'glad');
      create domain pg_temp.small as int4 check (value < 10);
      create type pg_temp.point3 as (x int4, label text, mood pg_temp.mood, n pg_temp.small)`);
    const point = { x: 1, label: "it's, (odd)", mood: "glad", n: 3 };
    equal(await tx.fetchval("select $1::pg_temp.point3", [point]), point);
    equal(await tx.fetchval("select array[$1::pg_temp.point3]", [point]), [point]);
  },

  async "converts by codecs of one's own"(api, url) {
    const codec: Codec<URL> = {
      name: "text",
      format: "text",
      decode: (bytes) => new URL(new TextDecoder().decode(bytes)),
      encode: (value) => utf8.encode(String(value)),
    };
    await using conn = await api.connect(url, { codecs: [codec as Codec] });
    const read = await conn.fetchval<URL>("select $1::text", [new URL("https://db.example/a b")]);
    equal([read instanceof URL, read?.href], [true, "https://db.example/a%20b"]);
  },

  async "reads Temporal values, or says that the runtime has none"(api, url) {
    const connecting = async () => {
      await using conn = await api.connect(url, { temporal: true });
      return String(await conn.fetchval("select '2024-02-29 12:34:56.789012+00'::timestamptz"));
    };
    if ("Temporal" in globalThis) equal(await connecting(), "2024-02-29T12:34:56.789012Z");
    else await rejects(connecting, NotSupportedError, /Temporal/);
  },

  async "binds a template's values"(api, url) {
    await using conn = await api.connect(url);
    const ids = [1, 3];
    const query = sql`select n from generate_series(1, 4) as ${
      sql.identifier("n")
    } where n = any(${ids})`;
    equal(await conn.fetchall(query, null, { row_factory: scalar_row }), [1, 3]);
  },

  async "takes pyformat parameters"(api, url) {
    await using conn = await api.connect(url, { paramstyle: "pyformat", row_factory: tuple_row });
    equal(await conn.fetchall("select %s::int4, 5 %% 3, '%s'", [1]), [[1, 2, "%s"]]);
    equal(await conn.fetchall("select %(a)s::text, %(a)s::text", { a: "x" }), [["x", "x"]]);
  },

  async "gives errors their SQLSTATE and class"(api, url) {
    await using conn = await api.connect(url);
    await conn.execute("create temp table t (id int4 primary key)");
    await conn.execute("insert into t values (1)");
    const twice = () => conn.execute("insert into t values ($1)", [1]);
    const error = await rejects(twice, IntegrityError, /duplicate key/);
    equal([error.sqlstate, error.condition], ["23505", "unique_violation"]);
    equal(error.diag?.constraint_name, "t_pkey");
    const typo = await rejects(() => conn.execute("selec 1"), ProgrammingError, /syntax error/);
    equal([typo.sqlstate, typo.diag?.statement_position], ["42601", 1]);
    await rejects(() => conn.execute("select 1/$1::int4", [0]), DataError, /division by zero/);
    await rejects(() => conn.execute("select $1::int4", ["x"]), DataError, /\$1/);
    equal(await conn.fetchval("select 2"), 2);
  },

  async "pipelines statements, each with its own outcome"(api, url) {
    await using conn = await api.connect(url);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => conn.fetchval("select 10 / $1::int4", [i % 5])),
    );
    equal(outcomes.map(({ status }) => status === "fulfilled"), outcomes.map((_, i) => i % 5 > 0));
  },

  async "prepares statements anew when the table has changed"(api, url) {
    await using conn = await api.connect(url);
    await conn.execute("create temp table t (a int4); insert into t values (1)");
    equal(await conn.fetchall("select * from t where a = $1", [1]), [{ a: 1 }]);
    await conn.execute("alter table t add b text default 'x'");
    equal(await conn.fetchall("select * from t where a = $1", [1]), [{ a: 1, b: "x" }]);
  },

  async "fetches and scrolls by a cursor"(api, url) {
    await using conn = await api.connect(url);
    await using cursor = await conn.cursor({ row_factory: scalar_row });
    await cursor.execute(NUMBERS, [5]);
    equal([cursor.rowcount, cursor.description?.[0]?.name], [5, "n"]);
    equal(await cursor.fetchone(), 1);
    equal(await cursor.fetchmany(2), [2, 3]);
    await cursor.scroll(0, "absolute");
    equal(await Array.fromAsync(cursor), [1, 2, 3, 4, 5]);
    await rejects(() => cursor.scroll(9), ProgrammingError);
  },

  async "iterates a named cursor batch by batch"(api, url) {
    await using conn = await api.connect(url);
    await using tx = await conn.begin();
    await using cursor = await conn.cursor({
      name: "far away",
      scrollable: true,
      itersize: 7,
      row_factory: scalar_row,
    });
    await cursor.execute(NUMBERS, [50]);
    equal((await Array.fromAsync(cursor)).length, 50);
    await cursor.scroll(10, "absolute");
    equal(await cursor.fetchone(), 11);
    equal(await tx.fetchval("select count(*)::int4 from pg_cursors where name = 'far away'"), 1);
  },

  async "streams rows, and stops in the middle"(api, url) {
    await using conn = await api.connect(url, { row_factory: scalar_row });
    let sum = 0;
    for await (const n of conn.stream<number>(NUMBERS, [5000], { itersize: 100 })) sum += n;
    equal(sum, 12_502_500);
    for await (const n of conn.stream<number>(NUMBERS, [5000], { itersize: 10 })) {
      if (n === 25) break;
    }
    equal(await conn.fetchval("select 'usable'"), "usable");
  },

  async "runs other statements between the rows in a transaction"(api, url) {
    await using conn = await api.connect(url);
    await conn.transaction(async (tx) => {
      let squares = 0;
      for await (const { n } of tx.stream<{ n: number }>(NUMBERS, [30], { itersize: 4 })) {
        squares += await tx.fetchval<number>("select $1::int4 * $1::int4", [n]) ?? NaN;
      }
      equal(squares, 9455);
    });
  },

  async "refuses another statement during a stream"(api, url) {
    await using conn = await api.connect(url);
    await using stream = conn.stream(NUMBERS, [5000], { itersize: 10 });
    await stream.next();
    await rejects(() => conn.execute("select 1"), InterfaceError, /transaction/);
  },

  async "commits, rolls back and nests transactions"(api, url) {
    await using conn = await api.connect(url, { row_factory: scalar_row });
    await conn.execute("create temp table t (a int4)");
    await conn.transaction((tx) => tx.execute("insert into t values (1)"));
    const failing = conn.transaction(async (tx) => {
      await tx.execute("insert into t values (2)");
      throw new RangeError("no");
    });
    await rejects(() => failing, RangeError);
    {
      await using tx = await conn.begin({ isolation_level: "serializable" });
      await tx.execute("insert into t values (3)"); // and never commits
    }
    await conn.transaction(async (tx) => {
      await tx.execute("insert into t values (4)");
      await rejects(() => tx.point((point) => point.execute("select 1/0")), DataError);
      await tx.point((point) => point.execute("insert into t values (5)"));
    });
    equal(await conn.fetchall("select a from t order by a"), [1, 4, 5]);
  },

  async "commits in two phases, from another connection as well"(api, url) {
    await using conn = await api.connect(url);
    const xid = conn.xid(7, crypto.randomUUID(), "branch");
    await conn.tpc_begin(xid);
    await conn.execute("select 1");
    await conn.tpc_prepare();
    await rejects(() => conn.execute("select 1"), ProgrammingError);
    await conn.tpc_commit();
    await conn.tpc_begin(xid);
    await conn.tpc_prepare();
    await conn.close();
    await using other = await api.connect(url);
    const found = (await other.tpc_recover()).find(({ gtrid }) => gtrid === xid.gtrid);
    await other.tpc_rollback(found);
  },

  async "runs one statement for many sets of parameters, or none"(api, url) {
    await using conn = await api.connect(url);
    await conn.execute("create temp table t (a int4 primary key, b text)");
    const sets = Array.from({ length: 500 }, (_, i) => [i, `row ${i}`]);
    equal((await conn.executemany("insert into t values ($1, $2)", sets)).rowcount, 500);
    const again = () => conn.executemany("insert into t values ($1, $2)", [[900, "x"], [1, "y"]]);
    await rejects(again, IntegrityError);
    equal(await conn.fetchval("select count(*) from t"), 500n);
  },

  async "copies bytes in and out"(api, url) {
    await using conn = await api.connect(url);
    await conn.execute("create temp table t (a int4, b text)");
    const lines = Array.from({ length: 2000 }, (_, i) => `${i}\tline ${i}\n`);
    const into = conn.copy_from("copy t from stdin");
    await new Blob([lines.join("")]).stream().pipeTo(into);
    equal(into.rowcount, 2000);
    let text = "";
    for await (const chunk of conn.copy_to("copy (select * from t order by a) to stdout")) {
      text += new TextDecoder().decode(chunk, { stream: true });
    }
    holds(text === lines.join(""), "the same came back");
  },

  async "says what is wrong with copied data, and goes on"(api, url) {
    await using conn = await api.connect(url);
    await conn.execute("create temp table t (a int4)");
    const failing = async () => {
      const writer = conn.copy_from("copy t from stdin").getWriter();
      writer.closed.catch(() => {});
      await writer.write(utf8.encode("1\nmany\n"));
      await writer.close();
    };
    const error = await rejects(failing, DataError, /many/);
    equal(error.sqlstate, "22P02");
    const reader = conn.copy_to("copy (select generate_series(1, 1000000)) to stdout").getReader();
    await reader.read();
    await reader.cancel();
    equal(await conn.fetchval("select count(*) from t"), 0n);
  },

  async "copies records in and out"(api, url) {
    await using conn = await api.connect(url);
    await conn.execute("create temp table t (a int8, b timestamptz, c jsonb)");
    const records = Array.from(
      { length: 300 },
      (_, i) => ({ a: BigInt(i), b: new Date(i * 1000), c: i % 2 ? { i } : null }),
    );
    equal(await conn.copy_records_from("t", records), 300);
    equal(await Array.fromAsync(conn.copy_records_to("select * from t order by a")), records);
  },

  async "carries large values"(api, url) {
    await using conn = await api.connect(url);
    const bytes = new Uint8Array(3_000_000).map((_, i) => i * 31);
    const back = await conn.fetchval<Uint8Array>("select $1::bytea", [bytes]);
    holds(back?.every((byte, i) => byte === bytes[i]) === true, "the same bytes came back");
  },

  async "ends a statement at its deadline"(api, url) {
    await using conn = await api.connect(url);
    const slow = () => conn.execute("select pg_sleep(60)", [], { timeout: 0.1 });
    await rejects(slow, TimeoutError, /0\.1/);
    equal(await conn.fetchval("select 'usable'"), "usable");
  },

  async "ends a statement when its signal aborts"(api, url) {
    await using conn = await api.connect(url);
    const stop = new AbortController();
    const slow = conn.execute("select pg_sleep(60)", [], { signal: stop.signal });
    stop.abort(new RangeError("enough"));
    await rejects(() => slow, RangeError, /enough/);
    equal(await conn.fetchval("select 'usable'"), "usable");
  },

  async "ends a stream when its signal aborts"(api, url) {
    await using conn = await api.connect(url);
    const stop = new AbortController();
    const reading = async () => {
      for await (const _ of conn.stream(ENDLESS, [], { signal: stop.signal })) {
        stop.abort(new RangeError("enough"));
      }
    };
    await rejects(reading, RangeError, /enough/);
    equal(await conn.fetchval("select 'usable'"), "usable");
  },

  async "cancels what runs"(api, url) {
    await using conn = await api.connect(url);
    const slow = rejects(() => conn.execute("select pg_sleep(60)"), QueryCanceledError);
    await conn.cancel();
    equal((await slow).sqlstate, "57014");
    equal(await conn.fetchval("select 'usable'"), "usable");
  },

  async "hears notifications"(api, url) {
    await using conn = await api.connect(url);
    await conn.listen("news");
    await conn.notify("news", "first");
    const { channel, payload, pid } = await conn.notifies.get({ timeout: 10 });
    equal([channel, payload, pid], [
      "news",
      "first",
      await conn.fetchval("select pg_backend_pid()"),
    ]);
    await rejects(() => conn.notifies.get({ timeout: 0.05 }), TimeoutError);
    await conn.notify("news", "second");
    for await (const notification of conn.notifies) {
      equal(notification.payload, "second");
      break;
    }
    await conn.unlisten();
  },

  async "listens by a pool, also when its connection was lost"(api, url) {
    await using pool = await api.create_pool(url, { minsize: 0 });
    await using listener = await pool.listen("pool news");
    await pool.execute("select pg_notify('pool news', 'from the pool')");
    const { value: first } = await listener[Symbol.asyncIterator]().next();
    equal(first !== undefined && "payload" in first && first.payload, "from the pool");
    await pool.execute(`select pg_terminate_backend(pid) from pg_stat_activity
      where query = 'LISTEN "pool news"' and datname = current_database()`);
    const { value: second } = await listener[Symbol.asyncIterator]().next();
    equal(second !== undefined && "gap" in second && second.channels, ["pool news"]);
    await pool.execute("select pg_notify('pool news', 'once more')");
    const { value: third } = await listener[Symbol.asyncIterator]().next();
    equal(third !== undefined && "payload" in third && third.payload, "once more");
  },

  async "keeps large objects"(api, url) {
    await using conn = await api.connect(url);
    await conn.transaction(async () => {
      const object = await conn.lobject();
      equal(await object.write("twelve bytes"), 12);
      await object.seek(7);
      equal(new TextDecoder().decode(await object.read()), "bytes");
      await object.unlink();
    });
  },

  async "hears notices"(api, url) {
    await using conn = await api.connect(url);
    await conn.execute("do $$ begin raise notice 'by the way'; end $$");
    equal(conn.notices.at(-1)?.message_primary, "by the way");
  },

  async "tells who waits that the session was lost"(api, url) {
    await using killer = await api.connect(url);
    await using victim = await api.connect(url);
    const waiting = rejects(() => victim.execute("select pg_sleep(60)"), OperationalError);
    while (await killer.fetchval(KILL_SLEEPER) !== true);
    equal((await waiting).sqlstate, "57P01");
    await rejects(() => victim.execute("select 1"), OperationalError);
  },

  async "lends connections by a pool"(api, url) {
    await using pool = await api.create_pool(url, { minsize: 2, maxsize: 3 });
    equal([pool.size, pool.freesize], [2, 2]);
    {
      await using conn = await pool.acquire();
      equal([pool.size, pool.freesize], [2, 1]);
      equal(await conn.fetchval("select 1"), 1);
    }
    equal(pool.freesize, 2);
    const busy = Array.from({ length: 12 }, (_, i) => pool.fetchval("select $1::int4", [i]));
    equal(await Promise.all(busy), busy.map((_, i) => i));
    holds(pool.size <= 3, "it stays within maxsize");
  },

  async "makes callers of a pool wait, but not for ever"(api, url) {
    await using pool = await api.create_pool(url, { minsize: 0, maxsize: 1 });
    const held = await pool.acquire();
    await rejects(() => pool.acquire({ timeout: 0.05 }), PoolTimeout, /0\.05/);
    const waiting = pool.acquire();
    await pool.release(held);
    await rejects(() => held.execute("select 1"), InterfaceError, /released/);
    await pool.release(await waiting);
  },

  async "resets what a borrower of a pool left"(api, url) {
    const warnings: unknown[] = [];
    await using pool = await api.create_pool(url, {
      maxsize: 1,
      on_warning: (event) => void warnings.push(event),
    });
    {
      await using conn = await pool.acquire();
      await conn.execute("set timezone to 'Asia/Tokyo'; create temp table t (a int4)");
      await conn.execute("begin");
    }
    await using conn = await pool.acquire();
    equal(await conn.fetchval("select current_setting('timezone') = 'Asia/Tokyo'"), false);
    equal(await conn.fetchval("select to_regclass('pg_temp.t')"), null);
    equal(warnings.length, 1);
  },

  async "ends a pool"(api, url) {
    const pool = await api.create_pool(url);
    await pool.fetchval("select 1");
    pool.close();
    await rejects(() => pool.acquire(), InterfaceError, /closed/);
    await pool.wait_closed();
    equal([pool.closed, pool.size], [true, 0]);
  },

  async "logs in by SCRAM"(api, url) {
    await using admin = await api.connect(url);
    const user = `edgepg_${crypto.randomUUID().replaceAll("-", "")}`;
    await admin.execute(sql`create role ${sql.identifier(user)} login password 'sécret'`);
    try {
      const stored = "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = $1";
      equal(await admin.fetchval(stored, [user]), true);
      await using conn = await api.connect(url, { user, password: () => "sécret" });
      equal(await conn.fetchval("select current_user::text"), user);
    } finally {
      await admin.execute(sql`drop role ${sql.identifier(user)}`);
    }
  },
};

/** What some of them need. */
export const NEEDS: Readonly<Record<string, readonly Need[]>> = {
  "says why it cannot connect": ["login"],
  "goes on to the next of several hosts": ["network"],
  "ends a statement at its deadline": ["cancel"],
  "ends a statement when its signal aborts": ["cancel"],
  "ends a stream when its signal aborts": ["cancel"],
  "cancels what runs": ["cancel"],
  "commits in two phases, from another connection as well": ["prepared transactions"],
  "listens by a pool, also when its connection was lost": ["several sessions", "a session"],
  "tells who waits that the session was lost": ["several sessions"],
  "lends connections by a pool": ["several sessions"],
  "logs in by SCRAM": ["login", "several sessions"],
  "gives errors their SQLSTATE and class": ["a session"],
  "prepares statements anew when the table has changed": ["a session"],
  "commits, rolls back and nests transactions": ["a session"],
  "runs one statement for many sets of parameters, or none": ["a session"],
  "copies bytes in and out": ["a session"],
  "says what is wrong with copied data, and goes on": ["a session"],
  "copies records in and out": ["a session"],
  "hears notifications": ["a session"],
  "resets what a borrower of a pool left": ["a session"],
};

/** A type, and a value of it that is read as it was written. */
const VALUES: readonly (readonly [type: string, value: unknown])[] = [
  ["bool", true],
  ["int2", -32768],
  ["int4", 2147483647],
  ["int8", -9223372036854775808n],
  ["float4", 0.1],
  ["float8", -0],
  ["numeric", "12345678901234567890.0100"],
  ["text", "naïve ☃ 🐘"],
  ["bytea", Uint8Array.of(0, 1, 255)],
  ["uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
  ["json", { a: [1, null, "x"] }],
  ["jsonb", [{ b: 1.5 }]],
  ["timestamptz", new Date("2024-02-29T12:34:56.789Z")],
  ["timestamp", new Date("1969-12-31T23:59:59.999Z")],
  ["date", "0044-03-15 BC"],
  ["time", "24:00:00"],
  ["interval", new Interval({ months: 14, days: -3, microseconds: 1n })],
  ["int4[]", [[1, null], [3, 4]]],
  ["text[]", ["a,b", 'c"d', "", "NULL", null]],
  ["int4range", Range(1, 5)],
  ["inet", "10.0.0.0/8"],
  ["point", { x: 1.5, y: -2 }],
  ["int4", null],
];
