import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { type Cluster, start_cluster } from "./cluster.ts";

describe("start_cluster()", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await start_cluster({
      settings: { work_mem: "3MB", cluster_name: "it's" },
      hba: "local all all trust\nhost all postgres 127.0.0.1/32 trust",
      files: { "note.txt": "beside the data" },
    });
  });
  afterAll(async () => {
    await Promise.all([cluster.stop(), cluster.stop()]);
    assertFalse(existsSync(cluster.socket_dir), "stop() leaves nothing behind");
    await cluster.stop();
  });

  it("passes on settings", async () => {
    assertEquals(await ask(cluster, "show work_mem"), "3MB");
    assertEquals(await ask(cluster, "show cluster_name"), "it's");
  });

  it("lays files beside the data directory", async () => {
    const note = await ask(cluster, "select pg_read_file('../note.txt')");
    assertEquals(note, "beside the data");
  });

  it("listens on a Unix socket too", async () => {
    const sql = postgres({
      host: cluster.socket_dir,
      port: cluster.port,
      user: "postgres",
      max: 1,
    });
    assertEquals([...await sql`select inet_client_addr() as address`], [{ address: null }]);
    await sql.end();
  });

  it("lets pg_hba.conf decide who comes in", async () => {
    await ask(cluster, "create role stranger login");
    const sql = postgres(cluster.url, { user: "stranger", max: 1 });
    await assertRejects(() => sql`select 1`.execute(), Error, "no pg_hba.conf entry");
    await sql.end();
    assertStringIncludes(cluster.log(), "no pg_hba.conf entry");
  });

  it("says what the server said when it does not start", async () => {
    const settings = { shared_buffers: "none" };
    await assertRejects(() => start_cluster({ settings }), Error, "shared_buffers");
  });

  it("ends with the process that called it, though that is killed", async () => {
    const module = new URL("./cluster.ts", import.meta.url).href;
    const program = `const { start_cluster } = await import("${module}");
      console.log((await start_cluster()).socket_dir);
      setInterval(() => {}, 1000);`;
    const evaluate = "Deno" in globalThis ? "eval" : "-e";
    const child = spawn(process.execPath, [evaluate, program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(child.stdout, "data");
    const directory = String(line).trim();
    assert(existsSync(directory));
    child.kill("SIGKILL");
    await once(child, "close");
    while (existsSync(directory)) await delay(10);
  });
});

async function ask(cluster: Cluster, query: string): Promise<unknown> {
  const sql = postgres(cluster.url, { max: 1 });
  try {
    const [row] = await sql.unsafe(query);
    return row && Object.values(row)[0];
  } finally {
    await sql.end();
  }
}
