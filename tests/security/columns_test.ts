/** Names of columns come from whoever wrote the query, or the server, and are never more than names. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bind_adapter } from "../../src/entries/core.ts";
import {
  bind_complete,
  command_complete,
  data_row,
  parameter_description,
  parse_complete,
  ready,
  row_description,
} from "../support/messages.ts";
import { scripted } from "../support/script.ts";

const NAMES = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
  "",
  "0",
  "a'];process.exit(1);//",
  "`${globalThis}`",
  "\u2028",
];

describe("a column's name", () => {
  it("is an own property of the row, whatever it is", async () => {
    const server = scripted(async (peer) => {
      await peer.start();
      await peer.expect_all("P", "D", "B", "E", "S");
      const twice = [...NAMES, ...NAMES];
      peer.send(
        parse_complete(),
        parameter_description(),
        row_description(...twice),
        bind_complete(),
        data_row(...twice.map((_, at) => `value ${at}`)),
        command_complete("SELECT 1"),
        ready(),
      );
      await peer.expect("X");
      peer.close();
    });
    const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable");
    const row = (await conn.fetchone("select"))!;
    assertEquals(Object.getPrototypeOf(row), Object.prototype);
    for (const [at, name] of NAMES.entries()) {
      assertEquals(Object.getOwnPropertyDescriptor(row, name)?.value, `value ${at}`);
      assertEquals(row[`${name}_2`], `value ${at + NAMES.length}`);
    }
    assertEquals(Object.keys(row).length, 2 * NAMES.length);
    assertEquals(({} as Record<string, unknown>)["value"], undefined);
    await conn.close();
    await server.finished();
  });
});

/** What runs text as code. `cloudflare:` is no place where text comes from: its modules are the runtime's. */
const RUNS_TEXT =
  /\beval\s*\(|\bFunction\s*\(|\bimport\s*\(\s*(?!\s|["']|`cloudflare:\$\{MODULE\}`\))/;

describe("src/", () => {
  it("makes no code out of text", () => {
    const root = fileURLToPath(new URL("../../src/", import.meta.url));
    const files = readdirSync(root, { recursive: true, encoding: "utf8" });
    const guilty = files.filter((file) => file.endsWith(".ts")).filter((file) =>
      RUNS_TEXT.test(
        readFileSync(root + file, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""),
      )
    );
    assertEquals(guilty, []);
  });
});
