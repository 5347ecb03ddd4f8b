/** DB-API's tpc_* methods against a scripted backend. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import {
  IntegrityError,
  InternalError,
  OperationalError,
  ProgrammingError,
  TransactionRollbackError,
} from "../../../src/errors.ts";
import { scripted } from "../../support/script.ts";
import { FakeBackend } from "../fake_backend.ts";

const READY = 1;
const BEGIN = 2;
const PREPARED = 5;

async function scene(test: (conn: Connection, backend: FakeBackend) => Promise<void>) {
  const backend = new FakeBackend();
  const server = scripted(backend.script);
  const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable");
  try {
    await test(conn, backend);
  } finally {
    await conn.close();
  }
  await server.finished();
}

describe("a two-phase transaction", () => {
  it("is prepared and then committed", async () => {
    await scene(async (conn, backend) => {
      assertEquals(conn.status, READY);
      await conn.tpc_begin(conn.xid(1, "a", "b"));
      assertEquals(conn.status, BEGIN);
      await conn.execute("insert");
      await conn.tpc_prepare();
      assertEquals(conn.status, PREPARED);
      await conn.tpc_commit();
      assertEquals(conn.status, READY);
      assertEquals(backend.log, [
        "BEGIN",
        "insert",
        "PREPARE TRANSACTION '1_YQ==_Yg=='",
        "COMMIT PREPARED '1_YQ==_Yg=='",
      ]);
    });
  });

  const endings: [string, (conn: Connection) => Promise<void>, string[]][] = [
    ["committed in one phase", (conn) => conn.tpc_commit(), ["COMMIT"]],
    ["rolled back", (conn) => conn.tpc_rollback(), ["ROLLBACK"]],
    ["rolled back when it is prepared", async (conn) => {
      await conn.tpc_prepare();
      await conn.tpc_rollback();
    }, ["PREPARE TRANSACTION 'it''s'", "ROLLBACK PREPARED 'it''s'"]],
  ];
  for (const [name, end, log] of endings) {
    it(`is ${name}, and another begun`, async () => {
      await scene(async (conn, backend) => {
        await conn.tpc_begin("it's");
        await end(conn);
        await conn.tpc_begin("next");
        assertEquals(backend.log, ["BEGIN", ...log, "BEGIN"]);
      });
    });
  }

  it("ends a recovered one outside any transaction", async () => {
    await scene(async (conn, backend) => {
      await conn.tpc_commit("one");
      await conn.tpc_rollback(conn.xid(0, "", ""));
      assertEquals(backend.log, ["COMMIT PREPARED 'one'", "ROLLBACK PREPARED '0__'"]);
    });
  });

  it("may have transactions inside it", async () => {
    await scene(async (conn, backend) => {
      const cur = await conn.cursor();
      await conn.tpc_begin("x");
      const inner = await cur.begin_nested();
      await assertRejects(() => conn.tpc_prepare(), ProgrammingError, "inside it");
      await inner.commit();
      await conn.tpc_prepare();
      assertEquals(backend.log.slice(1, 3), [
        "SAVEPOINT edgepg_1",
        "RELEASE SAVEPOINT edgepg_1",
      ]);
    });
  });

  it("is over when it cannot be prepared", async () => {
    await scene(async (conn, backend) => {
      backend.deed = (sql) => sql.startsWith("PREPARE") ? "55000" : undefined;
      await conn.tpc_begin("x");
      await assertRejects(() => conn.tpc_prepare(), OperationalError, "PREPARE");
      assertEquals(conn.status, READY);
      await assertRejects(() => conn.tpc_rollback(), ProgrammingError);
    });
  });

  it("is rolled back when it is prepared after an error", async () => {
    await scene(async (conn, backend) => {
      backend.deed = (sql) => sql === "insert" ? "23505" : undefined;
      await conn.tpc_begin("x");
      await assertRejects(() => conn.execute("insert"), IntegrityError);
      await assertRejects(() => conn.tpc_prepare(), TransactionRollbackError, "rolled it back");
      assertEquals(conn.status, READY);
    });
  });

  it("stays prepared when it cannot be committed, so that it is tried again", async () => {
    await scene(async (conn, backend) => {
      backend.deed = (sql) => sql.startsWith("COMMIT") ? "XX000" : undefined;
      await conn.tpc_begin("x");
      await conn.tpc_prepare();
      await assertRejects(() => conn.tpc_commit(), InternalError);
      assertEquals(conn.status, PREPARED);
      backend.deed = () => undefined;
      await conn.tpc_commit();
      assertEquals(conn.status, READY);
    });
  });

  it("is of unknown outcome when the connection is lost as it is prepared", async () => {
    await scene(async (conn, backend) => {
      backend.deed = (sql) => sql.startsWith("PREPARE") ? "reset" : undefined;
      await conn.tpc_begin("x");
      const error = await assertRejects(() => conn.tpc_prepare(), OperationalError);
      assertEquals(error.sqlstate, "08007");
    });
  });

  const misuses: [string, (conn: Connection) => Promise<unknown>][] = [
    ["tpc_prepare() with none begun", (conn) => conn.tpc_prepare()],
    ["tpc_commit() with none begun", (conn) => conn.tpc_commit()],
    ["tpc_rollback() with none begun", (conn) => conn.tpc_rollback()],
    ["tpc_begin() twice", async (conn) => {
      await conn.tpc_begin("x");
      await conn.tpc_begin("y");
    }],
    ["tpc_begin() in a transaction", async (conn) => {
      await conn.begin();
      await conn.tpc_begin("x");
    }],
    ["tpc_begin() in a transaction that a statement began", async (conn) => {
      await conn.execute("begin");
      await conn.tpc_begin("x");
    }],
    ["begin() in one", async (conn) => {
      await conn.tpc_begin("x");
      await conn.begin();
    }],
    ["tpc_commit() of another in one", async (conn) => {
      await conn.tpc_begin("x");
      await conn.tpc_commit("y");
    }],
    ["tpc_rollback() of another in a transaction", async (conn) => {
      await conn.begin();
      await conn.tpc_rollback("y");
    }],
    ["tpc_prepare() twice", async (conn) => {
      await conn.tpc_begin("x");
      await conn.tpc_prepare();
      await conn.tpc_prepare();
    }],
    ["a statement after tpc_prepare()", async (conn) => {
      await conn.tpc_begin("x");
      await conn.tpc_prepare();
      await conn.execute("select 1");
    }],
    ["a stream after tpc_prepare()", async (conn) => {
      await conn.tpc_begin("x");
      await conn.tpc_prepare();
      await conn.stream("select 1").next();
    }],
    ["begin() after tpc_prepare()", async (conn) => {
      await conn.tpc_begin("x");
      await conn.tpc_prepare();
      await conn.begin();
    }],
    ["tpc_begin() with what is no xid", (conn) => conn.tpc_begin(7 as unknown as string)],
    ["tpc_begin() with a text that is too long", (conn) => conn.tpc_begin("x".repeat(200))],
  ];
  for (const [name, misuse] of misuses) {
    it(`rejects ${name}`, async () => {
      await scene(async (conn) => {
        await assertRejects(() => misuse(conn), ProgrammingError);
      });
    });
  }
});
