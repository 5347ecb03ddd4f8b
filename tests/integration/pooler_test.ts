/**
 * Through poolers: a strict one of our own everywhere, and PgBouncer where the machine has it
 * (`pgbouncer` on the PATH, and the program that PGBOUNCER names).
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  type ConnectOptions,
  create_pool,
  DataError,
  IntegrityError,
  type PoolOptions,
  ProgrammingError,
  sql,
  TimeoutError,
} from "../../mod.ts";
import { type Cluster, start_cluster } from "../support/cluster.ts";
import { FakePooler } from "../support/fake_pooler.ts";
import { ALL_WAYS, describe_way, pairings, PgBouncer } from "../support/pgbouncer.ts";

const SETUP = `
  create type mood as enum ('sad', 'happy');
  create type place as (name text, mood mood);
  create table city (id int primary key, name text, home place);
  create table changing (a int);
  insert into changing values (1)`;
const SERVER_CONNECTIONS = 3;
const PID = "select pg_backend_pid()";
const utf8 = new TextEncoder();

let cluster: Cluster;

/** What stands between, and how it is spoken to. */
interface Way {
  readonly port: () => number;
  readonly options: ConnectOptions;
  /** For pools alone. */
  readonly pool_options?: PoolOptions;
}

/** What holds through every pooler. */
function behave({ port, options, pool_options = {} }: Way): void {
  const where = () => ({
    host: "127.0.0.1",
    port: port(),
    user: "postgres",
    dbname: "postgres",
    ...options,
  });
  let conn: Connection;

  beforeEach(async () => {
    conn = await connect(where());
  });

  afterEach(async () => {
    await conn.execute("delete from city").catch(() => {});
    await conn.close();
  });

  it("statements run, one by one and at once, with parameters of every kind", async () => {
    for (let i = 0; i < 10; i++) assertEquals(await conn.fetchval("select $1::int", [i]), i);
    const many = Array.from({ length: 50 }, (_, i) => i);
    const answers = many.map((i) => conn.fetchval(`select $1::int + ${i % 5}`, [i]));
    assertEquals(await Promise.all(answers), many.map((i) => i + i % 5));
    const place = { name: "home", mood: "happy" };
    const row = await conn.fetchone(
      sql`select ${[1, 2]}::int[] as numbers, ${place}::place as place, ${"x"} as text`,
    );
    assertEquals(row, { numbers: [1, 2], place, text: "x" });
    assertEquals((await conn.execute("select 1 as a; select 2 as b")).rows, [{ b: 2 }]);
  });

  it("errors concern their own statement", async () => {
    for (let i = 0; i < 3; i++) {
      const outcomes = await Promise.allSettled([
        conn.fetchval("select 1"),
        conn.fetchval("select 1 / $1::int", [0]),
        conn.fetchval("select nothing"),
        conn.fetchval("select $1::int", ["x"]),
        conn.fetchval("select 2"),
      ]);
      const classes = outcomes.map((outcome) =>
        outcome.status === "fulfilled" ? outcome.value : outcome.reason.constructor
      );
      assertEquals(classes, [1, DataError, ProgrammingError, DataError, 2]);
    }
  });

  it("a transaction is on one server connection, and ends as a whole", async () => {
    await conn.transaction(async (tx) => {
      const pid = await tx.fetchval(PID);
      for (let i = 0; i < 5; i++) {
        await tx.execute("insert into city (id) values ($1)", [i]);
        assertEquals(await tx.fetchval(PID), pid);
      }
      await assertRejects(async () =>
        await tx.begin_nested(async (inner) => {
          await inner.execute("insert into city (id) values (0)");
        }), IntegrityError);
    });
    const failing = conn.transaction(async (tx) => {
      await tx.execute("insert into city (id) values (10)");
      throw new Error("never mind");
    });
    await assertRejects(() => failing, Error, "never mind");
    assertEquals(await conn.fetchval("select array_agg(id order by id) from city"), [
      0,
      1,
      2,
      3,
      4,
    ]);
  });

  it("streams run in transactions and outside, to their end or not", async () => {
    const query = "select g from generate_series(1, 5000) g";
    let rows = 0;
    for await (const { g } of conn.stream<{ g: number }>(query, [], { itersize: 700 })) {
      assertEquals(g, ++rows);
    }
    assertEquals(rows, 5000);
    for await (const _ of conn.stream(query, [], { itersize: 10 })) break;
    await conn.transaction(async (tx) => {
      for await (const { g } of tx.stream<{ g: number }>(query, [], { itersize: 10 })) {
        assertEquals(await tx.fetchval("select $1::int", [g]), g);
        if (g === 25) break;
      }
      await using cursor = await conn.cursor({ name: "cities" });
      await cursor.execute("select 1 as one");
      assertEquals(await cursor.fetchall(), [{ one: 1 }]);
    });
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("executemany and COPY take many rows, or none", async () => {
    const rows = Array.from({ length: 500 }, (_, id) => [id, `city ${id}`]);
    await conn.executemany("insert into city (id, name) values ($1, $2)", rows);
    assertEquals(await conn.fetchval("select count(*)::int from city"), 500);
    const again = () => conn.executemany("insert into city (id) values ($1)", [[900], [1], [901]]);
    await assertRejects(again, IntegrityError);
    assertEquals(await conn.fetchval("select max(id) from city"), 499);
    const more = Array.from({ length: 500 }, (_, id) => [1000 + id, "copied"]);
    assertEquals(await conn.copy_records_from("city", more, { columns: ["id", "name"] }), 500);
    let read = 0;
    for await (const _ of conn.copy_records_to("select id from city")) read++;
    assertEquals(read, 1000);
  });

  it("a COPY that fails amid its data leaves the rest of it to nobody", async () => {
    await using other = await connect(where());
    const rest = utf8.encode("5\n".repeat(30_000));
    for (let i = 0; i < 5; i++) {
      const writer = conn.copy_from("copy city (id) from stdin").getWriter();
      writer.closed.catch(() => {});
      const copied = assertRejects(async () => {
        await writer.write(utf8.encode("not a number\n"));
        for (;;) await writer.write(rest);
      }, DataError);
      const answers = Array.from({ length: 10 }, (_, n) => other.fetchval("select $1::int", [n]));
      assertEquals((await Promise.all(answers)).length, 10);
      await copied;
      assertEquals(await conn.fetchval("select $1::int", [i]), i);
      assertEquals(await other.fetchval("select count(*)::int from city"), 0);
    }
  });

  it("a cancel hits its statement, and nobody else's", async () => {
    await using other = await connect(where());
    for (let i = 0; i < 5; i++) {
      const slow = conn.execute("select pg_sleep(60)", [], { timeout: 0.02 });
      await assertRejects(() => slow, TimeoutError);
      const answers = Array.from({ length: 10 }, (_, n) => other.fetchval("select $1::int", [n]));
      assertEquals((await Promise.all(answers)).length, 10);
      assertEquals(await conn.fetchval("select $1::int", [i]), i);
    }
  });

  it("a statement is prepared anew when its table has changed", async () => {
    await using other = await connect(where());
    for (const column of ["b", "c"]) {
      const query = "select * from changing";
      const [before] = await Promise.all([conn.fetchone(query), other.fetchone(query)]);
      assertEquals(before![column], undefined);
      await other.execute(`alter table changing add column ${column} int default 7`);
      for (const each of [conn, other, conn]) {
        assertEquals((await each.fetchone(query))![column], 7);
      }
    }
    await other.execute("alter table changing drop column b, drop column c");
  });

  it("a pool serves more clients than there are server connections", async () => {
    await using pool = await create_pool({ ...where(), ...pool_options, minsize: 0, maxsize: 20 });
    const tasks = Array.from({ length: 40 }, async (_, task) => {
      for (let i = 0; i < 10; i++) {
        assertEquals(await pool.fetchval("select $1::text", [`${task} ${i}`]), `${task} ${i}`);
      }
      await using lease = await pool.acquire();
      await lease.transaction(async (tx) => {
        const pid = await tx.fetchval(PID);
        await tx.execute("insert into city (id) values ($1)", [task]);
        assertEquals(await tx.fetchval(PID), pid);
      });
    });
    await Promise.all(tasks);
    assertEquals(await pool.fetchval("select count(*)::int from city"), 40);
  });
}

/** What takes a server connection of one's own. */
function keep_a_session({ port, options }: Way): void {
  it("a lease keeps its server connection, and leaves nothing behind", async () => {
    const where = { host: "127.0.0.1", port: port(), user: "postgres", dbname: "postgres" };
    await using pool = await create_pool({ ...where, ...options, maxsize: 1 });
    {
      await using lease = await pool.acquire();
      const pid = await lease.fetchval(PID);
      await lease.execute("set work_mem = '3MB'");
      await lease.listen("news");
      await lease.notify("news", "it works");
      assertEquals((await lease.notifies.get()).payload, "it works");
      assertEquals(await lease.fetchval("show work_mem"), "3MB");
      assertEquals(await lease.fetchval(PID), pid);
    }
    await using lease = await pool.acquire();
    assert(await lease.fetchval("show work_mem") !== "3MB");
    assertEquals(await lease.fetchall("select pg_listening_channels()"), []);
  });
}

/** Without named statements, and without the descriptions of unnamed ones. */
const SIZES = [0, 100];

describe("through a pooler", () => {
  beforeAll(async () => {
    cluster = await start_cluster();
    await using conn = await connect(cluster.url);
    await conn.execute(SETUP);
  });

  afterAll(async () => {
    await cluster.stop();
  });

  describe("that is strict,", () => {
    let pooler: FakePooler;

    beforeAll(async () => {
      const server = { ...cluster, host: cluster.host, user: "postgres", database: "postgres" };
      pooler = await FakePooler.start(server, SERVER_CONNECTIONS);
    });

    afterAll(async () => {
      const { complaints } = pooler;
      await pooler[Symbol.asyncDispose]();
      assertEquals(complaints, []);
    });

    const port = () => pooler.port;

    for (const statement_cache_size of SIZES) {
      const options = { pooler: "transaction", statement_cache_size } as const;

      describe(`with statement_cache_size=${statement_cache_size},`, () => {
        behave({ port, options });
      });
    }

    it("a group outside a transaction goes to another server connection each time", async () => {
      await using conn = await open();
      const pids = new Set<unknown>();
      for (let i = 0; i < 6; i++) pids.add(await conn.fetchval(PID));
      assertEquals(pids.size, SERVER_CONNECTIONS);
    });

    const open = (options: ConnectOptions = {}) =>
      connect({
        host: "127.0.0.1",
        port: pooler.port,
        user: "postgres",
        dbname: "postgres",
        pooler: "transaction",
        ...options,
      });

    /** Round trips of each call, in order. */
    type Calls = (
      conn: Connection,
    ) => readonly (readonly [trips: number, () => Promise<unknown>])[];
    const costs: Record<string, Calls> = {
      "a statement": (conn) => [
        [1, () => conn.execute("select 1")],
        [1, () => conn.execute("select 1")],
      ],
      "a statement with scalars": (conn) => [
        [1, () => conn.execute("select $1::int, $2::text", [1, "x"])],
        [1, () => conn.execute("select $1::int, $2::text", [2, "y"])],
      ],
      "a statement with an array": (conn) => [
        [2, () => conn.execute("select $1::int[]", [[1]])], // described first
        [1, () => conn.execute("select $1::int[]", [[2]])],
      ],
      "several statements in one text": (conn) => [[1, () => conn.execute("select 1; select 2")]],
      "a transaction of two statements": (conn) => [
        [4, () =>
          conn.transaction(async (tx) => {
            await tx.execute("select 1");
            await tx.execute("select 2");
          })],
      ],
      "a hundred sets of parameters": (conn) => [
        [2, () =>
          // described first
          conn.executemany("select $1::int", Array.from({ length: 100 }, (_, i) => [i]), {
            returning: false,
          })],
      ],
    };
    for (const [name, calls] of Object.entries(costs)) {
      it(`${name} takes no more round trips than it must`, async () => {
        await using conn = await open();
        for (const [trips, call] of calls(conn)) {
          const before = pooler.round_trips;
          await call();
          assertEquals(pooler.round_trips - before, trips, String(call));
        }
      });
    }

    it("a lease of a pool costs nothing beside its statements", async () => {
      await using pool = await create_pool({
        host: "127.0.0.1",
        port: pooler.port,
        user: "postgres",
        dbname: "postgres",
        pooler: "transaction",
      });
      const before = pooler.round_trips;
      for (let i = 0; i < 5; i++) {
        await using lease = await pool.acquire();
        await lease.execute("select 1");
        await pool.execute("select 1");
      }
      assertEquals(pooler.round_trips - before, 10);
    });

    it("named statements are complained of, where nobody said that it is a transaction pooler", async () => {
      const strict = await FakePooler.start(
        { ...cluster, host: cluster.host, user: "postgres", database: "postgres" },
        1,
      );
      const conn = await open({ pooler: "session", port: strict.port });
      await assertRejects(() => conn.execute("select 1"));
      await conn.close();
      assertEquals(strict.complaints, ["a named statement"]);
      await strict[Symbol.asyncDispose]();
    });
  });

  const real = pairings(ALL_WAYS);
  if (real.length === 0) console.warn("PgBouncer is not installed here: it is not tested");

  for (const [program, way] of real) {
    const { pool_mode, pooler } = way;
    describe(`PgBouncer ${program.version}, ${describe_way(way)},`, () => {
      let bouncer: PgBouncer;
      const port = () => bouncer.port;

      beforeAll(async () => {
        // A session keeps its server connection as long as it lives.
        const size = pool_mode === "session" ? 50 : SERVER_CONNECTIONS;
        bouncer = await PgBouncer.start(program, cluster, { ...way, size });
      });

      afterAll(async () => {
        await bouncer[Symbol.asyncDispose]();
      });

      for (const statement_cache_size of SIZES) {
        describe(`with statement_cache_size=${statement_cache_size},`, () => {
          const options = { pooler, statement_cache_size };
          behave({ port, options, pool_options: { reset: pool_mode === "session" } });
          if (pool_mode === "session") keep_a_session({ port, options });
        });
      }
    });
  }
});
