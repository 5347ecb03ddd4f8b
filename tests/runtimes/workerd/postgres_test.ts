/** The `postgres` package inside workerd, over our sockets. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Database, fresh_database } from "../../support/database.ts";
import { POSTGRES_CHECKS } from "../postgres_checks.ts";
import { start_bundled } from "./bundled.ts";
import type { PostgresTask } from "./postgres_worker.ts";
import { NEW_DATE, OLD_DATE, type Workerd } from "./workerd.ts";

const worker = "tests/runtimes/workerd/postgres_worker.ts";

/** Node's modules, which the package needs, are there by default since 2026-08-04. */
const DATES: readonly [date: string, flags: readonly string[]][] = [
  [OLD_DATE, ["nodejs_compat"]],
  [NEW_DATE, []],
];

for (const [date, flags] of DATES) {
  const with_flags = flags.map((flag) => `, with ${flag}`).join("");
  describe(`the postgres package in workerd as of ${date}${with_flags}`, () => {
    let database: Database;
    let workerd: Workerd;

    beforeAll(async () => {
      database = await fresh_database();
      workerd = await start_bundled({ worker, date, flags });
    });
    afterAll(async () => {
      await workerd[Symbol.asyncDispose]();
      await database.drop();
    });

    for (const name of Object.keys(POSTGRES_CHECKS)) {
      it(name, async () => {
        const task: PostgresTask = { name, url: database.url };
        const response = await fetch(workerd.url, { method: "POST", body: JSON.stringify(task) });
        assertEquals([response.status, await response.text(), workerd.log()], [
          200,
          JSON.stringify({ failure: null, escaped: 0 }),
          "",
        ]);
      });
    }
  });
}
