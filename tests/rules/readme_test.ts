/** Every TypeScript snippet of the README is a program that runs. */

import { assert } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Database, fresh_database } from "../support/database.ts";
import { specifiers } from "../support/specifiers.ts";

const ROOT = new URL("../../", import.meta.url);
const README = readFileSync(new URL("README.md", ROOT), "utf8");
const SNIPPETS = [...README.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
/** The servers that snippets name, in place of which the suite's own is used. */
const DSN = /"(postgres:\/\/app@localhost\/app|dbname=aiopg [^"]*)"/g;

describe("README.md", () => {
  let database: Database;
  let directory: string;

  beforeAll(async () => {
    database = await fresh_database();
    directory = mkdtempSync(join(tmpdir(), "edgepg-readme-"));
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await database[Symbol.asyncDispose]();
  });

  it("has snippets", () => {
    assert(SNIPPETS.length >= 5);
  });

  for (const [i, snippet] of SNIPPETS.entries()) {
    it(`runs snippet ${i + 1}: ${snippet.trim().split("\n").at(-1)}`, async () => {
      const file = join(directory, `snippet_${i + 1}.ts`);
      const program = snippet
        .replaceAll(DSN, () => JSON.stringify(database.url))
        .replaceAll(/ from "([^"]+)"/g, (_, name) => ` from ${JSON.stringify(resolve(name))}`);
      // Without marks at its top level, TypeScript would not be sure that it is a module.
      writeFileSync(file, `${program}\nexport {};\n`);
      await import(pathToFileURL(file).href);
    });
  }
});

/** A snippet lies outside of the repository, from where no name is found. */
function resolve(name: string): string {
  return specifiers[name] ?? import.meta.resolve(name);
}
