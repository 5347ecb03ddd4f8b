/** What outlives its request in workerd: a pool may, a connection may not, and says so. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, afterEach, beforeAll, describe, it } from "@std/testing/bdd";
import { connect } from "../../../mod.ts";
import { type Database, fresh_database } from "../../support/database.ts";
import { NEW_DATE, OLD_DATE, start_workerd, type Workerd } from "./workerd.ts";

const worker = "tests/runtimes/workerd/requests_worker.ts";
const REFUSED =
  /^InterfaceError: cannot .*: a connection can be used only in the request that opened it, but this is another request$/;
/** What never rejects, and does nothing there. */
const QUIET = new Set(["rows.return", "await using tx"]);
/** What the runtime remarks when a stream of one request fails in another. */
const REMARK = /^(Warning: A promise was resolved or rejected from a different .*\n( +at .*\n)*)*$/;

for (const date of [OLD_DATE, NEW_DATE]) {
  describe(`requests to workerd as of ${date}`, () => {
    let database: Database;
    let workerd: Workerd;
    let log = /^$/;

    beforeAll(async () => {
      database = await fresh_database();
      const env = { DATABASE_URL: database.url };
      workerd = await start_workerd({ worker, date, env, objects: ["Keeper"] });
    });
    afterEach(() => {
      assertMatch(workerd.log(), log);
    });
    afterAll(async () => {
      await workerd[Symbol.asyncDispose]();
      await database.drop();
    });

    /** What the worker answers, at once and without a rejection that nobody handles. */
    async function ask<T>(action: string): Promise<T> {
      const signal = AbortSignal.timeout(20_000);
      const response = await fetch(`${workerd.url}/${action}`, { signal });
      const text = await response.text();
      assertEquals(response.status, 200, text);
      const { result, escaped } = JSON.parse(text);
      assertEquals(escaped, 0);
      return result;
    }

    /** Does `work` while a request waits for it; gives what that answers then. */
    async function during(action: string, work: () => Promise<unknown>): Promise<unknown> {
      await using conn = await connect(database.url);
      await conn.listen("kept");
      const answer = ask(action);
      await conn.notifies.get({ timeout: 20 });
      await work();
      await conn.notify("go on");
      return await answer;
    }

    /** Settles when the server has none of these sessions any more. */
    async function gone(pids: number[]): Promise<void> {
      await using conn = await connect(database.url);
      const left = "select count(*) from pg_stat_activity where pid = any($1)";
      while (await conn.fetchval(left, [pids]) !== 0n);
    }

    it("lets a pool be made outside of them, but no connection", async () => {
      const none = "InterfaceError: cannot connect: workerd has sockets only while it handles a " +
        "request, but handles none";
      assertEquals(await ask("outside"), {
        "a pool with a minsize": none,
        "a connection": none,
        "a pool's connection": none,
        "its size": "0",
      });
    });

    it("share a pool, and no session, one after the other", async () => {
      const [one, two] = [await ask<Backends>("backends"), await ask<Backends>("backends")];
      assertEquals([one.size, two.size], [2, 2]);
      assertEquals(new Set(one.pids).size, 2); // it lends again what came back
      assertEquals(new Set([...one.pids, ...two.pids]).size, 4);
      await gone([...one.pids, ...two.pids]);
    });

    for (const count of [2, 20]) {
      it(`share a pool, and no session, ${count} at once`, async () => {
        const answers = await Promise.all(
          Array.from({ length: count }, () => ask<Backends>("backends")),
        );
        const pids = new Set(answers.flatMap((answer) => answer.pids));
        assertEquals(pids.size, 2 * count);
        assertEquals(answers.map(({ size }) => size), answers.map(() => 2));
        await gone([...pids]);
      });
    }

    it("each have as many connections as the pool may have", async () => {
      for (const answer of await Promise.all([ask("crowd"), ask("crowd")])) {
        assertEquals(answer, {
          squares: [0, 1, 4, 9, 16, 25, 36, 49],
          rows: 500,
          used: 0,
          size: 3,
        });
      }
    });

    it("lose no more than they left when they end", async () => {
      for (let i = 0; i < 5; i++) await gone(await ask<number[]>("leave"));
      assertEquals((await ask<Backends>("backends")).size, 2);
    });

    it("find the connections of a Durable Object, which outlive them", async () => {
      const [[a], [b]] = await ask<number[][]>("objects") as [[number], [number]];
      assertEquals(await ask("objects"), [[a, 1], [b, 1], [a, 1]]);
      assert(a !== b);
    });

    it("leave what another uses as it is, and are told why they cannot use it", async () => {
      log = REMARK;
      const works = during("keep", async () => {
        for (const [use, outcome] of Object.entries(await ask<Outcomes>("use"))) {
          assertMatch(outcome, QUIET.has(use) ? /^gave / : REFUSED, use);
        }
        assertEquals(await ask("share"), { before: [0, 0], one: 1, size: 1 });
      });
      assertEquals((await works as unknown[]).slice(0, 5), ["conn", "lent", "tx", 1, "heard"]);
    });

    it("end a pool that another uses, which keeps what it has", async () => {
      const closed = "PoolClosedError: cannot acquire a connection: the pool is closed";
      const answer = during("outlive", async () => assertEquals(await ask("end"), [true, closed]));
      assertEquals(await answer, ["lent", closed, null, null, null, 0, null]);
    });

    it("abort a statement of another", async () => {
      const answer = await during("run", () => ask("abort"));
      assertEquals(answer, ["RangeError: by another request", "gave usable"]);
    });

    it("are told why they cannot use what one that has ended left", async () => {
      log = REMARK;
      const pid = await ask<number>("forsake");
      await gone([pid]);
      for (const [use, outcome] of Object.entries(await ask<Outcomes>("use"))) {
        assertMatch(outcome, QUIET.has(use) ? /^gave / : REFUSED, use);
      }
      assertEquals(await ask("share"), { before: [0, 0], one: 1, size: 1 });
    });
  });
}

type Outcomes = Readonly<Record<string, string>>;

interface Backends {
  readonly pids: readonly number[];
  readonly size: number;
}
