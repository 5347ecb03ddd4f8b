/** Transactions that nobody holds any more. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import { collect_until } from "../../support/garbage.ts";
import { scripted } from "../../support/script.ts";
import { FakeBackend } from "../fake_backend.ts";

const DSN = "postgres://me@scripted/db?sslmode=disable";

/** Begins transactions and drops their handles; `end` may end the first. */
async function forget(conn: Connection, end: "commit" | "nothing"): Promise<WeakRef<object>> {
  const tx = await conn.begin();
  await tx.execute("insert");
  if (end === "commit") await tx.commit();
  return new WeakRef(tx);
}

describe("a Transaction that is garbage", () => {
  it("warns while it is open, and only once", async () => {
    const warnings: string[] = [];
    const server = scripted(new FakeBackend().script);
    const conn = await bind_adapter(server).connect(DSN, {
      on_warning: ({ message }) => warnings.push(message),
    });
    await forget(conn, "nothing");
    assert(await collect_until(() => warnings.length > 0));
    assertEquals(warnings.length, 1);
    assertStringIncludes(warnings[0]!, "never ended");
    await conn.close();
    await server.finished();
  });

  it("says nothing when it has ended", async () => {
    const warnings: string[] = [];
    const server = scripted(new FakeBackend().script);
    const conn = await bind_adapter(server).connect(DSN, {
      on_warning: ({ message }) => warnings.push(message),
    });
    const handle = await forget(conn, "commit");
    const open = await forget(conn, "nothing"); // whose warning shows that finalizers have run
    assert(await collect_until(() => handle.deref() === undefined && warnings.length > 0));
    assertEquals(open.deref(), undefined);
    assertEquals(warnings.length, 1);
    await conn.close();
    await server.finished();
  });
});
