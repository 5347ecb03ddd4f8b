import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { adapter } from "./here.ts";
import { temporary } from "./peer.ts";

describe("Adapter.env()", () => {
  it("gives a variable, undefined if unset", () => {
    process.env.EDGEPG_TEST = "value";
    assertEquals(adapter.env!("EDGEPG_TEST"), "value");
    delete process.env.EDGEPG_TEST;
    assertEquals(adapter.env!("EDGEPG_TEST"), undefined);
  });
});

describe("Adapter.user()", () => {
  it("gives the operating system's name of the user", () => {
    assertEquals(adapter.user!(), userInfo().username);
  });
});

describe("Adapter.read_text()", () => {
  let directory: ReturnType<typeof temporary>;
  let path: string;

  beforeEach(() => {
    directory = temporary();
    path = join(directory.path, "file");
    writeFileSync(path, "tëxt\n");
  });

  afterEach(() => directory[Symbol.dispose]());

  it("gives the text of a file", async () => {
    assertEquals(await adapter.read_text!(path), "tëxt\n");
  });

  it("gives undefined where there is no file", async () => {
    assertEquals(await adapter.read_text!(join(directory.path, "none")), undefined);
    assertEquals(await adapter.read_text!(join(path, "none")), undefined);
    assertEquals(await adapter.read_text!(directory.path), undefined);
  });

  const ignore = process.platform === "win32";

  for (const mode of [0o600, 0o400, 0o700]) {
    it(`gives a secret that only its owner may use: ${mode.toString(8)}`, { ignore }, async () => {
      chmodSync(path, mode);
      assertEquals(await adapter.read_text!(path, { secret: true }), "tëxt\n");
    });
  }

  for (const mode of [0o640, 0o604, 0o620, 0o610, 0o666]) {
    it(`refuses a secret that others may use: ${mode.toString(8)}`, { ignore }, async () => {
      chmodSync(path, mode);
      assertEquals(await adapter.read_text!(path, { secret: true }), undefined);
      assertEquals(await adapter.read_text!(path), "tëxt\n");
    });
  }

  it("refuses a secret that is no file", { ignore }, async () => {
    const inner = join(directory.path, "directory");
    mkdirSync(inner, { mode: 0o700 });
    assertEquals(await adapter.read_text!(inner, { secret: true }), undefined);
  });
});
