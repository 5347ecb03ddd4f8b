/** The README's table of what works where is the one that the suite proves. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { matrix_table, unproven } from "../support/matrix.ts";
import { readme_table } from "../support/readme.ts";

describe("the README's table of what works where", () => {
  it("is that of matrix.ts, which `deno task test --matrix` writes", () => {
    assertEquals(readme_table("matrix"), matrix_table());
  });

  it("names the version of the runtime at hand", () => {
    const { userAgent } = navigator; // such as Deno/2.9.6
    const [name = "", version = ""] = userAgent.replace("Node.js", "Node").split("/");
    const title = matrix_table()[0]!.find((title) => title.startsWith(name));
    assert(`${name} ${version}.`.startsWith(`${title}.`), `${title} is not ${userAgent}`);
  });
});

describe("unproven()", () => {
  const test = "builtin_codecs with temporal: true > reads both";

  /** Whether the claim is among those that are not proven by this one test of Bun's. */
  function is_proven(name: string, verdict: "passed" | "ignored" | "failed"): boolean {
    return !unproven({ bun: [{ name, verdict }] })
      .includes('`temporal: true`, Bun 1.4, yes: by "builtin_codecs with temporal: true > reads"');
  }

  it("takes a test that passed for a proof", () => {
    assertEquals(is_proven(test, "passed"), true);
  });

  it("takes none that failed, did not run, or was another runtime's", () => {
    assertEquals(is_proven(test, "failed"), false);
    assertEquals(is_proven(test, "ignored"), false);
    assertEquals(is_proven("another", "passed"), false);
  });
});
