/** The checks that every runtime shares, inside workerd. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Database, fresh_database } from "../../support/database.ts";
import { CHECKS } from "../checks.ts";
import { Pooled } from "../pooled.ts";
import { POOLER_CHECKS } from "../pooler_checks.ts";
import type { CheckTask } from "./checks_worker.ts";
import { NEW_DATE, OLD_DATE, start_workerd, type Workerd } from "./workerd.ts";

const worker = "tests/runtimes/workerd/checks_worker.ts";

for (const [date, entry] of [[OLD_DATE, "workerd"], [NEW_DATE, "mod"]] as const) {
  describe(`${entry}.ts, in workerd as of ${date}`, () => {
    let database: Database;
    let pooled: Pooled;
    let workerd: Workerd;

    beforeAll(async () => {
      database = await fresh_database();
      pooled = await Pooled.start();
      workerd = await start_workerd({ worker, date });
    });
    afterAll(async () => {
      const { complaints } = pooled;
      await workerd[Symbol.asyncDispose]();
      await pooled[Symbol.asyncDispose]();
      await database.drop();
      assertEquals(complaints, []);
    });

    async function check(name: string, url: string): Promise<void> {
      const task: CheckTask = { name, entry, url };
      const response = await fetch(workerd.url, { method: "POST", body: JSON.stringify(task) });
      assertEquals([response.status, await response.text(), workerd.log()], [
        200,
        JSON.stringify({ failure: null, escaped: 0 }),
        "",
      ]);
    }

    for (const name of Object.keys(CHECKS)) it(name, () => check(name, database.url));

    for (const name of Object.keys(POOLER_CHECKS)) {
      it(`through a pooler: ${name}`, () => check(name, pooled.url));
    }
  });
}
