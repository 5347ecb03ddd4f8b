/** The README's sizes are those of the bundles, within a few percent. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readme_table } from "../support/readme.ts";
import { sizes_table } from "../support/sizes.ts";

/** How far a size may be off until `deno run -A tests/support/sizes.ts --write` is due. */
const TOLERANCE = 0.04;

describe("the README's table of sizes", () => {
  const told = readme_table("sizes");
  const measured = sizes_table();

  it("has a row for each entry module", () => {
    assertEquals(told.map(([name]) => name), measured.map(([name]) => name));
  });

  for (const [at, [name, ...sizes]] of measured.slice(1).entries()) {
    it(`is right about ${name}`, () => {
      for (const [column, size] of sizes.entries()) {
        const off = Math.abs(parseInt(told[at + 1]![column + 1]!) / parseInt(size) - 1);
        assert(off <= TOLERANCE, `it says ${told[at + 1]}, but now it is ${measured[at + 1]}`);
      }
    });
  }
});
