/** The checks that every runtime shares, on the one at hand. */

import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as api from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { CHECKS } from "./checks.ts";

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
});
