/** Transactions, against a real server. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  create_pool,
  DataError,
  IntegrityError,
  InternalError,
  IsolationLevel,
  OperationalError,
  PgError,
  ProgrammingError,
  scalar_row,
  TimeoutError,
  Transaction,
  TransactionRollbackError,
  TransactionStatus,
  tuple_row,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { turn } from "../support/peer.ts";
import { kill_busy, server_pid } from "../support/sessions.ts";
import { keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";

let database: Database;
let conn: Connection;
let other: Connection;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url, { row_factory: tuple_row });
  other = await connect(database.url);
  await conn.execute(
    "drop table if exists tbl; create table tbl (id int primary key, name text);" +
      "insert into tbl values (22, 'read only')",
  );
});

afterEach(async () => {
  await conn.close();
  await other.close();
});

/** What is committed. */
function ids(): Promise<number[]> {
  return other.fetchall("select id from tbl order by id", null, { row_factory: scalar_row });
}

const LEVELS = Object.values(IsolationLevel);
const FLAGS = [false, true];

describe("new Transaction()", () => {
  for (const level of LEVELS) {
    for (const readonly of FLAGS) {
      for (const deferrable of FLAGS) {
        const name = `${level}${readonly ? ", read only" : ""}${deferrable ? ", deferrable" : ""}`;
        it(`begins a transaction that is ${name}`, async () => {
          const cur = await conn.cursor();
          const tx = new Transaction(cur, level, readonly, deferrable);
          await tx.begin();
          const row = await tx.fetchone(
            "select current_setting('transaction_isolation'), current_setting('transaction_read_only'), " +
              "current_setting('transaction_deferrable')",
          );
          assertEquals(row, [
            level === "default" ? "read committed" : level.replace("_", " "),
            readonly ? "on" : "off",
            deferrable ? "on" : "off",
          ]);
          await cur.execute("select * from tbl where id = 22");
          assertEquals(await cur.fetchone(), [22, "read only"]);
          const insert = cur.execute("insert into tbl values (1, 'data')");
          if (!readonly) {
            await insert;
            await tx.commit();
            assertEquals(await ids(), [1, 22]);
          } else {
            await assertRejects(() => insert, InternalError, "read-only");
            await tx.rollback();
          }
          assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
        });
      }
    }
  }
});

describe("Connection.begin()", () => {
  it("rolls back when its scope is left by throwing", async () => {
    const error = await assertRejects(async () => {
      await using tx = await conn.begin();
      await tx.execute("insert into tbl values (1, 'data')");
      await tx.execute("insert into tbl values (1/0, 'no data')");
    });
    assertInstanceOf(error, DataError);
    assertEquals(await ids(), [22]);
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
  });

  it("makes changes visible at commit(), not before", async () => {
    const tx = await conn.begin();
    await tx.execute("insert into tbl values ($1, $2)", [1, "data"]);
    assertEquals(await ids(), [22]);
    await tx.commit();
    assertEquals(await ids(), [1, 22]);
  });

  it_where(keeps_sessions, "may say the opposite of the session's characteristics", async () => {
    await conn.set_session({ readonly: true, isolation_level: "serializable" });
    const tx = await conn.begin({ readonly: false, isolation_level: "read_committed" });
    await tx.execute("insert into tbl values (1, 'data')");
    assertEquals(await tx.fetchval("show transaction_isolation"), "read committed");
    await tx.commit();
    assertEquals(await ids(), [1, 22]);
  });

  it("is ended by COMMIT, also where the statement cache was emptied behind its back", async () => {
    const tx = await conn.begin();
    await tx.execute("insert into tbl values (1, 'data')");
    await tx.execute("deallocate all");
    await tx.commit();
    assertEquals(await ids(), [1, 22]);
  });
});

describe("Transaction.commit()", () => {
  it("rejects when a deferred constraint is violated, and nothing is committed", async () => {
    await conn.execute("create table child (id int references tbl deferrable initially deferred)");
    const tx = await conn.begin();
    await tx.execute("insert into tbl values (1, 'data')");
    await tx.execute("insert into child values (404)");
    await assertRejects(() => tx.commit(), IntegrityError);
    assert(!tx.is_begin);
    await tx.rollback(); // as a catch would: the server has done it
    await assertRejects(() => tx.rollback(), ProgrammingError);
    assertEquals(await ids(), [22]);
    await conn.execute("drop table child");
  });

  it("rejects when the transaction had failed", async () => {
    const tx = await conn.begin();
    await assertRejects(() => tx.execute("select 1/0"), DataError);
    assertEquals(conn.get_transaction_status(), TransactionStatus.inerror);
    const error = await assertRejects(() => tx.commit(), TransactionRollbackError);
    assertEquals(error.sqlstate, "40000");
    assertStringIncludes(error.message, "its first error was: division by zero");
    assertInstanceOf(error.cause, DataError);
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
  });

  it("names the error that it failed for, not one that a savepoint undid", async () => {
    const work = conn.transaction(async (tx) => {
      await tx.execute("insert into tbl values (1)");
      await tx.begin_nested((inner) => inner.execute("insert into tbl values (1)")).catch(() => {});
      await tx.execute("select 1/0").catch(() => {});
      await tx.execute("select 'after it'").catch(() => {});
    });
    const error = await assertRejects(() => work, TransactionRollbackError);
    assertStringIncludes(error.message, "its first error was: division by zero");
  });

  it_where(keeps_sessions, "says that it is lost, also where a savepoint is open", async () => {
    const victim = await connect(database.url);
    const tx = await victim.begin();
    await tx.begin_nested();
    await conn.execute("select pg_terminate_backend($1, 5000)", [await server_pid(victim)]);
    await assertRejects(() => victim.execute("select 1"), OperationalError);
    await assertRejects(() => tx.commit(), OperationalError, "lost");
    await victim.close();
  });

  it("has flags that are true or false", async () => {
    for (const mode of [{ readonly: "no" }, { deferrable: 1 }] as never[]) {
      await assertRejects(
        () => conn.begin(mode),
        ProgrammingError,
        "must be true or false, but is",
      );
      await assertRejects(() => conn.set_session(mode), ProgrammingError, "must be true or false");
    }
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  for (
    const commit of [
      "commit;",
      "/* by: app, commit */ commit",
      "-- the end\r\nEND",
      "/* a /* b */ */ -- c\n;commit; select 1",
    ]
  ) {
    it(`rejects also where the user sends ${JSON.stringify(commit)} as a statement`, async () => {
      await conn.execute("begin");
      await assertRejects(() => conn.execute("select 1/0"), DataError);
      await assertRejects(() => conn.execute(commit), TransactionRollbackError);
      assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
    });
  }

  it("rejects when the session was ended", async () => {
    const tx = await conn.begin();
    await tx.execute("insert into tbl values (1, 'data')");
    await kill_busy(other);
    await assertRejects(() => tx.commit(), OperationalError);
    await tx[Symbol.asyncDispose]();
    await assertRejects(() => conn.begin(), OperationalError);
    assertEquals(await ids(), [22]);
  });

  it("is not left out by transaction() where the session has ended by then", async () => {
    const lost = conn.transaction(async (tx) => {
      await tx.execute("insert into tbl values (1, 'data')");
      await kill_busy(other);
      while (!conn.closed) await turn();
    });
    await assertRejects(() => lost, OperationalError);
    assertEquals(await ids(), [22]);
  });
});

describe("Transaction.begin_nested()", () => {
  it("keeps and undoes, three deep", async () => {
    await conn.transaction(async (tx) => {
      await tx.execute("insert into tbl values (1, 'data')");
      await tx.begin_nested(async (one) => {
        await one.execute("insert into tbl values (2, 'data')");
        await assertRejects(
          () =>
            one.begin_nested(async (two) => {
              await two.execute("insert into tbl values (3, 'data')");
              await two.begin_nested((three) => three.execute("insert into tbl values (4, 'x')"));
              await two.execute("insert into tbl values (1/0, 'no data')");
            }),
          DataError,
        );
        const undone = await one.begin_nested();
        await undone.execute("insert into tbl values (5, 'data')");
        await undone.rollback();
      });
    });
    assertEquals(await ids(), [1, 2, 22]);
  });

  it("can be left and entered a thousand times without a trace", async () => {
    await conn.transaction(async (tx) => {
      for (let i = 0; i < 1000; i++) {
        const inner = await tx.begin_nested();
        if (i % 2 === 0) await inner.rollback();
        else await inner.commit();
      }
    });
    const prepared = await conn.fetchval("select count(*)::int from pg_prepared_statements");
    assert(prepared! as number < 10);
  });

  it("rolls back when its scope is left", async () => {
    await conn.transaction(async (tx) => {
      {
        await using inner = await tx.point();
        await inner.execute("insert into tbl values (1, 'data')");
      }
      await tx.execute("insert into tbl values (2, 'data')");
    });
    assertEquals(await ids(), [2, 22]);
  });
});

describe("Transaction.savepoint()", () => {
  it("is used as in aiopg", async () => {
    const cur = await conn.cursor();
    const tx = new Transaction(cur, IsolationLevel.read_committed);
    await tx.begin();
    await cur.execute("insert into tbl values (1, 'data')");
    await tx.savepoint();
    await assertRejects(() => cur.execute("insert into tbl values (1/0, 'no data')"), DataError);
    await tx.rollback_savepoint();
    await tx.savepoint();
    await cur.execute("insert into tbl values (2, 'data')");
    await tx.release_savepoint();
    await cur.execute("insert into tbl values (3, 'data')");
    await cur.execute("select * from tbl order by id");
    assertEquals(await cur.fetchall(), [
      [1, "data"],
      [2, "data"],
      [3, "data"],
      [22, "read only"],
    ]);
    await tx.commit();
    assertEquals(await ids(), [1, 2, 3, 22]);
  });
});

describe("Cursor.begin()", () => {
  it("commits, again and again", async () => {
    const cur = await conn.cursor();
    await cur.begin(() => cur.execute("insert into tbl values (1, 'data')"));
    await cur.begin(async () => {
      await cur.execute("select id from tbl order by id");
      assertEquals(await cur.fetchall(), [[1], [22]]);
    });
  });

  it("rolls back a nested one alone", async () => {
    const cur = await conn.cursor();
    await cur.begin_nested(async () => {
      await cur.execute("insert into tbl values (1, 'data')");
      await assertRejects(
        () => cur.begin_nested(() => cur.execute("insert into tbl values (1/0, 'no data')")),
        DataError,
      );
      await cur.begin_nested(() => cur.execute("insert into tbl values (2, 'data')"));
    });
    assertEquals(await ids(), [1, 2, 22]);
  });

  it("undoes all when the outermost fails", async () => {
    const cur = await conn.cursor();
    await assertRejects(
      () => cur.begin_nested(() => cur.execute("insert into tbl values (1/0, 'data')")),
      DataError,
    );
    assertEquals(await ids(), [22]);
  });
});

describe("Connection.transaction()", () => {
  it("runs again what fails to serialize, until all have run", async () => {
    await conn.execute("update tbl set name = '0'");
    const connections = await Promise.all(Array.from({ length: 4 }, () => connect(database.url)));
    let runs = 0;
    await Promise.all(
      connections.map((connection) =>
        connection.transaction(async (tx) => {
          runs += 1;
          const name = await tx.fetchval<string>("select name from tbl where id = 22");
          await tx.execute("update tbl set name = $1 where id = 22", [String(Number(name) + 1)]);
        }, { isolation_level: IsolationLevel.serializable, retry: 50 })
      ),
    );
    await Promise.all(connections.map((connection) => connection.close()));
    assertEquals(await other.fetchval("select name from tbl"), "4");
    assert(runs >= 4);
  });

  it("runs again the victim of a deadlock", async () => {
    await conn.execute("insert into tbl values (1, '')");
    const arrived: (() => void)[] = [];
    const met = new Promise<void>((resolve) => arrived.push(resolve));
    let waiting = 0;
    const lock = async (connection: Connection, first: number, second: number) => {
      let run = 0;
      await connection.transaction(async (tx) => {
        await tx.execute("set local deadlock_timeout = '10ms'");
        await tx.execute("update tbl set name = name || 'x' where id = $1", [first]);
        if (run++ === 0) {
          if (++waiting === 2) arrived[0]!();
          await met;
        }
        await tx.execute("update tbl set name = name || 'x' where id = $1", [second]);
      }, { retry: 3 });
      return run;
    };
    const runs = await Promise.all([lock(conn, 1, 22), lock(other, 22, 1)]);
    assertEquals(runs.sort(), [1, 2]);
    assertEquals(await conn.fetchval("select name from tbl where id = 1"), "xx");
  });

  it("rolls back when a statement takes too long", async () => {
    const run = conn.transaction(async (tx) => {
      await tx.execute("insert into tbl values (1, 'data')");
      await tx.point((inner) => inner.execute("select pg_sleep(60)", null, { timeout: 0.05 }));
    });
    await assertRejects(() => run, TimeoutError);
    assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
    assertEquals(await ids(), [22]);
  });

  it("rolls back when it is aborted", async () => {
    const controller = new AbortController();
    const run = conn.transaction(async (tx) => {
      await tx.execute("insert into tbl values (1, 'data')");
      const slow = tx.execute("select pg_sleep(60)");
      controller.abort(new Error("enough"));
      await slow;
    }, { signal: controller.signal });
    await assertRejects(() => run, Error, "enough");
    assertEquals(await conn.fetchval("select 1"), 1);
    assertEquals(await ids(), [22]);
  });

  it("never runs on another session than its own, whatever is killed", async () => {
    await using pool = await create_pool(database.url, { maxsize: 4, on_warning: () => {} });
    const seen = new Set<string>();
    const outcomes = await Promise.all(Array.from({ length: 40 }, async (_, n) => {
      try {
        await using lease = await pool.acquire();
        return await lease.transaction(async (tx) => {
          const pids: unknown[] = [];
          for (let i = 0; i < 3; i++) {
            if (n % 5 === 0 && i === 1) {
              await other.execute("select pg_terminate_backend($1)", [await server_pid(tx)]);
            }
            pids.push(await tx.fetchval("select pg_backend_pid() || ' ' || pg_current_xact_id()"));
          }
          assertEquals(new Set(pids).size, 1, "one session and one transaction");
          assert(!seen.has(String(pids[0])), "a transaction of its own");
          seen.add(String(pids[0]));
          return "committed";
        });
      } catch (error) {
        assertInstanceOf(error, OperationalError);
        return "lost";
      }
    }));
    assertEquals(outcomes.filter((outcome) => outcome === "lost").length, 8);
  });
});

describe("a statement in a Transaction", () => {
  it("is refused when a statement has ended the transaction", async () => {
    const tx = await conn.begin();
    await tx.execute("rollback; insert into tbl values (1, 'outside')");
    await assertRejects(() => tx.execute("insert into tbl values (2, 'x')"), ProgrammingError);
    await assertRejects(() => tx.commit(), ProgrammingError);
    assertEquals(await ids(), [1, 22]);
  });

  it("is refused when the lease of its connection has ended", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1, on_warning: () => {} });
    const lease = await pool.acquire();
    const tx = await lease.begin();
    await tx.execute("insert into tbl values (1, 'data')");
    await pool.release(lease);
    await assertRejects(() => tx.execute("insert into tbl values (2, 'x')"), PgError, "released");
    await assertRejects(() => tx.commit(), PgError);
    await tx[Symbol.asyncDispose]();
    assertEquals(await pool.fetchval("select 1"), 1);
    assertEquals(await ids(), [22]);
  });
});
