/** The table of aiopg's tests says the truth about the tests here. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readdirSync, readFileSync } from "node:fs";
import { AIOPG_TESTS } from "./aiopg.ts";

const DECLARATION = /^ *(describe|it)(?:\(|_where\(\s*\w+,\s*)(["`])(.*?)(?:\2|\$\{)/gm;

/** All tests of this directory, as `file: suite: test`; of a name made of parts, the first. */
function declared(): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync(import.meta.dirname!)) {
    if (!name.endsWith("_test.ts") || name === "aiopg_test.ts") continue;
    const source = readFileSync(new URL(name, import.meta.url), "utf8");
    let suite = "";
    for (const [, kind, , text] of source.matchAll(DECLARATION)) {
      const words = text!.replace(/: $/, "");
      if (kind === "describe") suite = words;
      else found.add(`${name.replace("_test.ts", "")}: ${suite}: ${words}`);
    }
  }
  return found;
}

const rows = Object.entries(AIOPG_TESTS).flatMap(([file, tests]) =>
  Object.entries(tests).map(([test, counterpart]) => ({ name: `${file}: ${test}`, counterpart }))
);

describe("AIOPG_TESTS", () => {
  it("names for each of aiopg's tests one that exists, or says why there is none", () => {
    const known = declared();
    const wrong = rows.filter(({ counterpart }) =>
      "none" in counterpart
        ? counterpart.none === ""
        : !known.has(`${counterpart.file}: ${counterpart.suite}: ${counterpart.test}`)
    );
    assertEquals(wrong, []);
  });

  it("names every test of this directory", () => {
    const named = rows.map(({ counterpart: row }) =>
      "none" in row ? "" : `${row.file}: ${row.suite}: ${row.test}`
    );
    assertEquals([...declared()].filter((test) => !named.includes(test)), []);
  });

  it("has as many tests of each file as aiopg has", () => {
    const counts = Object.entries(AIOPG_TESTS).map(([file, tests]) => {
      assert(Object.keys(tests).every((test) => test.startsWith("test_")), file);
      return [file, Object.keys(tests).length];
    });
    assertEquals(Object.fromEntries(counts), {
      "test_async_await.py": 18,
      "test_async_transaction.py": 8,
      "test_connection.py": 47,
      "test_cursor.py": 34,
      "test_extended_types.py": 2,
      "test_isolation_level.py": 2,
      "test_pool.py": 42,
      "test_transaction.py": 10,
      "test_utils.py": 5,
      "test_version.py": 5,
    });
  });
});
