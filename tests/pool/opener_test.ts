/** The opener of sessions, by itself. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Opener } from "../../src/pool/opener.ts";
import { no_totals } from "../../src/pool/stats.ts";
import { FakeClock } from "../support/fake_clock.ts";

describe("Opener", () => {
  it("opens nothing once it was stopped", async () => {
    let opened = 0;
    const settings = { clock: new FakeClock(), timeout: 60, on_connect: undefined };
    const open = () => Promise.reject(new Error(`opened ${++opened}`));
    const opener = new Opener(open, settings, () => null as never, no_totals(), () => {});
    const reason = new Error("closed");
    opener.stop(reason);
    const outcome = await opener.start(null, () => assertEquals(opener.size, 0));
    assertStrictEquals(outcome.session === null && outcome.error, reason);
    assertEquals([opened, settings.clock.pending], [0, 0]);
  });
});
