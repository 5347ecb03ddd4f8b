/** Transactions against a scripted backend: what is sent, and what is not. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import type { Cursor } from "../../../src/connection/handle/cursor.ts";
import { IsolationLevel } from "../../../src/connection/transaction/isolation.ts";
import { run_transaction } from "../../../src/connection/transaction/run_transaction.ts";
import { Transaction } from "../../../src/connection/transaction/transaction.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import {
  InternalError,
  OperationalError,
  PgError,
  ProgrammingError,
  TimeoutError,
  TransactionRollbackError,
} from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { turn } from "../../support/peer.ts";
import { scripted } from "../../support/script.ts";
import { FakeBackend } from "../fake_backend.ts";

interface Scene {
  readonly backend: FakeBackend;
  readonly clock: FakeClock;
  readonly conn: Connection;
  readonly warnings: string[];
}

async function scene(test: (scene: Scene) => Promise<void>): Promise<void> {
  const backend = new FakeBackend();
  const clock = new FakeClock();
  const warnings: string[] = [];
  const server = scripted(backend.script, { clock });
  const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable", {
    on_warning: ({ message }) => warnings.push(message),
  });
  try {
    await test({ backend, clock, conn, warnings });
  } finally {
    await conn.close();
  }
  await server.finished();
}

/** Waits until `done`, some turns of the event loop at most. */
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 50 && !done(); i++) await turn();
  assert(done(), "it did not come to that");
}

describe("Connection.begin()", () => {
  it("begins a transaction that commit() ends", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin({ isolation_level: "serializable", readonly: true });
      assert(tx.is_begin);
      assertEquals(conn.get_transaction_status(), 2);
      assertEquals(await tx.fetchval("select 1"), "select 1");
      await tx.commit();
      assert(!tx.is_begin);
      assertEquals(conn.get_transaction_status(), 0);
      assertEquals(backend.log, [
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
        "select 1",
        "COMMIT",
      ]);
    });
  });

  it("rolls back when its scope is left", async () => {
    await scene(async ({ backend, conn }) => {
      {
        await using tx = await conn.begin();
        await tx.execute("insert");
      }
      assertEquals(backend.log, ["BEGIN", "insert", "ROLLBACK"]);
    });
  });

  it("leaves what was committed when its scope is left", async () => {
    await scene(async ({ backend, conn }) => {
      {
        await using tx = await conn.begin();
        void tx.commit(); // under way at the end of the scope
      }
      assertEquals(backend.log, ["BEGIN", "COMMIT"]);
    });
  });

  it("rejects with the error of BEGIN, and leaves nothing open", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "BEGIN" ? "25006" : undefined;
      await assertRejects(() => conn.begin(), InternalError, "no: BEGIN");
      backend.deed = () => undefined;
      await (await conn.begin()).commit();
      assertEquals(backend.log, ["BEGIN", "BEGIN", "COMMIT"]);
    });
  });

  it("takes back a BEGIN that was given up", async () => {
    await scene(async ({ backend, clock, conn }) => {
      backend.deed = (sql) => sql === "BEGIN" ? "hang" : undefined;
      const begun = assertRejects(() => conn.begin({ timeout: 3 }), TimeoutError);
      await until(() => backend.log.length === 1);
      clock.advance(3);
      await begun;
      backend.deed = () => undefined;
      await (await conn.begin()).rollback();
      assertEquals(backend.log.filter((sql) => sql !== ""), [
        "BEGIN",
        "ROLLBACK",
        "BEGIN",
        "ROLLBACK",
      ]);
      assertEquals(backend.cancels, 1);
    });
  });

  it("refuses a second transaction, whoever began the first", async () => {
    await scene(async ({ backend, conn }) => {
      const [one, two] = await Promise.allSettled([conn.begin(), conn.begin()]);
      assert(one.status === "fulfilled");
      assert(two.status === "rejected");
      assertInstanceOf(two.reason, ProgrammingError);
      await one.value.commit();
      await conn.execute("begin");
      await assertRejects(() => conn.begin(), ProgrammingError, "one is");
      assertEquals(backend.log, ["BEGIN", "COMMIT", "begin"]);
    });
  });

  it("rejects when the connection is closed", async () => {
    await scene(async ({ conn }) => {
      await conn.close();
      await assertRejects(() => conn.begin(), PgError, "the connection is closed");
    });
  });
});

describe("Connection.transaction()", () => {
  it("commits and returns what the function returns", async () => {
    await scene(async ({ backend, conn }) => {
      const value = await conn.transaction((tx) => tx.fetchval("select 1"));
      assertEquals(value, "select 1");
      assertEquals(backend.log, ["BEGIN", "select 1", "COMMIT"]);
    });
  });

  it("rolls back and throws what the function throws", async () => {
    await scene(async ({ backend, conn }) => {
      const mine = new Error("mine");
      const thrown = await assertRejects(() =>
        conn.transaction(() => {
          throw mine;
        })
      );
      assert(thrown === mine);
      assertEquals(backend.log, ["BEGIN", "ROLLBACK"]);
    });
  });

  for (const deed of ["reset", "XX000"]) {
    it(`throws what the function throws though ROLLBACK fails with ${deed}`, async () => {
      await scene(async ({ backend, conn }) => {
        backend.deed = (sql) => sql === "ROLLBACK" ? deed : undefined;
        const mine = new Error("mine");
        const thrown = await assertRejects(() => conn.transaction(() => Promise.reject(mine)));
        assert(thrown === mine);
        assertEquals(conn.closed, deed === "reset"); // the fake has ended the transaction otherwise
      });
    });
  }

  it("gives the connection up when ROLLBACK gets no answer", async () => {
    await scene(async ({ backend, clock, conn }) => {
      let gone = false;
      backend.deed = (sql) => {
        if (sql === "ROLLBACK") gone = true;
        return gone ? "hang" : undefined;
      };
      const ended = assertRejects(() => conn.transaction(() => Promise.reject(new Error("mine"))));
      await until(() => gone);
      clock.advance(60); // the deadline
      await turn();
      clock.advance(60); // the grace of its cancel
      await ended;
      assert(conn.closed);
    });
  });

  it("lets the function end the transaction itself", async () => {
    await scene(async ({ backend, conn }) => {
      await conn.transaction((tx) => tx.rollback());
      await conn.transaction((tx) => tx.commit());
      assertEquals(backend.log, ["BEGIN", "ROLLBACK", "BEGIN", "COMMIT"]);
    });
  });

  it("rolls back what the function left open inside", async () => {
    await scene(async ({ backend, conn }) => {
      let inner: Transaction | undefined;
      const run = conn.transaction(async (tx) => {
        inner = await tx.begin_nested();
      });
      await assertRejects(() => run, ProgrammingError, "inside it");
      assertEquals(backend.log, ["BEGIN", "SAVEPOINT edgepg_1", "ROLLBACK"]);
      await assertRejects(() => inner!.commit(), ProgrammingError, "has ended");
    });
  });

  it("rejects when the transaction had failed, as COMMIT rolls it back", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "insert" ? "23505" : undefined;
      const run = conn.transaction(async (tx) => {
        await tx.execute("insert").catch(() => {});
      });
      await assertRejects(() => run, TransactionRollbackError, "rolled it back");
      assertEquals(backend.log, ["BEGIN", "insert", "COMMIT"]);
    });
  });

  it("refuses statements after the end, although the function goes on", async () => {
    await scene(async ({ backend, conn }) => {
      let late: Promise<unknown> = Promise.resolve();
      await conn.transaction((tx) => {
        late = turn().then(() => turn()).then(() => tx.execute("late"));
        return Promise.resolve();
      });
      await assertRejects(() => late, ProgrammingError, "has ended");
      assertEquals(backend.log, ["BEGIN", "COMMIT"]);
    });
  });
});

describe("Connection.transaction() with a signal", () => {
  it("rejects with the reason at once, rolls back, and refuses what comes late", async () => {
    await scene(async ({ backend, conn }) => {
      const controller = new AbortController();
      const reason = new Error("enough");
      let go_on = () => {};
      const waits = new Promise<void>((resolve) => go_on = resolve);
      let late: unknown;
      const run = conn.transaction(async (tx) => {
        await tx.execute("insert");
        controller.abort(reason);
        await waits;
        late = await tx.execute("late").catch((error) => error);
      }, { signal: controller.signal });
      assert(await assertRejects(() => run) === reason);
      go_on();
      await until(() => late !== undefined);
      assertInstanceOf(late, ProgrammingError);
      assertEquals(backend.log, ["BEGIN", "insert", "ROLLBACK"]);
    });
  });

  it("cancels the statement that runs", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "slow" ? "hang" : undefined;
      const controller = new AbortController();
      const run = conn.transaction((tx) => tx.execute("slow"), { signal: controller.signal });
      await until(() => backend.log.includes("slow"));
      controller.abort(new Error("enough"));
      await assertRejects(() => run, Error, "enough");
      assertEquals(backend.log, ["BEGIN", "slow", "ROLLBACK"]);
      assertEquals(backend.cancels, 1);
    });
  });

  it("begins nothing when it is aborted before", async () => {
    await scene(async ({ backend, conn }) => {
      const signal = AbortSignal.abort(new Error("enough"));
      await assertRejects(() => conn.transaction(() => {}, { signal }), Error, "enough");
      assertEquals(backend.log, []);
    });
  });
});

describe("Connection.transaction() with retry", () => {
  /** Runs a transaction that fails as often as there are codes, and then does not. */
  async function attempts(retry: number | undefined, ...codes: string[]): Promise<string[]> {
    const log: string[] = [];
    await scene(async ({ backend, clock, conn }) => {
      let failures = 0;
      backend.deed = (sql) => sql === "update" ? codes[failures++] : undefined;
      const run = conn.transaction((tx) => tx.execute("update"), { retry });
      let over = false;
      const outcome = run.then(() => "committed", (error) => error.sqlstate as string);
      void outcome.then(() => over = true);
      await until(() => {
        clock.advance(1);
        return over;
      });
      log.push(...backend.log, await outcome);
    });
    return log;
  }

  const once = ["BEGIN", "update", "ROLLBACK"];
  const success = ["BEGIN", "update", "COMMIT", "committed"];

  it("runs it again after a serialization failure and a deadlock", async () => {
    assertEquals(await attempts(2, "40001", "40P01"), [...once, ...once, ...success]);
  });

  it("runs it again at most so often", async () => {
    assertEquals(await attempts(1, "40001", "40001"), [...once, ...once, "40001"]);
    assertEquals(await attempts(undefined, "40001"), [...once, "40001"]);
  });

  it("runs nothing again after any other error", async () => {
    assertEquals(await attempts(5, "23505"), [...once, "23505"]);
    assertEquals(await attempts(5, "40000"), [...once, "40000"]);
  });

  it("runs it again when COMMIT fails for the same reasons", async () => {
    await scene(async ({ backend, clock, conn }) => {
      let failures = 0;
      backend.deed = (sql) => sql === "COMMIT" && failures++ === 0 ? "40001" : undefined;
      let runs = 0;
      const run = conn.transaction(() => {
        runs += 1;
      }, { retry: 1 });
      await until(() => {
        clock.advance(1);
        return runs === 2;
      });
      await run;
      assertEquals(backend.log, ["BEGIN", "COMMIT", "BEGIN", "COMMIT"]);
    });
  });

  it("never runs it again when the outcome of COMMIT is unknown", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "COMMIT" ? "reset" : undefined;
      let runs = 0;
      const run = conn.transaction(() => {
        runs += 1;
      }, { retry: 5 });
      const error = await assertRejects(() => run, OperationalError, "unknown");
      assertEquals(error.sqlstate, "08007");
      assertEquals(runs, 1);
    });
  });

  it("waits at random, twice as long at most before each further run", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "update" ? "40001" : undefined;
      const pauses: number[] = [];
      const clock = {
        now: () => 0,
        set_timer(delay: number, callback: () => void) {
          pauses.push(delay);
          queueMicrotask(callback);
          return () => {};
        },
      };
      const run = run_transaction(conn, (tx) => tx.execute("update"), { retry: 9 }, {
        clock,
        random: () => 0.5,
      });
      await assertRejects(() => run, TransactionRollbackError);
      assertEquals(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    });
  });

  it("waits no longer when the signal aborts", async () => {
    await scene(async ({ backend, clock, conn }) => {
      backend.deed = (sql) => sql === "update" ? "40001" : undefined;
      const controller = new AbortController();
      const timers = clock.pending;
      const run = conn.transaction((tx) => tx.execute("update"), {
        retry: 1,
        signal: controller.signal,
      });
      const ended = assertRejects(() => run, Error, "enough");
      await until(() => backend.log.length === 3 && clock.pending > timers);
      await turn();
      controller.abort(new Error("enough"));
      await ended;
      assertEquals(backend.log, once);
    });
  });

  for (const retry of [-1, 1.5, NaN, "2" as unknown as number]) {
    it(`refuses retry ${JSON.stringify(retry)}`, async () => {
      await scene(async ({ backend, conn }) => {
        await assertRejects(() => conn.transaction(() => {}, { retry }), ProgrammingError, "retry");
        assertEquals(backend.log, []);
      });
    });
  }
});

describe("Transaction on a connection that is lost", () => {
  const steps = [
    "BEGIN",
    "one",
    "SAVEPOINT edgepg_1",
    "two",
    "RELEASE SAVEPOINT edgepg_1",
    "three",
    "COMMIT",
  ];

  for (const [at, step] of steps.entries()) {
    it(`rejects once at ${step}, runs nothing more and rolls back in silence`, async () => {
      await scene(async ({ backend, conn }) => {
        backend.deed = (sql) => sql === step ? "reset" : undefined;
        let tx: Transaction | null = null;
        let inner: Transaction | null = null;
        const run = async () => {
          tx = await conn.begin();
          await tx.execute("one");
          inner = await tx.begin_nested();
          await inner.execute("two");
          await inner.commit();
          await tx.execute("three");
          await tx.commit();
        };
        const error = await assertRejects(run, OperationalError);
        assertEquals(error.sqlstate, step === "COMMIT" ? "08007" : "08006");
        assert(conn.closed);
        for (const handle of [inner, tx] as (Transaction | null)[]) {
          if (handle === null) continue;
          if (handle.is_begin) {
            await assertRejects(() => handle.execute("late"), OperationalError);
          }
          await handle[Symbol.asyncDispose]();
          assert(!handle.is_begin);
        }
        await assertRejects(() => conn.begin(), OperationalError);
        assertEquals(backend.log, steps.slice(0, at + 1));
      });
    });
  }

  it("rejects commit() and lets rollback() pass", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "one" ? "reset" : undefined;
      const tx = await conn.begin();
      await assertRejects(() => tx.execute("one"), OperationalError);
      await assertRejects(() => tx.commit(), OperationalError);
      assert(!tx.is_begin);

      assertEquals(backend.log, ["BEGIN", "one"]);
    });
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "one" ? "reset" : undefined;
      const tx = await conn.begin();
      await assertRejects(() => tx.execute("one"), OperationalError);
      await tx.rollback();
      await assertRejects(() => tx.rollback(), ProgrammingError, "has ended");
    });
  });

  it("lets a rollback() pass during which it is lost", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "ROLLBACK" ? "reset" : undefined;
      const tx = await conn.begin();
      await tx.rollback();
      assert(!tx.is_begin);
    });
  });

  it("is ended by close() of the connection", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      await conn.close();
      await assertRejects(() => tx.execute("late"), PgError, "the connection is closed");
      await tx[Symbol.asyncDispose]();
      assertEquals(backend.log, ["BEGIN"]);
    });
  });
});

describe("Transaction", () => {
  const serializable = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE";

  it("is begun and ended as in aiopg, more than once", async () => {
    await scene(async ({ backend, conn }) => {
      const cur = await conn.cursor();
      const tx = new Transaction(cur, IsolationLevel.serializable, true, true);
      assert(!tx.is_begin);
      assert(await tx.begin() === tx);
      await cur.execute("select 1");
      await tx.commit();
      await tx.begin();
      await tx.rollback();
      assertEquals(backend.log, [serializable, "select 1", "COMMIT", serializable, "ROLLBACK"]);
    });
  });

  it("pipelines what is issued at once", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      const done: string[] = [];
      const note = (name: string) => () => void done.push(name);
      await Promise.all([
        tx.execute("one").then(note("one")),
        tx.execute("two").then(note("two")),
        tx.commit().then(note("commit")),
      ]);
      assertEquals(done, ["one", "two", "commit"]);
      assertEquals(backend.log, ["BEGIN", "one", "two", "COMMIT"]);
    });
  });

  it("is controlled by statements that need no prepared one", async () => {
    await scene(async ({ backend, conn }) => {
      await conn.transaction(async (tx) => {
        await tx.begin_nested((inner) => inner.execute("select 1"));
      });
      assertEquals(backend.prepared, ["select 1"]);
    });
  });

  it("refuses statements from the call of commit() on", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      const committed = tx.commit();
      await assertRejects(() => tx.execute("late"), ProgrammingError, "has ended");
      await assertRejects(() => tx.stream("late").next(), ProgrammingError, "has ended");
      await committed;
      assertEquals(backend.log, ["BEGIN", "COMMIT"]);
    });
  });

  it("refuses statements when a statement has ended it", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      await tx.execute("commit");
      await assertRejects(() => tx.execute("late"), ProgrammingError, "by a statement");
      await conn.execute("begin");
      await assertRejects(() => tx.commit(), ProgrammingError, "has ended");
      await tx[Symbol.asyncDispose]();
      assertEquals(backend.log, ["BEGIN", "commit", "begin"]);
    });
  });

  it("stays open when its COMMIT was given up, so that it is rolled back", async () => {
    await scene(async ({ backend, clock, conn }) => {
      backend.deed = (sql) => sql === "slow" ? "hang" : undefined;
      const tx = await conn.begin();
      const slow = assertRejects(() => tx.execute("slow"));
      const committed = assertRejects(() => tx.commit({ timeout: 3 }), TimeoutError, "unknown");
      await until(() => backend.log.includes("slow"));
      clock.advance(3);
      assertEquals((await committed).sqlstate, "08007");
      assert(tx.is_begin);
      const rolled_back = tx[Symbol.asyncDispose]();
      await conn.cancel();
      await slow;
      await rolled_back;
      assert(!tx.is_begin);
      assertEquals(conn.get_transaction_status(), 0);
    });
  });

  it("nests, by savepoints with names of the depth", async () => {
    await scene(async ({ backend, conn }) => {
      await conn.transaction(async (tx) => {
        await tx.begin_nested(async (one) => {
          await one.point((two) => two.execute("two"));
        });
        const inner = await tx.begin_nested();
        await inner.rollback();
      });
      assertEquals(backend.log, [
        "BEGIN",
        "SAVEPOINT edgepg_1",
        "SAVEPOINT edgepg_2",
        "two",
        "RELEASE SAVEPOINT edgepg_2",
        "RELEASE SAVEPOINT edgepg_1",
        "SAVEPOINT edgepg_1",
        "ROLLBACK TO SAVEPOINT edgepg_1",
        "RELEASE SAVEPOINT edgepg_1",
        "COMMIT",
      ]);
    });
  });

  it("goes on after a failed one inside it", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "bad" ? "22012" : undefined;
      await conn.transaction(async (tx) => {
        await assertRejects(() => tx.begin_nested((inner) => inner.execute("bad")), PgError, "bad");
        await tx.execute("good");
      });
      assertEquals(backend.log.slice(-3), ["RELEASE SAVEPOINT edgepg_1", "good", "COMMIT"]);
    });
  });

  it("keeps one open inside it whose end failed, to be rolled back", async () => {
    await scene(async ({ backend, conn }) => {
      backend.deed = (sql) => sql === "bad" ? "22012" : undefined;
      const tx = await conn.begin();
      const inner = await tx.begin_nested();
      await assertRejects(() => inner.execute("bad"));
      await assertRejects(() => inner.commit(), InternalError); // 25P02
      assert(inner.is_begin);
      await inner.rollback();
      await tx.commit();
      assertEquals(backend.log.at(-1), "COMMIT");
    });
  });

  it("rolls back all that is open inside it when its scope is left", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      const inner = await tx.begin_nested();
      const innermost = await inner.begin_nested();
      await tx[Symbol.asyncDispose]();
      assertEquals(backend.log.slice(3), ["ROLLBACK"]);
      for (const handle of [tx, inner, innermost]) assert(!handle.is_begin);
      await innermost[Symbol.asyncDispose]();
      assertEquals(backend.log.length, 4);
    });
  });

  it("runs statements in the innermost that is open inside it", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      const inner = await tx.begin_nested();
      await tx.execute("outer");
      await inner.rollback();
      assertEquals(backend.log[2], "outer");
    });
  });

  it("gives its statements its own deadline", async () => {
    await scene(async ({ backend, clock, conn }) => {
      backend.deed = (sql) => sql === "slow" ? "hang" : undefined;
      const tx = await conn.begin({ timeout: 7 });
      const slow = assertRejects(() => tx.execute("slow"), TimeoutError, "within 7 s");
      await until(() => backend.log.includes("slow"));
      clock.advance(7);
      await slow;
      await tx.rollback();
    });
  });
});

describe("Transaction, misused", () => {
  const misuses: [string, (tx: Transaction, cur: Cursor) => Promise<unknown>, string[]][] = [
    ["commit() with none open", (tx) => tx.commit(), []],
    ["rollback() with none open", (tx) => tx.rollback(), []],
    ["savepoint() with none open", (tx) => tx.savepoint(), []],
    ["release_savepoint() with none open", (tx) => tx.release_savepoint(), []],
    ["rollback_savepoint() with none open", (tx) => tx.rollback_savepoint(), []],
    ["begin_nested() with none open", (tx) => tx.begin_nested(), []],
    ["execute() with none open", (tx) => tx.execute("select 1"), []],
    ["lobject() with none open", (tx) => tx.lobject(), []],
    ["begin() twice", async (tx) => {
      await tx.begin();
      await tx.begin();
    }, ["BEGIN"]],
    ["begin() of another inside it", async (tx, cur) => {
      await tx.begin();
      await cur.begin();
    }, ["BEGIN"]],
    ["commit() twice", async (tx) => {
      await tx.begin();
      await tx.commit();
      await tx.commit();
    }, ["BEGIN", "COMMIT"]],
    ["rollback() twice", async (tx) => {
      await tx.begin();
      await tx.rollback();
      await tx.rollback();
    }, ["BEGIN", "ROLLBACK"]],
    ["commit() twice at once", async (tx) => {
      await tx.begin();
      await Promise.all([tx.commit(), tx.commit()]);
    }, ["BEGIN", "COMMIT"]],
    ["savepoint() twice", async (tx) => {
      await tx.begin();
      await tx.savepoint();
      await tx.savepoint();
    }, ["BEGIN", "SAVEPOINT edgepg_1"]],
    ["release_savepoint() with none set", async (tx) => {
      await tx.begin();
      await tx.release_savepoint();
    }, ["BEGIN"]],
    ["rollback_savepoint() after release_savepoint()", async (tx) => {
      await tx.begin();
      await tx.savepoint();
      await tx.release_savepoint();
      await tx.rollback_savepoint();
    }, ["BEGIN", "SAVEPOINT edgepg_1", "RELEASE SAVEPOINT edgepg_1"]],
    ["commit() with one open inside", async (tx) => {
      await tx.begin();
      await tx.begin_nested();
      await tx.commit();
    }, ["BEGIN", "SAVEPOINT edgepg_1"]],
    ["rollback() with one open inside", async (tx) => {
      await tx.begin();
      await tx.begin_nested();
      await tx.rollback();
    }, ["BEGIN", "SAVEPOINT edgepg_1"]],
    ["release_savepoint() with one open inside", async (tx) => {
      await tx.begin();
      await tx.savepoint();
      await (await tx.begin_nested()).commit();
    }, ["BEGIN", "SAVEPOINT edgepg_1"]],
    ["begin_nested() with one open inside", async (tx) => {
      await tx.begin();
      await Promise.all([tx.begin_nested(), tx.begin_nested()]);
    }, ["BEGIN", "SAVEPOINT edgepg_1"]],
    ["begin() of a nested one", async (tx) => {
      await tx.begin();
      const inner = await tx.begin_nested();
      await inner.commit();
      await inner.begin();
    }, ["BEGIN", "SAVEPOINT edgepg_1", "RELEASE SAVEPOINT edgepg_1"]],
    ["an isolation level that is none", (_, cur) => {
      return Promise.resolve().then(() => new Transaction(cur, "snapshot" as IsolationLevel));
    }, []],
  ];

  for (const [name, misuse, log] of misuses) {
    it(`rejects ${name}`, async () => {
      await scene(async ({ backend, conn }) => {
        const cur = await conn.cursor();
        const tx = new Transaction(cur);
        await assertRejects(() => misuse(tx, cur), ProgrammingError);
        assertEquals(backend.log, log);
      });
    });
  }

  it("leaves it open, so that it can still be ended", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      const inner = await tx.begin_nested();
      await assertRejects(() => tx.commit(), ProgrammingError);
      await inner.commit();
      await tx.commit();
      assertEquals(backend.log.at(-1), "COMMIT");
    });
  });
});

describe("Transaction.savepoint()", () => {
  it("is released or rolled back to, and set again", async () => {
    await scene(async ({ backend, conn }) => {
      const tx = await conn.begin();
      assert(await tx.savepoint() === tx);
      await tx.release_savepoint();
      await tx.savepoint();
      await tx.rollback_savepoint();
      await tx.savepoint();
      await tx.commit(); // ends the savepoint too
      assertEquals(backend.log, [
        "BEGIN",
        "SAVEPOINT edgepg_1",
        "RELEASE SAVEPOINT edgepg_1",
        "SAVEPOINT edgepg_1",
        "ROLLBACK TO SAVEPOINT edgepg_1",
        "RELEASE SAVEPOINT edgepg_1",
        "SAVEPOINT edgepg_1",
        "COMMIT",
      ]);
    });
  });
});

describe("Cursor.begin()", () => {
  it("begins with the cursor's isolation level, in both forms", async () => {
    await scene(async ({ backend, conn }) => {
      const cur = await conn.cursor({ isolation_level: IsolationLevel.repeatable_read });
      assertEquals(await cur.begin(() => 7), 7);
      await (await cur.begin()).rollback();
      const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
      assertEquals(backend.log, [begin, "COMMIT", begin, "ROLLBACK"]);
    });
  });
});

describe("Cursor.begin_nested()", () => {
  it("begins one inside the innermost of the connection, in both forms", async () => {
    await scene(async ({ backend, conn }) => {
      const cur = await conn.cursor();
      await cur.begin_nested(async () => {
        await cur.begin_nested(() => cur.begin_nested(() => cur.execute("select 1")));
        await (await cur.begin_nested()).rollback();
      });
      assertEquals(backend.log, [
        "BEGIN",
        "SAVEPOINT edgepg_1",
        "SAVEPOINT edgepg_2",
        "select 1",
        "RELEASE SAVEPOINT edgepg_2",
        "RELEASE SAVEPOINT edgepg_1",
        "SAVEPOINT edgepg_1",
        "ROLLBACK TO SAVEPOINT edgepg_1",
        "RELEASE SAVEPOINT edgepg_1",
        "COMMIT",
      ]);
    });
  });
});
