/** The checks that every runtime shares, on the one at hand. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as api from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { is_direct, keeps_sessions } from "../support/through.ts";
import { CHECKS, type Need, NEEDS } from "./checks.ts";
import { Pooled } from "./pooled.ts";
import { POOLER_CHECKS } from "./pooler_checks.ts";

/** What a pooler has not: it logs in by itself, and may keep no session. */
const LACKS: readonly Need[] = [
  ...(is_direct ? [] : ["login"] as const),
  ...(keeps_sessions ? [] : ["a session"] as const),
];

describe("mod.ts, on this runtime", () => {
  let database: Database;
  let pooled: Pooled;

  beforeAll(async () => {
    database = await fresh_database();
    pooled = await Pooled.start();
  });
  afterAll(async () => {
    const { complaints } = pooled;
    await pooled[Symbol.asyncDispose]();
    await database.drop();
    assertEquals(complaints, []);
  });

  for (const [name, check] of Object.entries(CHECKS)) {
    if (NEEDS[name]?.some((need) => LACKS.includes(need))) continue;
    it(name, () => check(api, database.url));
  }

  for (const [name, check] of Object.entries(POOLER_CHECKS)) {
    it(`through a pooler: ${name}`, () => check(api, pooled.url));
  }
});
