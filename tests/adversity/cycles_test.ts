/** A pool needs no more memory however often its connections were lent. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { run_program } from "../support/program.ts";

const CYCLE_POOL = new URL("programs/cycle_pool.ts", import.meta.url);
const CYCLES = 1_000_000;
/** Bytes that the heap may grow by after the first tenth: that is one a cycle, for what engines keep of their own. */
const MOST_GROWTH = 900_000;
/** Bytes of garbage that a cycle may leave to full collections: by what holds its successor, all of it would be. */
const MOST_AGED = 100;

describe("A million idle-to-busy pool cycles", () => {
  for (const way of ["lease", "lease_without_reset", "one_shot_call"]) {
    it(`allocate no more than a fixed amount: ${way}`, async () => {
      const { code, output } = await run_program(CYCLE_POOL, { args: [way] });
      assertEquals(code, 0);
      const { cycles, grew, aged } = JSON.parse(output);
      assertEquals(cycles, CYCLES);
      assert(grew < MOST_GROWTH, `the heap grew by ${grew} bytes`);
      assert(aged < MOST_AGED, `a cycle left ${aged} bytes`);
    });
  }
});
