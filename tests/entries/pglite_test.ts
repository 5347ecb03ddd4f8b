/** The API over a real PGlite: the checks that all runtimes share, and what is different there. */

import { PGlite } from "@electric-sql/pglite";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Api, bind_adapter } from "../../src/entries/core.ts";
import * as entry from "../../src/entries/pglite.ts";
import {
  type ConnectOptions,
  DataError,
  InterfaceError,
  NotSupportedError,
  OperationalError,
  PoolTimeout,
  ProgrammingError,
  scalar_row,
} from "../../src/entries/pglite.ts";
import { CHECKS, type Need, NEEDS } from "../runtimes/checks.ts";
import { concat, cstring, i16, i32, message } from "../support/messages.ts";

/** As an application has it; nothing of it means anything here. */
const DSN = "postgres://app:secret@db.example/app?sslmode=verify-full";
/** What one session, which nothing interrupts, cannot do. */
const LACKS: readonly Need[] = [
  "network",
  "prepared transactions",
  "several sessions",
  "cancel",
  "login",
];

const utf8 = new TextEncoder();

describe("edgepg over PGlite", () => {
  let pglite: PGlite; // started once: that takes seconds
  let loadDataDir: Blob; // of a new database, which is loaded sooner than it is made

  beforeAll(async () => {
    pglite = await PGlite.create();
    loadDataDir = await pglite.dumpDataDir("none");
  });
  afterAll(async () => {
    await pglite.close();
  });

  const connect = (options: ConnectOptions = {}) => entry.connect(DSN, { ...options, pglite });
  const api: Api = {
    connect: (dsn, options) => entry.connect(dsn, { ...options, pglite }),
    create_pool: (dsn, options) => entry.create_pool(dsn, { ...options, pglite }),
  };

  describe("does what every runtime does:", () => {
    for (const [name, check] of Object.entries(CHECKS)) {
      if (NEEDS[name]?.some((need) => LACKS.includes(need))) continue;
      it(name, () => check(api, DSN));
    }
  });

  describe("a pool", () => {
    it("has one connection whatever its size was to be, and callers take turns", async () => {
      await using pool = await entry.create_pool(DSN, { minsize: 3, maxsize: 10, pglite });
      assertEquals([pool.minsize, pool.maxsize, pool.size], [1, 1, 1]);
      const add = async (n: number) => {
        await using conn = await pool.acquire();
        return await conn.transaction((tx) => tx.fetchval<number>("select $1::int4 + 1", [n]));
      };
      assertEquals(await Promise.all([1, 2, 3, 4].map(add)), [2, 3, 4, 5]);
    });

    it("says why no second connection comes", async () => {
      await using pool = await entry.create_pool(DSN, { pglite });
      await using _held = await pool.acquire();
      const error = await assertRejects(() => pool.acquire({ timeout: 0.01 }), PoolTimeout);
      assertStringIncludes(error.message, "HINT: this database has one session");
    });

    it("refuses a listener, which needs a session of its own", async () => {
      await using pool = await entry.create_pool(DSN, { pglite });
      const error = await assertRejects(() => pool.listen("news"), NotSupportedError);
      assertStringIncludes(error.message, "HINT: use listen() of a connection");
    });

    it("keeps its database in memory through new sessions, and closes it at its end", async () => {
      const pool = await entry.create_pool({ pglite: { loadDataDir } });
      await pool.execute("create table t as select 42 as a");
      await pool.clear();
      assertEquals(pool.size, 0);
      assertEquals(await pool.fetchval("select a from t"), 42);
      await pool.clear();
      await pool[Symbol.asyncDispose](); // with no connection
      assertEquals((await pglite.query("select to_regclass('t') as t")).rows, [{ t: null }]);
    });

    it("begins with the settings that it was given, and goes back to them", async () => {
      await using pool = await entry.create_pool(DSN, {
        pglite,
        application_name: "it's",
        server_settings: { search_path: "app, public" },
        options: "-c work_mem=5MB --lock-timeout=3s -c app.greeting=a\\ b\\\\",
      });
      const names = "application_name search_path work_mem lock_timeout app.greeting".split(" ");
      const settings = async () => {
        const query = "select current_setting(n) from unnest($1::text[]) n";
        return await pool.fetchall(query, [names], { row_factory: scalar_row });
      };
      const given = ["it's", "app, public", "5MB", "3s", "a b\\"];
      assertEquals(await settings(), given);
      {
        await using conn = await pool.acquire();
        await conn.execute("set work_mem = '7MB'; set search_path = public; set lock_timeout = 0");
      }
      assertEquals(await settings(), given);
      await using conn = await pool.acquire();
      await conn.execute("set application_name = 'other'");
      await conn.reset();
      assertEquals(await conn.fetchval("show application_name"), "it's");
    });
  });

  describe("a connection", () => {
    it("has a database of its own where none is given", async () => {
      await using conn = await entry.connect({ pglite: { loadDataDir } });
      await conn.execute("create table t as select 1 as a");
      assertEquals((await pglite.query("select to_regclass('t') as t")).rows, [{ t: null }]);
    });

    it("is refused while another has the session, and let in when that is closed", async () => {
      const conn = await connect();
      const error = await assertRejects(() => connect(), OperationalError, "has one session");
      assertEquals(error.sqlstate, "53300");
      assertEquals(await conn.fetchval("select 1"), 1);
      const closed = conn.close();
      await using next = await connect(); // waits
      await closed;
      assertEquals(await next.fetchval("select 2"), 2);
    });

    it("leaves the database as it was to its owner, with what was committed", async () => {
      const conn = await connect();
      await conn.execute("create table kept (a int4); insert into kept values (1)");
      await conn.execute("set timezone = 'Asia/Tokyo'; create temp table gone (a int4)");
      await conn.fetchval("select $1::int4", [1]); // prepared
      await conn.execute("begin; insert into kept values (2)");
      await conn.close();
      const { rows } = await pglite.query<Record<string, unknown>>(
        `select (select count(*)::int4 from kept) as kept, to_regclass('gone') as gone,
          current_setting('timezone') = 'Asia/Tokyo' as set,
          (select count(*)::int4 from pg_prepared_statements) as prepared`,
      );
      assertEquals(rows, [{ kept: 1, gone: null, set: false, prepared: 0 }]);
      await pglite.exec("drop table kept");
    });

    it("shares the database with its owner between statements", async () => {
      await using conn = await connect();
      for (let i = 0; i < 3; i++) {
        assertEquals(await conn.fetchval("select $1::int4", [i]), i);
        assertEquals((await pglite.query("select $1::int4 as n", [i])).rows, [{ n: i }]);
      }
      const both = await Promise.all([conn.fetchval("select 1"), pglite.query("select 2 as n")]);
      assertEquals([both[0], both[1].rows], [1, [{ n: 2 }]]);
    });

    it("says what is wrong with a setting", async () => {
      const error = await assertRejects(
        () => connect({ server_settings: { work_mem: "much" } }),
        OperationalError,
        'invalid value for parameter "work_mem"',
      );
      assertEquals(error.sqlstate, "22023");
      await (await connect()).close();
    });

    it("takes a cancel, which has no effect, and a deadline that nothing can stop", async () => {
      await using conn = await connect();
      const [done] = await Promise.all([conn.fetchval("select 'done'"), conn.cancel()]);
      assertEquals(done, "done");
      await conn.cancel();
      const stop = AbortSignal.abort(new RangeError("enough"));
      await assertRejects(() => conn.execute("select 1", [], { signal: stop }), RangeError);
      const late = conn.execute("select pg_sleep(0.05)", [], { timeout: 0.001 });
      await late.catch((error) => assert(error instanceof entry.TimeoutError));
      assertEquals(await conn.fetchval("select 'usable'"), "usable");
    });

    it("lets the rest of the process have its turns", async () => {
      await using conn = await connect();
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      for (let i = 0; turns === 0 && i < 10_000; i++) await conn.fetchval("select $1::int4", [i]);
      clearInterval(timer);
      assert(turns > 0);
    });
  });

  it("keeps its data in a directory", async () => {
    const directory = mkdtempSync(join(tmpdir(), "edgepg-pglite-"));
    const dataDir = join(directory, "data"); // must not exist for PGlite to fill it
    try {
      const conn = await entry.connect({ pglite: { dataDir, loadDataDir } });
      await conn.execute("create table t as select 42 as a");
      await conn.close();
      await using again = await entry.connect({ pglite: dataDir });
      assertEquals(await again.fetchval("select a from t"), 42);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  describe("COPY", () => {
    it("takes text, CSV and binary, in a transaction or not", async () => {
      await using conn = await connect();
      await conn.execute("create temp table t (a int4, b text)");
      const copy = async (statement: string, ...chunks: Uint8Array[]) => {
        const target = conn.copy_from(statement);
        await ReadableStream.from(chunks).pipeTo(target);
        return target.rowcount;
      };
      assertEquals(
        await copy("copy t from stdin", utf8.encode("1\tx\n2"), utf8.encode("\ty\n")),
        2,
      );
      assertEquals(await copy("copy t (b, a) from stdin csv", utf8.encode('"z,z",3\n')), 1);
      const binary: Uint8Array[] = [];
      for await (const part of conn.copy_to("copy t to stdout binary")) binary.push(part);
      await using tx = await conn.begin();
      assertEquals(await copy("copy t from stdin (format binary)", ...binary), 3);
      assertEquals(await copy("copy t from stdin"), 0);
      await tx.commit();
      const sum =
        "select count(*)::int4 as n, sum(a)::int4, string_agg(b, ' ' order by a, b) from t";
      assertEquals(await conn.fetchone(sum), { n: 6, sum: 12, string_agg: "x x y y z,z z,z" });
    });

    it("takes records that turn to text in the middle, or none at all", async () => {
      await using conn = await connect();
      await conn.execute("create temp table t (a int4, b numeric)");
      async function* records() {
        for (let i = 0; i < 5000; i++) yield await Promise.resolve([i, i === 4000 ? "1e3" : "1.5"]);
      }
      assertEquals(await conn.copy_records_from("t", records()), 5000);
      assertEquals(await conn.copy_records_from("t", []), 0);
      assertEquals(await conn.fetchval("select sum(b) from t"), "8498.5");
    });

    it("keeps nothing of what is given up, or wrong", async () => {
      await using conn = await connect();
      await conn.execute("create temp table t (a int4 primary key)");
      const writer = conn.copy_from("copy t from stdin").getWriter();
      writer.closed.catch(() => {});
      await writer.write(utf8.encode("1\n"));
      await writer.abort(new Error("enough"));
      const wrong = async (statement: string, text: string) => {
        await ReadableStream.from([utf8.encode(text)]).pipeTo(conn.copy_from(statement));
      };
      await assertRejects(() => wrong("copy t from stdin", "1\nx\n"), DataError, '"x"');
      await assertRejects(() => wrong("copy t from stdin", "1\n1\n"), entry.IntegrityError);
      await assertRejects(() => wrong("copy nothing from stdin", "1\n"), ProgrammingError);
      await assertRejects(() => wrong("copy t from stdin (nonsense)", "1\n"), ProgrammingError);
      await assertRejects(() => wrong("select 1", "1\n"), ProgrammingError);
      assertEquals(await conn.fetchval("select count(*) from t"), 0n);
      await using tx = await conn.begin();
      await assertRejects(() => wrong("copy t from stdin", "x\n"), DataError);
      assertEquals(conn.get_transaction_status(), entry.TransactionStatus.inerror);
      await tx.rollback();
    });

    it("does no harm where no data can come", async () => {
      await using conn = await connect();
      await conn.execute("create temp table t (a int4)");
      await assertRejects(() => conn.execute("copy t from stdin"), ProgrammingError);
      await assertRejects(() => conn.execute("copy t from stdin; select 1"), ProgrammingError);
      await conn.execute("set standard_conforming_strings = off");
      // Read by other rules than the session's, the COPY is in a comment.
      await assertRejects(() => conn.execute("select '\\' --'; copy t from stdin"), entry.PgError);
      assertEquals(await conn.fetchval("select 'alive'"), "alive");
    });

    it("works in the extended protocol", async () => {
      const socket = await entry.pglite_adapter(pglite).dial({ hostname: "", port: 1 });
      const writer = socket.writable.getWriter();
      const answers = tags_of(socket.readable);
      const body = concat(i32(0x30000), cstring("user"), cstring("me"), "\0");
      await writer.write(concat(i32(4 + body.length), body));
      await answers.until("Z");
      const extended = (sql: string) =>
        concat(
          message("P", "\0", cstring(sql), i16(0)),
          message("B", "\0\0", i16(0), i16(0), i16(0)),
          message("E", "\0", i32(0)),
          message("S"),
        );
      const sync = message("S");
      const ask = async (sent: Uint8Array, last: string) => {
        await writer.write(sent);
        return await answers.until(last);
      };
      assertEquals(await ask(extended("create temp table t (a int4)"), "Z"), "12CZ");
      assertEquals(await ask(extended("copy t from stdin"), "G"), "12G");
      assertEquals(await ask(concat(message("d", "1\n"), message("c"), sync), "Z"), "CZ");
      assertEquals(await ask(extended("copy t from stdin"), "G"), "12G");
      assertEquals(await ask(concat(message("f", cstring("no")), sync), "Z"), "EZ");
      assertEquals(await ask(extended("copy nothing from stdin"), "G"), "12G");
      assertEquals(await ask(concat(message("d", "1\n"), message("c"), sync), "Z"), "EZ");
      assertEquals(await ask(extended("copy from stdin"), "Z"), "EZ"); // a syntax error
      assertEquals(await ask(extended("copy t to stdout"), "Z"), "12HdcCZ");
      assertEquals(await ask(extended("select 'copy'"), "Z"), "12DCZ");
      await writer.write(message("X"));
      assertEquals(await answers.until("never"), "");
    });
  });

  it("serves an adapter of one's own", async () => {
    const adapter = entry.pglite_adapter({ loadDataDir });
    const { connect } = bind_adapter(adapter);
    {
      await using conn = await connect();
      await conn.execute("create table t as select 42 as a");
    }
    await using conn = await connect();
    assertEquals(await conn.fetchval("select a from t"), 42);
    await conn.close();
    await adapter.close();
  });

  it("lets the session go when a pool does not come to be", async () => {
    const on_connect = () => {
      throw new RangeError("enough");
    };
    await assertRejects(() => entry.create_pool(DSN, { pglite, on_connect }), RangeError, "enough");
    await (await connect()).close();
  });

  it("refuses what is no source of a database", async () => {
    for (const wrong of [7, true]) {
      const options = { pglite: wrong } as unknown as entry.PgliteOptions;
      await assertRejects(() => entry.connect(DSN, options), InterfaceError, "pglite must be");
    }
    await assertRejects(() => entry.create_pool({ nonsense: 1 } as object), InterfaceError);
  });

  it("says that its database is closed", async () => {
    const closed = await PGlite.create({ loadDataDir });
    const conn = await entry.connect({ pglite: closed });
    await closed.close();
    await assertRejects(() => conn.execute("select 1"), OperationalError, "was closed");
    const again = () => entry.connect({ pglite: closed });
    await assertRejects(again, OperationalError, "the PGlite instance is closed");
  });
});

/** The tags of what comes, up to and with a certain one, or to the end. Settings and remarks are left out. */
function tags_of(readable: ReadableStream<Uint8Array>): { until(tag: string): Promise<string> } {
  const reader = readable.getReader();
  let bytes: Uint8Array = new Uint8Array(0);
  return {
    async until(last) {
      for (let found = "";;) {
        while (bytes.length >= 5) {
          const tag = String.fromCharCode(bytes[0]!);
          bytes = bytes.subarray(1 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(1));
          if (!"SNKR".includes(tag)) found += tag;
          if (tag === last) return found;
        }
        const { done, value } = await reader.read();
        if (done) return found;
        bytes = concat(bytes, value);
      }
    },
  };
}
