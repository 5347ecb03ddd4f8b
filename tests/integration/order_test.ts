/** In which order statements run that must be parsed anew, wait for types, or for a connection that is closed. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect } from "../../mod.ts";
import {
  type Connection,
  InterfaceError,
  NotSupportedError,
  TimeoutError,
} from "../../src/entries/core.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { is_direct } from "../support/through.ts";
import { describe_where } from "../support/where.ts";

let database: Database;
let admin: Connection;

describe("the order of statements", () => {
  beforeAll(async () => {
    database = await fresh_database();
    admin = await connect(database.url);
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  describe_where(is_direct, "a statement whose table was altered elsewhere", () => {
    const INSERT = "insert into noted (what) values ($1) returning *";

    async function with_known_insert(use: (conn: Connection) => Promise<void>): Promise<void> {
      await admin.execute("create table noted (id int generated always as identity, what text)");
      await using conn = await connect(database.url);
      await conn.execute(INSERT, ["known"]);
      await admin.execute("alter table noted add added int");
      try {
        await use(conn);
      } finally {
        await admin.execute("drop table noted");
      }
    }

    const noted = () => admin.fetchall("select what from noted order by id", [], {});

    it("runs once more, before what was submitted while it ran", () =>
      with_known_insert(async (conn) => {
        const first = conn.execute(INSERT, ["first"]);
        first.catch(() => {});
        await first;
        await conn.execute(INSERT, ["second"]);
        assertEquals(await noted(), [{ what: "known" }, { what: "first" }, { what: "second" }]);
      }));

    it("is refused rather than run after what was sent behind it", () =>
      with_known_insert(async (conn) => {
        const refused = assertRejects(
          () => conn.execute(INSERT, ["first"]),
          NotSupportedError,
          "run it again: others were sent behind it",
        );
        const tx = await conn.begin();
        await refused;
        await tx.rollback();
        assertEquals(await noted(), [{ what: "known" }]);
        await conn.execute(INSERT, ["again"]);
        assertEquals(await noted(), [{ what: "known" }, { what: "again" }]);
      }));
  });

  describe_where(is_direct, "types that are looked up", () => {
    const TYPES = ["mood", "colour", "size", "shape"];

    beforeAll(async () => {
      for (const name of TYPES) await admin.execute(`create type ${name} as enum ('x')`);
    });

    it("are found though the session has forgotten its statements", async () => {
      await using conn = await connect(database.url, { timeout: 5 });
      await conn.fetchval("select 'x'::mood");
      await conn.execute("do $$ begin execute 'deallocate all'; end $$");
      assertEquals(await conn.fetchval("select $1::colour[]", [["x"]]), ["x"]);
    });

    it("are found for a statement behind which a transaction begins", async () => {
      await using conn = await connect(database.url, { timeout: 5 });
      await conn.fetchval("select 'x'::mood");
      await conn.execute("do $$ begin execute 'deallocate all'; end $$");
      const found = conn.fetchval("select 'x'::size").catch((error) => error.sqlstate);
      await conn.execute("begin");
      assertEquals(await found, "26000"); // nothing may run again there; but it is told
      await conn.execute("rollback");
      assertEquals(await conn.fetchval("select 'x'::size"), "x");
    });

    it("keep nobody waiting for longer than his deadline", async () => {
      await using blocker = await connect(database.url);
      await using conn = await connect(database.url);
      await blocker.execute("begin");
      await blocker.execute("lock pg_range in access exclusive mode");
      const refused = assertRejects(
        () => conn.fetchval("select 'x'::shape", [], { timeout: 0.2 }),
        TimeoutError,
      );
      const stopped = new AbortController();
      const aborted = assertRejects(
        () => conn.fetchval("select 'x'::shape as b", [], { signal: stopped.signal }),
        Error,
        "enough",
      );
      await refused;
      stopped.abort(new Error("enough"));
      await aborted;
      await blocker.execute("rollback");
      assertEquals(await conn.fetchval("select 'x'::shape"), "x");
    });
  });

  describe_where(is_direct, "statements that a session was told to forget", () => {
    for (const forget of ["deallocate all", "discard all"]) {
      it(`are parsed anew after ${forget}, also when sent at once`, async () => {
        await using conn = await connect(database.url);
        const one = () => conn.fetchval("select $1::int + 1", [1]);
        await one();
        await conn.execute(forget);
        assertEquals(await Promise.all([one(), one(), one()]), [2, 2, 2]);
      });
    }
  });

  describe_where(is_direct, "Connection.close()", () => {
    for (const pooler of ["session", "transaction"] as const) {
      it(`sends nothing of what waited (pooler: ${pooler})`, async () => {
        await admin.execute("create table left_alone (n int)");
        const conn = await connect(database.url, { pooler });
        const calls = [
          conn.execute("select pg_sleep(60) /* copy */"), // behind which nothing is sent
          conn.execute("insert into left_alone values (1)"),
        ].map((call) => call.catch((error) => error));
        await admin.fetchval("select pg_sleep(0.1)");
        await conn.close();
        for (const error of await Promise.all(calls)) assertInstanceOf(error, InterfaceError);
        assertEquals(await admin.fetchval("select count(*)::int4 from left_alone"), 0);
        await admin.execute("drop table left_alone");
      });
    }
  });

  describe("a transaction that is ended by SQL, while another begins", () => {
    for (const end of ["commit and chain", "rollback and chain", "commit; begin"]) {
      it(`is over: ${end}`, async () => {
        await using conn = await connect(database.url);
        const tx = await conn.begin();
        const object = await tx.lobject(0, "rw");
        await tx.execute(end);
        await assertRejects(() => object.write("lost"), Error, "has ended");
        assertEquals(tx.is_begin, false);
        await assertRejects(() => tx.commit(), Error, "was ended by a statement");
        assert(conn.get_transaction_status() !== 0);
        await conn.execute("rollback");
      });
    }
  });
});
