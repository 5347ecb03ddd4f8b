import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { SECURITY_ROWS } from "./rows.ts";

describe("SECURITY_ROWS", () => {
  for (const { known_as, rule, shown_by } of SECURITY_ROWS) {
    it(`${known_as}: ${rule}`, () => {
      assert(shown_by.length > 0);
      const missing = shown_by.filter(([file, name]) => {
        const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
        return !file.endsWith("_test.ts") || !text.includes(name);
      });
      assertEquals(missing, []);
    });
  }
});
