/** What the library asks the server by itself means the same under any search_path (CVE-2018-1058). */

import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { connect, create_pool, type Pool, sql } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { is_direct } from "../support/through.ts";
import { describe_where } from "../support/where.ts";

/** Functions and types of the catalogue that the library uses, as an attacker would have them. */
const FUNCTIONS = [
  "pg_advisory_unlock_all()",
  "pg_is_in_recovery()",
  "current_setting(text)",
  "pg_notify(text, text)",
  "lo_open(oid, int)",
  "lo_create(oid)",
  "lowrite(int, bytea)",
  "loread(int, int)",
  "lo_lseek64(int, bigint, int)",
  "lo_tell64(int)",
  "lo_close(int)",
  "lo_unlink(oid)",
  "format(text, variadic text[])",
  "format(text, text)",
];

const TRAPS = `
  create schema evil;
  create table evil.sprung (what text);
  create domain evil.text as pg_catalog.text check (false);
  create domain evil.oid as pg_catalog.oid check (false);
  create table evil.pg_type as select * from pg_catalog.pg_type limit 0;
  create table evil.pg_attribute as select attrelid, attname, attnum from pg_catalog.pg_attribute limit 0;
  create table evil.pg_namespace as select * from pg_catalog.pg_namespace limit 0;
  create table evil.pg_prepared_xacts as select * from pg_catalog.pg_prepared_xacts limit 0;
  create function evil.never(oid, oid) returns bool language plpgsql as $$
    begin insert into evil.sprung values ('='); return false; end $$;
  create operator evil.= (function = evil.never, leftarg = oid, rightarg = oid);
  ${
  FUNCTIONS.map((signature) => `
    create function evil.${signature} returns bigint language plpgsql as $$
      begin insert into evil.sprung values ('${signature}'); return 0; end $$;`).join("")
}
  create type public.mood as enum ('sad', 'happy');
  create type public.place as (name pg_catalog.text, mood public.mood)`;

describe_where(is_direct, "under a hostile search_path", () => {
  let database: Database;

  beforeAll(async () => {
    database = await fresh_database();
    await using admin = await connect(database.url);
    await admin.execute(TRAPS);
  });

  afterAll(async () => {
    await using admin = await connect(database.url);
    const sprung = await admin.fetchall("select distinct what from evil.sprung");
    await database.drop();
    assertEquals(sprung, []);
  });

  function open(): Promise<Pool> {
    const server_settings = { search_path: "evil, pg_catalog, public" };
    return create_pool(database.url, { server_settings, maxsize: 1 });
  }

  it("the traps are where a query without schemas falls into them", async () => {
    await using pool = await open();
    assertEquals(await pool.fetchval("select count(*)::int from pg_type"), 0);
    assertEquals(await pool.fetchval("select 1::pg_catalog.oid = 1::pg_catalog.oid"), false);
    await pool.execute("delete from evil.sprung");
  });

  it("users' types are looked up in the catalogue", async () => {
    await using pool = await open();
    const row = await pool.fetchone(
      `select row('home', 'happy')::public.place as place, array['sad']::public.mood[] as moods`,
    );
    assertEquals(row, { place: { name: "home", mood: "happy" }, moods: ["sad"] });
  });

  it("a lease is reset by the server's own functions", async () => {
    await using pool = await open();
    {
      await using lease = await pool.acquire();
      await lease.execute("select pg_catalog.pg_advisory_lock(7)");
    }
    const locks = "select count(*)::int from pg_catalog.pg_locks where locktype = 'advisory'";
    assertEquals(await pool.fetchval(locks), 0);
    await using lease = await pool.acquire();
    await lease.reset();
  });

  it("large objects, notifications and quoting are the server's own", async () => {
    await using pool = await open();
    await using conn = await pool.acquire();
    await conn.listen("news");
    await conn.notify("news", "it works");
    assertEquals((await conn.notifies.get()).payload, "it works");
    await conn.transaction(async () => {
      const large = await conn.lobject();
      assertEquals(await large.write("bytes"), 5);
      assertEquals(await large.seek(0), 0);
      assertEquals((await large.read()).length, 5);
      await large.unlink();
    });
    await using cursor = await conn.cursor();
    assertEquals(
      await cursor.mogrify("select $1, $2::int[]", ["it's", [1, 2]]),
      "select 'it''s', '{1,2}'::int[]",
    );
    assertEquals(await cursor.mogrify("select $1", ["it's"]), "select 'it''s'");
  });

  it("prepared transactions are those of the catalogue", async () => {
    await using pool = await open();
    await using conn = await pool.acquire();
    const xid = conn.xid(1, crypto.randomUUID(), "branch");
    await conn.tpc_begin(xid);
    await conn.execute(sql`select 1`).catch(() => {});
    await conn.tpc_rollback();
    await conn.tpc_begin(xid);
    await conn.tpc_prepare();
    const found = await conn.tpc_recover();
    assert(found.some(({ gtrid }) => gtrid === xid.gtrid));
    await conn.tpc_rollback();
  });
});
