/** examples/worker.ts in the real runtime: many requests, streams, and clients that leave. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect, type Connection } from "../../../mod.ts";
import { type Database, fresh_database } from "../../support/database.ts";
import { NEW_DATE, OLD_DATE, start_workerd, type Workerd } from "./workerd.ts";

const worker = "examples/worker.ts";
const flags = ["enable_request_signal"];

for (const date of [OLD_DATE, NEW_DATE]) {
  describe(`examples/worker.ts, in workerd as of ${date},`, () => {
    let database: Database;
    let admin: Connection;
    let workerd: Workerd;

    beforeAll(async () => {
      database = await fresh_database();
      admin = await connect(database.url);
      workerd = await start_workerd({ worker, date, flags, env: { DATABASE_URL: database.url } });
    });
    afterAll(async () => {
      const log = workerd.log();
      await workerd[Symbol.asyncDispose]();
      await admin.close();
      await database.drop();
      assertEquals(log, "");
    });

    async function get(path: string): Promise<string> {
      const response = await fetch(workerd.url + path, { signal: AbortSignal.timeout(20_000) });
      const text = await response.text();
      assertEquals(response.status, 200, text);
      return text;
    }

    /** Settles when the worker has no session any more. */
    async function deserted(): Promise<void> {
      const left = "select count(*) from pg_stat_activity where application_name = 'worker'";
      while (await admin.fetchval(left) !== 0n);
    }

    it("answers 20 first requests at once", async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => get("/types?like=int4")));
      for (const answer of answers) {
        const [type] = JSON.parse(answer);
        assertEquals([type.oid, type.name], [23, "int4"]);
        assertMatch(type.uses, /^\d+$/); // an int8, as text
      }
      await deserted();
    });

    it("answers one request after the other", async () => {
      const answers = [await get("/types?like=oid"), await get("/types?like=oid")];
      assertEquals(answers[0], answers[1]);
      await deserted();
    });

    it("streams to many clients at once", async () => {
      const texts = await Promise.all(Array.from({ length: 8 }, () => get("/numbers?to=3000")));
      for (const text of texts) {
        const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
        assertEquals(lines.map(({ n }) => Number(n)), lines.map((_, i) => i + 1));
        assertEquals(lines.at(-1), { n: "3000", root: Math.sqrt(3000) });
      }
      await deserted();
    });

    it("stops the server when a client leaves, and goes on for others", async () => {
      const leave = new AbortController();
      const { signal } = leave;
      const response = await fetch(`${workerd.url}/numbers?to=100000000`, { signal });
      const reader = response.body!.getReader();
      await reader.read();
      leave.abort();
      await reader.closed.catch(() => {});
      assertEquals(JSON.parse(await get("/numbers?to=1")), { n: "1", root: 1 });
      await deserted();
    });

    it("holds the server back while a client does not read", async () => {
      const leave = new AbortController();
      const { signal } = leave;
      const response = await fetch(`${workerd.url}/numbers?to=100000000`, { signal });
      const reader = response.body!.getReader();
      await reader.read();
      // Its batches come to an end: nothing is asked for during a fifth of a second.
      const last_batch = `select state_change::text from pg_stat_activity, pg_sleep(0.2)
        where application_name = 'worker' and state = 'idle in transaction'`;
      for (let before: unknown, now: unknown = null; now === null || now !== before;) {
        before = now;
        now = await admin.fetchval(last_batch);
      }
      leave.abort();
      await reader.closed.catch(() => {});
      await deserted();
    });
  });
}

describe("examples/worker.ts", () => {
  it("says that the database is not there, and logs why", async () => {
    const env = { DATABASE_URL: "postgres://me@127.0.0.1:1/db" };
    await using workerd = await start_workerd({ worker, env });
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`${workerd.url}/types`);
      assertEquals([response.status, await response.text()], [503, "the database did not answer"]);
    }
    assert(workerd.log().includes("cannot connect to 127.0.0.1:1"), workerd.log());
  });
});
