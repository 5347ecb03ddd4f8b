/** The checks that every runtime shares, on the one at hand. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as api from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { CHECKS } from "./checks.ts";
import { Pooled } from "./pooled.ts";
import { POOLER_CHECKS } from "./pooler_checks.ts";

describe("mod.ts, on this runtime", () => {
  let database: Database;

  beforeAll(async () => {
    database = await fresh_database();
  });
  afterAll(async () => {
    await database.drop();
  });

  for (const [name, check] of Object.entries(CHECKS)) {
    it(name, () => check(api, database.url));
  }

  describe("through a pooler,", () => {
    let pooled: Pooled;

    beforeAll(async () => {
      pooled = await Pooled.start();
    });
    afterAll(async () => {
      const { complaints } = pooled;
      await pooled[Symbol.asyncDispose]();
      assertEquals(complaints, []);
    });

    for (const [name, check] of Object.entries(POOLER_CHECKS)) {
      it(name, () => check(api, pooled.url));
    }
  });
});
