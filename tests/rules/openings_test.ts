import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { OPENINGS } from "./openings.ts";

describe("what users of other clients suffer is tested here by name", () => {
  for (const { rule, shown_by } of OPENINGS) {
    it(rule, () => {
      assert(shown_by.length > 0);
      const missing = shown_by.filter(([file, name]) =>
        !readFileSync(new URL(`../${file}`, import.meta.url), "utf8").includes(name)
      );
      assertEquals(missing, []);
    });
  }
});
