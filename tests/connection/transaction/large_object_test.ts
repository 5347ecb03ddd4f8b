/** Large objects against a scripted backend that need not be honest. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import {
  InterfaceError,
  OperationalError,
  PgError,
  ProgrammingError,
} from "../../../src/errors.ts";
import { scripted } from "../../support/script.ts";
import { FakeBackend } from "../fake_backend.ts";

const BYTEA = 17;
const INT4 = 23;
const OID = 26;

async function scene(test: (conn: Connection, backend: FakeBackend) => Promise<void>) {
  const backend = new FakeBackend();
  backend.results.set("lo_create", { type_oid: OID, value: "777" });
  backend.results.set("lo_open", { type_oid: INT4, value: "0" });
  backend.results.set("lo_close", { type_oid: INT4, value: "0" });
  const server = scripted(backend.script);
  const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable");
  try {
    await test(conn, backend);
  } finally {
    await conn.close();
  }
  await server.finished();
}

describe("Connection.lobject()", () => {
  it("makes one where it is given no OID", async () => {
    await scene(async (conn, backend) => {
      await using _tx = await conn.begin();
      const lo = await conn.lobject();
      assertEquals([lo.oid, lo.mode, lo.closed], [777, "w", false]);
      assertEquals(backend.log, [
        "BEGIN",
        "select pg_catalog.lo_create(0)",
        "select pg_catalog.lo_open($1, $2)",
      ]);
    });
  });

  it("does not open one in mode n", async () => {
    await scene(async (conn, backend) => {
      await using tx = await conn.begin();
      const lo = await tx.lobject(5, "n");
      assertEquals([lo.oid, lo.mode], [5, "n"]);
      await assertRejects(() => lo.read(), InterfaceError, "its mode is n");
      await lo.close();
      assertEquals(backend.log, ["BEGIN"]);
    });
  });

  it("rejects outside a transaction", async () => {
    await scene(async (conn, backend) => {
      await assertRejects(() => conn.lobject(5), ProgrammingError, "in a transaction");
      assertEquals(backend.log, []);
    });
  });

  it("rejects on a closed connection", async () => {
    await scene(async (conn) => {
      await conn.close();
      await assertRejects(() => conn.lobject(5), InterfaceError, "the connection is closed");
    });
  });

  for (const mode of ["x", "wr", "rn", "rwx", "rbt", "b", "R"]) {
    it(`refuses mode ${mode}`, async () => {
      await scene(async (conn, backend) => {
        await using _tx = await conn.begin();
        await assertRejects(() => conn.lobject(5, mode), ProgrammingError, "mode must be");
        assertEquals(backend.log, ["BEGIN"]);
      });
    });
  }
});

describe("LargeObject", () => {
  it("rejects when the server returns more than was asked for", async () => {
    await scene(async (conn, backend) => {
      backend.results.set("loread", { type_oid: BYTEA, value: "\\x010203" });
      await using _tx = await conn.begin();
      const lo = await conn.lobject(5);
      assertEquals(await lo.read(4), Uint8Array.of(1, 2, 3));
    });
    await scene(async (conn, backend) => {
      backend.results.set("loread", { type_oid: BYTEA, value: "\\x010203" });
      await using _tx = await conn.begin();
      const lo = await conn.lobject(5);
      await assertRejects(() => lo.read(2), OperationalError, "more of a large object");
    });
  });

  for (const value of ["0", "-1", "4"]) {
    it(`rejects when the server says that ${value} bytes of 3 were written`, async () => {
      await scene(async (conn, backend) => {
        backend.results.set("lowrite", { type_oid: INT4, value });
        await using _tx = await conn.begin();
        const lo = await conn.lobject(5, "w");
        await assertRejects(() => lo.write("abc"), OperationalError, `a count of ${value} bytes`);
      });
    });
  }

  it("is closed once, and by its transaction", async () => {
    await scene(async (conn, backend) => {
      const tx = await conn.begin();
      const one = await conn.lobject(5);
      await one.close();
      await one.close();
      await assertRejects(() => one.tell(), InterfaceError, "the large object is closed");
      const two = await conn.lobject(5);
      await tx.commit();
      assert(two.closed);
      await two.close();
      await assertRejects(() => two.tell(), ProgrammingError, "has ended");
      assertEquals(backend.log.filter((sql) => sql.includes("lo_close")).length, 1);
    });
  });

  it("is none of another transaction, though it has the same number there", async () => {
    await scene(async (conn) => {
      await conn.execute("begin");
      const lo = await conn.lobject(5);
      await conn.execute("commit");
      await conn.execute("begin");
      await assertRejects(() => lo.tell(), ProgrammingError, "has ended");
      await conn.execute("rollback");
    });
  });

  it("goes with the savepoint that it was opened in, if that is rolled back", async () => {
    await scene(async (conn) => {
      const tx = await conn.begin();
      const inner = await tx.begin_nested();
      const rolled_back = await inner.lobject(5);
      await inner.rollback();
      assert(rolled_back.closed);
      await assertRejects(() => rolled_back.tell(), ProgrammingError, "has ended");
      const kept = await tx.begin_nested((inner) => inner.lobject(5));
      assert(!kept.closed);
      await tx.rollback();
      assert(kept.closed);
    });
  });

  it("rejects after the loss of the connection, and is closed in silence", async () => {
    await scene(async (conn, backend) => {
      backend.deed = (sql) => sql.includes("loread") ? "reset" : undefined;
      await conn.begin();
      const lo = await conn.lobject(5);
      await assertRejects(() => lo.read(), OperationalError, "lost");
      await assertRejects(() => lo.read(), OperationalError, "lost");
      await lo.close();
    });
  });

  it("does not close itself in a transaction that has failed", async () => {
    await scene(async (conn, backend) => {
      backend.deed = (sql) => sql === "bad" ? "22012" : undefined;
      await using _tx = await conn.begin();
      {
        await using _lo = await conn.lobject(5);
        await assertRejects(() => conn.execute("bad"), PgError);
      }
      assertEquals(backend.log.at(-1), "bad");
    });
  });

  const misuses: [string, (conn: Connection) => Promise<unknown>][] = [
    ["read(-2)", async (conn) => await (await conn.lobject(5)).read(-2)],
    ["read(1.5)", async (conn) => await (await conn.lobject(5)).read(1.5)],
    ["seek(NaN)", async (conn) => await (await conn.lobject(5)).seek(NaN)],
    ["truncate(-1)", async (conn) => await (await conn.lobject(5)).truncate(-1)],
    ["write() of a number", async (conn) => await (await conn.lobject(5)).write(3 as never)],
  ];
  for (const [name, misuse] of misuses) {
    it(`rejects ${name}`, async () => {
      await scene(async (conn) => {
        await using _tx = await conn.begin();
        await assertRejects(() => misuse(conn), ProgrammingError);
      });
    });
  }
});
