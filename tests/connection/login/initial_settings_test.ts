/** Settings of a startup message, as statements for a session that was there before it. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { settings_sql } from "../../../src/connection/login/initial_settings.ts";

const START = { user: "me", database: "db", client_encoding: "UTF8", replication: "" };

/** Of a startup message: what is set, as `name=value`. */
const CASES: readonly (readonly [startup: Record<string, string>, settings: string[]])[] = [
  [{}, []],
  [{ application_name: "it's", search_path: "a, b" }, [
    "application_name=it''s",
    "search_path=a, b",
  ]],
  [{ options: "-c geqo=off --work-mem=5MB" }, ["geqo=off", "work_mem=5MB"]],
  [{ options: " -cgeqo=off\t-c  app.x=a\\ b\\\\c= " }, ["geqo=off", "app.x=a b\\\\c="]],
  [{ options: "-c x= -d 3 -E" }, ["x="]],
];

describe("settings_sql()", () => {
  for (const [startup, expected] of CASES) {
    it(`sets what ${JSON.stringify(startup)} does`, () => {
      const sql = settings_sql(new Map(Object.entries({ ...START, ...startup })));
      const found = [...sql.matchAll(/set_config\('([^']*)', ?(?: E)?'((?:[^']|'')*)', false\)/g)];
      assertEquals(found.map(([, name, value]) => `${name}=${value}`), expected);
      assertEquals(sql.split("; ").length, Math.max(1, expected.length));
    });
  }
});
