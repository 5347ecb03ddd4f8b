/** Pool.release(): what a borrower leaves, and what the next one finds. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Connection } from "../../src/connection/handle/connection.ts";
import { InterfaceError, OperationalError, PoolTimeout } from "../../src/errors.ts";
import { error_response } from "../support/messages.ts";
import { Backends, settle } from "./backends.ts";

describe("Pool.release", () => {
  it("resets an idle session, which does not keep the borrower waiting", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    const [backend] = backends.all;
    const connection = await pool.acquire();
    backend!.hold();
    await pool.release(connection);
    assertEquals([pool.size, pool.freesize], [1, 1]);
    await settle();
    assertEquals(backend!.statements, ["reset"]); // sent without anyone who asked for a connection
  });

  it("lends a session only when its reset is confirmed", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const [backend] = backends.all;
    const connection = await pool.acquire();
    backend!.hold();
    await pool.release(connection);
    let served = false;
    const next = pool.acquire().then((next) => (served = true, next));
    await settle();
    assertEquals(served, false);
    backend!.answer();
    assertEquals((await next).get_backend_pid(), 1001);
    assertEquals(backend!.statements, ["reset"]);
  });

  it("prefers a session that is ready to one that is still reset a moment later", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2, maxsize: 2 });
    const connections = [await pool.acquire(), await pool.acquire()];
    backends.all[0]!.hold();
    for (const connection of connections) await pool.release(connection);
    await settle();
    const acquired = pool.acquire();
    await settle();
    assertEquals(pool.waiting, 1);
    backends.clock.advance(0.05);
    assertEquals((await acquired).get_backend_pid(), 1002);
  });

  it("keeps prepared statements", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    for (let i = 0; i < 3; i++) {
      const connection = await pool.acquire();
      await connection.fetchval("select 1");
      await pool.release(connection);
    }
    const { received } = backends.all[0]!.peer;
    assertEquals(received.filter(({ tag }) => tag === "P").length, 1);
    assertEquals(received.filter(({ tag }) => tag === "B").length, 3);
  });

  for (
    const [name, options] of [
      ["reset is false", { reset: false }],
      ["the pooler shares sessions", { pooler: "transaction" }],
    ] as const
  ) {
    it(`sends nothing where ${name}`, async () => {
      await using backends = new Backends();
      const pool = await backends.pool({ maxsize: 1, ...options });
      await pool.release(await pool.acquire());
      assertEquals((await pool.acquire()).get_backend_pid(), 1001);
      assertEquals(backends.all[0]!.statements, []);
    });

    it(`rolls back even where ${name}`, async () => {
      await using backends = new Backends();
      const pool = await backends.pool({ maxsize: 1, ...options });
      const connection = await pool.acquire();
      await connection.execute("begin");
      await pool.release(connection);
      await pool.acquire();
      assertEquals(backends.all[0]!.statements, ["begin", "ROLLBACK"]);
    });
  }

  for (
    const [name, statements] of [
      ["an open transaction", ["begin"]],
      ["a failed transaction", ["begin", "fail"]],
    ] as const
  ) {
    it(`rolls ${name} back, with a warning`, async () => {
      await using backends = new Backends();
      const pool = await backends.pool({ maxsize: 1 });
      const connection = await pool.acquire();
      for (const sql of statements) await connection.execute(sql).catch(() => {});
      await pool.release(connection);
      const next = await pool.acquire();
      assertEquals(next.get_backend_pid(), 1001);
      assertEquals(next.get_transaction_status(), 0);
      assertEquals(backends.all[0]!.statements, [...statements, "rollback, reset"]);
      assertEquals(backends.warnings.length, 1);
      assertStringIncludes(backends.warnings[0]!, "(backend 1001) was released in a transaction");
    });
  }

  it("cancels what still runs, and keeps the session", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    const statements = ["hang", "select 1", "hang"].map((sql) => connection.execute(sql));
    for (const statement of statements) statement.catch(() => {});
    await settle();
    await pool.release(connection);
    assertEquals([pool.size, pool.freesize], [1, 1]);
    for (const statement of statements) {
      await assertRejects(() => statement, InterfaceError, "its connection was released");
    }
    const next = await pool.acquire();
    assertEquals(next.get_backend_pid(), 1001);
    assertEquals(await next.fetchval("select 1"), "1001");
    assert(backends.all[0]!.cancels >= 2);
    assertEquals(backends.warnings, []);
  });

  it("rolls back after what still ran was cancelled", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    await connection.execute("begin");
    connection.execute("hang").catch(() => {});
    await settle();
    await pool.release(connection);
    assertEquals((await pool.acquire()).get_backend_pid(), 1001);
    assertEquals(backends.all[0]!.statements, ["begin", "hang", "rollback, reset"]);
  });

  it("resets no session that was cleared while its statement was cancelled", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    connection.execute("hang").catch(() => {});
    await settle();
    await pool.release(connection);
    await pool.clear();
    assertEquals(backends.all[0]!.statements, ["hang"]);
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
  });

  it("does not wait for a cancel where there is room for another connection", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 2 });
    const connection = await pool.acquire();
    backends.all[0]!.hold();
    connection.execute("select 1").catch(() => {});
    await pool.release(connection);
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
  });

  it("closes a session whose statement cannot be cancelled", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    backends.all[0]!.hold();
    connection.execute("select 1").catch(() => {});
    await settle();
    await pool.release(connection);
    const next = pool.acquire();
    await settle();
    backends.clock.advance(5);
    assertEquals((await next).get_backend_pid(), 1002);
    assertEquals(backends.open.length, 1);
  });

  it("only leaves the count where the session was lost, and wakes a waiter", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    const next = pool.acquire();
    backends.all[0]!.kill();
    await settle();
    assertEquals(connection.closed, true);
    assertEquals([pool.size, pool.waiting], [1, 1]);
    await pool.release(connection);
    assertEquals((await next).get_backend_pid(), 1002);
    assertEquals(pool.stats().lost, 1);
  });

  it("takes a connection that its borrower closed out of the count", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 2 });
    const connection = await pool.acquire();
    await connection.close();
    assertEquals([pool.size, pool.freesize], [1, 1]);
    await pool.release(connection); // as aiopg's users do
    assertEquals([pool.size, pool.freesize], [1, 1]);
    await assertRejects(() => pool.release(connection), InterfaceError, "released before");
  });

  it("refuses a connection that was released before", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    const connection = await pool.acquire();
    await pool.release(connection);
    await assertRejects(() => pool.release(connection), InterfaceError, "released before");
    assertEquals([pool.size, pool.freesize], [1, 1]);
  });

  it("refuses what it did not lend", async () => {
    await using backends = new Backends();
    await using others = new Backends();
    const pool = await backends.pool();
    const other_pool = await others.pool();
    const foreign = await other_pool.acquire();
    for (const stranger of [foreign, null, {}, "connection"]) {
      await assertRejects(() => pool.release(stranger as Connection), InterfaceError, "this pool");
    }
    assertEquals(foreign.closed, false);
  });

  it("leaves the borrower a dead handle, whoever has the session then", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const old = await pool.acquire();
    const cursor = await old.cursor();
    const notification = old.notifies.get();
    await pool.release(old);
    await assertRejects(
      () => notification,
      InterfaceError,
      "the connection was released to its pool",
    );
    const next = await pool.acquire();
    const { length } = backends.all[0]!.statements;
    assertEquals([old.closed, next.closed], [true, false]);
    const calls = [
      () => old.execute("select 1"),
      () => old.fetchall("select 1"),
      () => old.executemany("select $1", [[1]]),
      () => old.stream("select 1").next(),
      () => old.copy_to("copy t to stdout").getReader().read(),
      () => old.copy_from("copy t from stdin").getWriter().close(),
      () => old.copy_records_to("t").next(),
      () => old.copy_records_from("t", []),
      () => old.cursor(),
      () => old.begin(),
      () => old.transaction(() => {}),
      () => old.cancel(),
      () => old.reset(),
      () => old.set_session({ readonly: true }),
      () => old.set_client_encoding("UTF8"),
      () => old.listen("a"),
      () => old.unlisten(),
      () => old.notify("a"),
      () => old.notifies.get(),
      () => old.lobject(),
      () => old.tpc_begin("a"),
      () => old.tpc_prepare(),
      () => old.tpc_commit(),
      () => old.tpc_rollback(),
      () => old.tpc_recover(),
      () => cursor.execute("select 1"),
      () => cursor.executemany("select $1", [[1]]),
      () => cursor.callproc("f"),
      () => cursor.mogrify("select 1"),
      () => cursor.fetchone(),
      () => cursor.nextset(),
      () => cursor.begin(),
      () => cursor.begin_nested(),
    ];
    for (const call of calls) await assertRejects<Error>(call, InterfaceError);
    assertThrows(
      () => old.get_backend_pid(),
      InterfaceError,
      "the connection was released to its pool",
    );
    assertThrows(
      () => old.get_parameter_status("TimeZone"),
      InterfaceError,
      "the connection was released",
    );
    await old.close();
    await old[Symbol.asyncDispose]();
    assertEquals(backends.all[0]!.statements.length, length);
    assertEquals(await next.fetchval("select 1"), "1001");
  });

  it("happens by itself when the scope is left", async () => {
    await using backends = new Backends();
    const pool = await backends.pool();
    const leave = async () => {
      await using connection = await pool.acquire();
      assertEquals(pool.freesize, 0);
      await connection.execute("fail");
    };
    await assertRejects(leave);
    assertEquals(pool.freesize, 1);
    {
      await using connection = await pool.acquire();
      await pool.release(connection); // its scope finds nothing left to do
    }
    assertEquals(pool.freesize, 1);
  });

  it("keeps the session after an SQL error", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    for (let i = 0; i < 20; i++) {
      const connection = await pool.acquire();
      await assertRejects(() => connection.execute("fail"), Error, "division by zero");
      await pool.release(connection);
    }
    assertEquals(backends.all.length, 1);
  });
});

describe("A reset", () => {
  const answers: [what: string, answer: Uint8Array, counted: "closed" | "lost"][] = [
    ["fails", error_response("42501", "permission denied"), "closed"],
    ["is not answered although the server is ready", new Uint8Array(), "lost"],
  ];
  for (const [what, answer, counted] of answers) {
    it(`that ${what} ends the session, and nobody else hears of it`, async () => {
      await using backends = new Backends();
      const pool = await backends.pool({ maxsize: 1 });
      const connection = await pool.acquire();
      backends.all[0]!.reset_answer = answer;
      await pool.release(connection);
      assertEquals((await pool.acquire()).get_backend_pid(), 1002);
      assertEquals(backends.open.length, 1);
      assertEquals(pool.stats()[counted], 1);
    });
  }

  it("that leaves a transaction open ends the session", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    backends.all[0]!.sticky = true;
    await connection.execute("begin");
    await pool.release(connection);
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
  });

  it("that is not confirmed in time ends the session", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    backends.all[0]!.hold();
    await pool.release(connection);
    const next = pool.acquire();
    await settle();
    backends.clock.advance(5);
    assertEquals((await next).get_backend_pid(), 1002);
    assertEquals(backends.open.length, 1);
  });

  it("during which the session is lost wakes a waiter", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    backends.all[0]!.hold();
    await pool.release(connection);
    const next = pool.acquire();
    backends.all[0]!.peer.reset();
    assertEquals((await next).get_backend_pid(), 1002);
    assertEquals(pool.stats().lost, 1);
  });
});

describe("A free session", () => {
  it("that is lost leaves the pool at once", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 3 });
    backends.all[0]!.kill();
    backends.all[1]!.peer.reset();
    await settle();
    assertEquals([pool.size, pool.freesize], [1, 1]);
    assertEquals((await pool.acquire()).get_backend_pid(), 1003);
    assertEquals(pool.stats().lost, 2);
  });

  it("that talks nonsense is never lent", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ minsize: 1 });
    backends.all[0]!.peer.send("Z\0\0\0\x05I"); // a ReadyForQuery that nobody asked for
    await settle();
    assertEquals((await pool.acquire()).get_backend_pid(), 1002);
  });
});

describe("Pool one-shot calls", () => {
  it("acquire, run and release by themselves, without a reset", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    assertEquals((await pool.execute("select 1")).rows, [{ pid: "1001" }]);
    assertEquals(await pool.fetchall("select 2"), [{ pid: "1001" }]);
    assertEquals(await pool.fetchone("select 3"), { pid: "1001" });
    assertEquals(await pool.fetchval("select 4"), "1001");
    assertEquals([pool.size, pool.freesize], [1, 1]);
    const selects = ["select 1", "select 2", "select 3", "select 4"];
    assertEquals(backends.all[0]!.statements, selects);
  });

  it("release after an error", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    await assertRejects(() => pool.execute("fail"), Error, "division by zero");
    await assertRejects(() => pool.execute("select 1", [undefined]));
    assertEquals([pool.size, pool.freesize], [1, 1]);
    assertEquals(await pool.fetchval("select 1"), "1001");
  });

  it("roll back what they left open", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    await pool.execute("begin");
    await pool.execute("select 1");
    assertEquals(backends.all[0]!.statements, ["begin", "ROLLBACK", "select 1"]);
    assertEquals(backends.warnings.length, 1);
  });

  it("have one deadline for the wait and the statement", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const connection = await pool.acquire();
    const waits = pool.execute("hang", [], { timeout: 10 });
    const too_late = pool.execute("select 1", [], { timeout: 3 });
    backends.clock.advance(4);
    await assertRejects(() => too_late, PoolTimeout);
    await pool.release(connection);
    await settle();
    backends.clock.advance(5);
    await settle();
    assertEquals(backends.all[0]!.cancels, 0);
    backends.clock.advance(1);
    await assertRejects(() => waits, OperationalError, "within 6 s");
    assertEquals(await pool.fetchval("select 1"), "1001");
  });

  it("are given up by a signal in either step", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const stop = new AbortController();
    const { signal } = stop;
    const calls = [pool.execute("hang", [], { signal }), pool.execute("select 1", [], { signal })];
    await settle();
    const reason = new Error("enough");
    stop.abort(reason);
    for (const call of calls) assertEquals(await assertRejects(() => call), reason);
    await assertRejects(() => pool.execute("select 1", [], { signal }), Error, "enough");
    assertEquals(await pool.fetchval("select 1"), "1001");
    assertEquals(backends.all[0]!.statements, ["hang", "select 1"]);
  });

  it("share the connections", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 3 });
    const calls = Array.from({ length: 60 }, () => pool.fetchval<string>("select 1"));
    const pids = await Promise.all(calls);
    assertEquals(new Set(pids).size, 3);
    assertEquals([pool.size, pool.freesize], [3, 3]);
  });
});

describe("Pool.cursor", () => {
  it("is released by its cursor's end although the caller's own on_close fails", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const on_close = () => Promise.reject(new Error("not that"));
    const cursor = await pool.cursor({ on_close });
    await assertRejects(() => cursor.close(), Error, "not that");
    assertEquals(pool.freesize, 1);
  });

  it("acquires a connection, and releases it when the cursor is closed", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    const cursor = await pool.cursor();
    assertEquals(pool.freesize, 0);
    await cursor.execute("select 1");
    assertEquals(await cursor.fetchone(), { pid: "1001" });
    await cursor.close();
    assertEquals(pool.freesize, 1);
    await cursor.close();
    assertEquals([pool.size, pool.freesize], [1, 1]);
  });

  it("releases when its scope is left, or its connection is closed", async () => {
    await using backends = new Backends();
    const pool = await backends.pool({ maxsize: 1 });
    {
      await using cursor = await pool.cursor();
      assertEquals(pool.freesize, 0);
      await cursor.execute("select 1");
    }
    assertEquals(pool.freesize, 1);
    const cursor = await pool.cursor();
    await cursor.connection.close();
    assertEquals(pool.size, 0);
    await cursor.close();
    assertEquals(pool.size, 0);
  });

  it("gives the connection back if the cursor cannot be made", async () => {
    await using backends = new Backends();
    class Strange extends Connection {
      override cursor(): Promise<never> {
        return Promise.reject(new Error("no cursor today"));
      }
    }
    const pool = await backends.pool({ maxsize: 1, connection_factory: Strange });
    await assertRejects(() => pool.cursor(), Error, "no cursor today");
    assertEquals([pool.size, pool.freesize], [1, 1]);
  });
});

describe("Pool connection_factory", () => {
  it("makes the handles", async () => {
    await using backends = new Backends();
    class Mine extends Connection {
      readonly mine = true;
    }
    const pool = await backends.pool({ connection_factory: Mine });
    const connection = await pool.acquire();
    assertInstanceOf(connection, Mine);
    assertEquals(connection.mine, true);
  });

  it("that throws costs no connection", async () => {
    await using backends = new Backends();
    let broken = true;
    class Mine extends Connection {
      constructor(...args: ConstructorParameters<typeof Connection>) {
        super(...args);
        if (broken) throw new Error("broken");
      }
    }
    const pool = await backends.pool({ maxsize: 1, connection_factory: Mine });
    await assertRejects(() => pool.acquire(), Error, "broken");
    assertEquals([pool.size, pool.freesize], [1, 1]);
    broken = false;
    assertEquals((await pool.acquire()).get_backend_pid(), 1001);
  });
});
