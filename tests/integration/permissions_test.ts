/**
 * What Deno has to allow, as the README has it. Deno itself keeps the book: with the variable
 * `DENO_AUDIT_PERMISSIONS` it writes down whatever it is asked for, and so all that it would prompt for.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectOptions } from "../../mod.ts";
import { temporary } from "../adapters/peer.ts";
import { run_program } from "../support/program.ts";
import { TlsCluster } from "../support/tls_cluster.ts";
import { describe_where } from "../support/where.ts";

const PROGRAM = new URL("programs/permitted.ts", import.meta.url);

describe_where("Deno" in globalThis, "the permissions of Deno", () => {
  const directory = temporary();
  let tls: TlsCluster;

  beforeAll(async () => {
    const hba = ["host all secret all scram-sha-256", "host all all all trust"];
    tls = await TlsCluster.start(hba, "create role secret login password 'secret'");
  });
  afterAll(async () => {
    await tls[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  /** Runs the program with these flags; gives what it printed, and what it asked Deno for. */
  async function run(
    flags: readonly string[],
    options: ConnectOptions,
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ output: Record<string, unknown>; asked: string[] }> {
    const book = join(directory.path, "audit");
    const { output } = await run_program(PROGRAM, {
      deno_flags: flags,
      args: [JSON.stringify(options)],
      env: { ...env, DENO_AUDIT_PERMISSIONS: book },
    });
    const lines = existsSync(book) ? readFileSync(book, "utf8").split("\n") : [];
    rmSync(book, { force: true });
    const asked = lines.filter((line) => line !== "").map((line) => JSON.parse(line))
      .map(({ permission, value }) => value ? `${permission}=${value}` : permission);
    return { output: JSON.parse(output), asked: [...new Set(asked)].sort() };
  }

  function net(host = tls.cluster.host): string {
    return `net=${host}:${tls.cluster.port}`;
  }

  const FINE = { late: "late", usable: true, heard: "heard", encrypted: true, name: "" };

  for (const host of ["127.0.0.1", "localhost"]) {
    it(`suffice as --allow-net of the server, ${host}: with TLS, pool, listener and cancel`, async () => {
      const sslmode = "verify-full";
      const options = tls.options("postgres", { host, sslmode, sslrootcert: tls.authority.pem });
      const { output, asked } = await run([`--allow-${net(host)}`], options);
      assertEquals(output, FINE);
      assertEquals(asked, [net(host)]);
    });
  }

  it("show PG* variables only where they are allowed to be read", async () => {
    const env = { PGAPPNAME: "reports", PGSSLMODE: "disable" };
    const flags = [`--allow-${net()}`];
    const { output, asked } = await run(flags, tls.options("postgres"), env);
    assertEquals(output, FINE);
    assertEquals(asked, [net()]);

    const more = await run([...flags, "--allow-env=PGAPPNAME"], tls.options("postgres"), env);
    assertEquals(more.output, { ...FINE, name: "reports" });
    assertEquals(more.asked, ["env=PGAPPNAME", net()]);
  });

  it("show the user's name only where the environment or the system may be asked", async () => {
    const { user: _, ...nobody } = tls.options("postgres");
    const { output, asked } = await run([`--allow-${net()}`], nobody, { USER: "postgres" });
    assertStringIncludes(String(output["error"]), "user must be given");
    assertEquals(asked, []);
    const flags = [`--allow-${net()}`, "--allow-env"];
    assertEquals((await run(flags, nobody, { USER: "postgres" })).output, FINE);
  });

  it("show files only where they are allowed to be read", async () => {
    const passfile = join(realpathSync(directory.path), "passfile");
    writeFileSync(passfile, "*:*:*:secret:secret\n", { mode: 0o600 });
    const options = tls.options("secret", { passfile });
    const flags = [`--allow-${net()}`];
    const without = await run(flags, options);
    assertStringIncludes(String(without.output["error"]), "password");
    assertEquals(without.asked, [net()]);

    const more = await run([...flags, `--allow-read=${passfile}`], options);
    assertEquals(more.output, FINE);
    assertEquals(more.asked, [net(), `read=${passfile}`]);

    const all = ["--allow-net", "--allow-env", "--allow-read"];
    const { output } = await run(all, tls.options("secret"), { PGPASSFILE: passfile });
    assertEquals(output, FINE);
  });

  it("are three for a Unix socket", async () => {
    const { socket_dir, port } = tls.cluster;
    const host = realpathSync(socket_dir); // Deno looks through links
    const path = `${host}/.s.PGSQL.${port}`;
    const flags = [`--allow-net=unix:${path}`, `--allow-read=${path}`, `--allow-write=${path}`];
    const options = tls.options("postgres", { host });
    for (const missing of flags) {
      const { output } = await run(flags.filter((flag) => flag !== missing), options);
      assertEquals(
        output["error"],
        `cannot connect to ${path}: permission denied\nHINT: run deno with ${flags.join(" ")}`,
      );
    }
    const { output, asked } = await run(flags, options);
    assertEquals(output, { ...FINE, encrypted: false });
    assertEquals(asked, [`net=unix:${path}`, `read=${path}`, `write=${path}`]);
  });

  it("are named by the error where they lack", async () => {
    // With no flag at all, a process of `node:child_process` inherits every permission.
    const { output } = await run(["--allow-net=192.0.2.1"], tls.options("postgres"));
    const { host, port } = tls.cluster;
    assertEquals(
      output["error"],
      `cannot connect to ${host}:${port}: permission denied\n` +
        `HINT: run deno with --allow-net=${host}:${port}`,
    );
  });
});
