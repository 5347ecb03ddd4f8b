/** A pool over a real server. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertObjectMatch,
  assertRejects,
} from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  connect,
  type Connection,
  create_pool,
  DatabaseError,
  InterfaceError,
  OperationalError,
  type Pool,
  PoolTimeout,
  type WarningEvent,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { server_pid } from "../support/sessions.ts";
import { is_direct, keeps_sessions } from "../support/through.ts";
import { describe_where, it_where } from "../support/where.ts";

let database: Database;
let admin: Connection;
let warnings: string[] = [];
const on_warning = ({ message }: WarningEvent) => void warnings.push(message);

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  warnings = [];
  admin = await connect(database.url);
});

afterEach(async () => {
  await admin.close();
});

function open(options: Parameters<typeof create_pool>[1] = {}): Promise<Pool> {
  return create_pool(database.url, { on_warning, ...options });
}

function kill(pid: number): Promise<boolean | null> {
  return admin.fetchval<boolean>("select pg_terminate_backend($1::int, 5000)", [pid]);
}

/** Sessions on the database, but for the test's own. */
function sessions(): Promise<number | null> {
  return admin.fetchval<number>(
    `select count(*)::int from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()
       and backend_type = 'client backend'`,
  );
}

/** Asks until the answer is right; a server ends its sessions in its own time. */
async function until(is_so: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await is_so()) return;
    await delay(10);
  }
  throw new Error(`it did not come to that: ${is_so}`);
}

describe("Pool", () => {
  it_where(is_direct, "counts as aiopg's does", async () => {
    await using pool = await open({ minsize: 10 });
    assertEquals([pool.size, pool.freesize, await sessions()], [10, 10, 10]);
    const connection = await pool.acquire();
    assertEquals([pool.size, pool.freesize], [10, 9]);
    await pool.release(connection);
    assertEquals([pool.size, pool.freesize], [10, 10]);
  });

  it("leaves no session behind when its scope is left", async () => {
    await using pool = await open({ minsize: 3 });
    const fail = async () => {
      await using connection = await pool.acquire();
      await connection.execute("select 1/0");
    };
    await assertRejects(fail, DatabaseError, "division by zero");
    assertEquals(pool.freesize, 3);
    await pool[Symbol.asyncDispose]();
    assertEquals(pool.size, 0);
    await until(async () => await sessions() === 0);
  });

  it_where(is_direct, "fails to open with a database that does not exist", async () => {
    const opening = create_pool(database.url, { dbname: "no_such_database", minsize: 3 });
    const error = await assertRejects(() => opening, OperationalError, "no_such_database");
    assertEquals(error.sqlstate, "3D000");
  });

  it_where(keeps_sessions, "serves 200 tasks over 10 connections, one borrower each", async () => {
    await using pool = await open({ minsize: 1, maxsize: 10 });
    const lent = new Set<number>();
    const pids = new Set<number>();
    const task = async (i: number) => {
      await using connection = await pool.acquire();
      const pid = await server_pid(connection);
      assert(!lent.has(pid), "a session with two borrowers");
      lent.add(pid);
      pids.add(pid);
      const values = await Promise.all([
        connection.fetchval("select $1::int", [i]),
        connection.fetchval("select pg_backend_pid()"),
        connection.fetchval("select $1::text", [`task ${i}`]),
      ]);
      assertEquals(values, [i, pid, `task ${i}`]);
      lent.delete(pid);
    };
    await Promise.all(Array.from({ length: 200 }, (_, i) => task(i)));
    assertEquals([pool.size, pool.freesize, pids.size], [10, 10, 10]);
    assertEquals(pool.stats().acquired, 200);
  });

  it("keeps its connections through a thousand errors", async () => {
    await admin.execute("create table once (id int primary key)");
    await admin.execute("insert into once values (1)");
    await using pool = await open({ maxsize: 1 });
    const pid = await pool.fetchval("select pg_backend_pid()");
    for (let i = 0; i < 1000; i++) {
      await assertRejects(() => pool.execute("insert into once values ($1)", [1]), DatabaseError);
    }
    assertEquals(await pool.fetchval("select pg_backend_pid()"), pid);
  });

  it_where(keeps_sessions, "never lends a session that ended while it was free", async () => {
    await using pool = await open({ minsize: 5, maxsize: 5 });
    const connections = await Promise.all(Array.from({ length: 5 }, () => pool.acquire()));
    const pids = await Promise.all(connections.map(server_pid));
    for (const connection of connections) await pool.release(connection);
    for (const pid of pids.slice(0, 4)) await kill(pid);
    await until(() => pool.size === 1);
    assertEquals(await pool.fetchval("select pg_backend_pid()"), pids[4]);
    assertEquals(pool.stats().lost, 4);
  });

  it("times out while all are in use, and goes on", async () => {
    await using pool = await open({ maxsize: 1 });
    const connection = await pool.acquire();
    await assertRejects(() => pool.acquire({ timeout: 0.01 }), PoolTimeout, "used 1");
    await pool.release(connection);
    assertEquals(await pool.fetchval("select 1"), 1);
  });

  it_where(
    keeps_sessions,
    "lets transactions commit or fail whole, while backends are killed",
    async () => {
      await admin.execute("create table journal (pid int, xid xid8, task int)");
      await using pool = await open({ minsize: 10, maxsize: 10, timeout: 30 });
      const committed: number[] = [];
      const lent = new Map<number, number>();
      const task = async (i: number) => {
        const connection = await pool.acquire();
        let pid = 0;
        try {
          pid = await server_pid(connection); // whom a kill for its last borrower may hit
          assertEquals(lent.get(pid), undefined);
          lent.set(pid, i);
          await connection.execute("begin");
          for (let step = 0; step < 3; step++) {
            await connection.execute(
              "insert into journal values (pg_backend_pid(), pg_current_xact_id(), $1)",
              [i],
            );
          }
          await connection.execute("commit");
          committed.push(i);
        } catch (error) {
          assertInstanceOf(error, OperationalError);
          await assertRejects(() => connection.execute("select 1"), OperationalError);
          assertEquals(connection.closed, true);
        } finally {
          lent.delete(pid);
          await pool.release(connection);
        }
      };
      const tasks = Promise.all(Array.from({ length: 200 }, (_, i) => task(i)));
      let is_over = false;
      const over = tasks.finally(() => is_over = true);
      let killed = 0;
      while (!is_over) {
        const [pid] = lent.keys();
        if (pid !== undefined && await kill(pid)) killed++;
        await delay(1);
      }
      await over;
      assert(killed > 0);
      const rows = await admin.fetchall<{ task: number; pids: number; xids: number; rows: number }>(
        `select task, count(distinct pid)::int pids, count(distinct xid)::int xids, count(*)::int rows
       from journal group by task`,
      );
      const whole = rows.every(({ pids, xids, rows }) => pids === 1 && xids === 1 && rows === 3);
      assert(whole, "a transaction in pieces, or on two sessions");
      const found = new Set(rows.map(({ task }) => task));
      assert(committed.every((i) => found.has(i)), "a commit that was confirmed is gone");
      assertEquals(await pool.fetchval("select 1"), 1);
      assert(pool.stats().lost > 0);
    },
  );
});

describe("Pool.release", () => {
  /** What may be left of a session's user, as the next one sees it. */
  const LEFT = `select
    current_user = session_user as role,
    current_setting('search_path') as search_path,
    coalesce(current_setting('app.tenant', true), '') as tenant,
    current_setting('statement_timeout') as statement_timeout,
    (select count(*)::int from pg_class where relpersistence = 't') as temporary,
    (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
    (select count(*)::int from pg_listening_channels()) as channels,
    (select count(*)::int from pg_cursors where is_holdable) as cursors,
    pg_current_xact_id_if_assigned() is null as transaction`;

  const DIRT: Record<string, string[]> = {
    "a role": ["set role pg_monitor"],
    "a session authorization": ["set session authorization pg_monitor"],
    "settings": [
      "set search_path to nowhere",
      "set app.tenant to '7'",
      "set statement_timeout to 5",
    ],
    "settings made by a function": ["select set_config('app.tenant', '7', false)"],
    "temporary tables": ["create temp table scratch (i int)", "insert into scratch values (1)"],
    "advisory locks": ["select pg_advisory_lock(7)", "select pg_advisory_lock_shared(8)"],
    "LISTEN": ["listen news"],
    "a WITH HOLD cursor": ["begin", "declare c cursor with hold for select 1", "commit"],
    "an open transaction": ["begin", "select pg_current_xact_id()", "listen news"],
    "a failed transaction": ["begin", "select pg_advisory_lock(7)", "select 1/0"],
    "all of it": [
      "set app.tenant to '7'",
      "create temp table scratch (i int)",
      "select pg_advisory_lock(7)",
      "listen news",
      "begin",
      "declare c cursor with hold for select 1",
      "commit",
      "set role pg_monitor",
      "begin",
      "set local search_path to nowhere",
    ],
  };

  for (const [name, statements] of Object.entries(DIRT)) {
    it_where(keeps_sessions, `leaves nothing of ${name}`, async () => {
      const options = is_direct ? "-c search_path=public" : ""; // which poolers do not pass on
      await using pool = await open({ maxsize: 1, options });
      const clean = await pool.fetchone(LEFT);
      const connection = await pool.acquire();
      const pid = await server_pid(connection);
      for (const statement of statements) await connection.execute(statement).catch(() => {});
      await pool.release(connection);
      const next = await pool.acquire();
      assertEquals(await server_pid(next), pid);
      assertEquals(await next.fetchone(LEFT), clean);
      const has_transaction = statements.at(-1) !== "commit" && statements.includes("begin");
      assertEquals(warnings.length, has_transaction ? 1 : 0);
      await pool.release(next);
    });
  }

  it_where(keeps_sessions, "leaves nothing of a sequence's last value", async () => {
    await admin.execute("create sequence numbers");
    await using pool = await open({ maxsize: 1 });
    {
      await using connection = await pool.acquire();
      await connection.fetchval("select nextval('numbers')");
    }
    await using next = await pool.acquire();
    await assertRejects(() => next.fetchval("select lastval()"), DatabaseError, "not yet defined");
  });

  it_where(keeps_sessions, "keeps prepared statements", async () => {
    await using pool = await open({ maxsize: 1 });
    for (let i = 0; i < 3; i++) {
      await using connection = await pool.acquire();
      assertEquals(await connection.fetchval("select $1::int + 1", [i]), i + 1);
    }
    const prepared = "select count(*)::int from pg_prepared_statements where statement like '%+ 1'";
    assertEquals(await pool.fetchval(prepared), 1);
  });

  for (
    const [name, leave] of [
      ["a running statement", (connection) => connection.execute("select pg_sleep(60)")],
      ["several statements", (connection) => {
        const calls = ["select pg_sleep(60)", "select 1", "select pg_sleep(60)"];
        return Promise.all(calls.map((sql) => connection.execute(sql)));
      }],
      ["a running statement in a transaction", async (connection) => {
        await connection.execute("begin");
        await connection.execute("select pg_sleep(60)");
      }],
      ["an open stream", async (connection) => {
        const rows = connection.stream(
          "select g, pg_sleep(g / 3000) from generate_series(1, 1e6) g",
        );
        await rows.next();
        await connection.execute("select pg_sleep(60)");
      }],
      ["a COPY that waits for data", async (connection) => {
        await connection.execute("create temp table copied (line text)");
        const writer = connection.copy_from("copy copied from stdin").getWriter();
        await writer.write(new TextEncoder().encode("a\n"));
        await connection.execute("select 1");
      }],
      ["a COPY that nobody reads", async (connection) => {
        const rows = "select repeat('x', 1000) from generate_series(1, 1e6)";
        await connection.copy_to(`copy (${rows}) to stdout`).getReader().read();
        await connection.execute("select 1");
      }],
    ] as const satisfies [string, (connection: Connection) => Promise<unknown>][]
  ) {
    it_where(keeps_sessions, `cancels ${name}, and keeps the session`, async () => {
      await using pool = await open({ maxsize: 1 });
      const connection = await pool.acquire();
      const pid = await server_pid(connection);
      const left = leave(connection).then(() => null, (error) => error);
      await until(async () =>
        await admin.fetchval("select state from pg_stat_activity where pid = $1", [pid]) ===
          "active"
      );
      await pool.release(connection);
      assertEquals(await pool.fetchval("select pg_backend_pid()"), pid);
      assertInstanceOf(await left, InterfaceError);
      assertEquals(await pool.fetchval("select 1"), 1);
    });
  }
});

describe_where(keeps_sessions, "Pool.listen", () => {
  it("goes on after its backend was killed, and yields a gap first", async () => {
    await using pool = await open({ minsize: 0 });
    await using listener = await pool.listen("news");
    const items = listener[Symbol.asyncIterator]();
    const listening = () =>
      admin.fetchval<number>(
        `select pid from pg_stat_activity
         where datname = current_database() and query = 'LISTEN "news"'`,
      );
    await pool.execute("select pg_notify('news', 'before')");
    assertObjectMatch((await items.next()).value, { channel: "news", payload: "before" });
    await pool.clear();
    const pid = await listening();
    await kill(pid!);
    await admin.execute("notify news, 'lost'");
    const { value: gap } = await items.next();
    assertObjectMatch(gap, { gap: true, channels: ["news"] });
    await admin.execute("notify news, 'after'");
    const payload = (item: typeof gap) => item !== undefined && "payload" in item && item.payload;
    let last = payload((await items.next()).value);
    if (last === "lost") last = payload((await items.next()).value); // it came just in time
    assertEquals(last, "after");
    assertEquals(pool.size, 0);
  });
});

describe("A process with an idle pool", () => {
  const program = fileURLToPath(new URL("programs/idle_pool.ts", import.meta.url));

  function run(...args: string[]): { child: ChildProcess; output: Promise<string> } {
    const flags = "Deno" in globalThis ? ["run", "--no-check", "--quiet", "-A"] : [];
    const child = spawn(process.execPath, [...flags, program, database.url, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout!.on("data", (data) => printed += data);
    const output = new Promise<string>((resolve) => {
      child.once("close", (code) => resolve(`${printed}${code}`));
    });
    return { child, output };
  }

  it("ends by itself", async () => {
    assertEquals(await run().output, "it works\n0");
  });

  it_where(is_direct, "does not end while a connection is lent", async () => {
    const { child, output } = run("keep");
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    // It has nothing left to do; a process that may end does so before a hundred round trips.
    for (let i = 0; i < 100; i++) assertEquals(await sessions(), 2);
    assertEquals(child.exitCode, null);
    child.kill("SIGKILL");
    await output;
  });
});
