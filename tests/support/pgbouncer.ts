/**
 * PgBouncer in front of a cluster, where the machine has it.
 *
 * Law: it ends with the process that started it: a small shell keeps it, and reads from a pipe that
 * nobody else holds.
 *
 * Source: https://www.pgbouncer.org/config.html
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import type { Cluster } from "./cluster.ts";

/** How it pools. */
export interface PgBouncerOptions {
  readonly pool_mode: "session" | "transaction";
  /** 0: named statements are not known. Takes version 1.21. */
  readonly max_prepared_statements: number;
  /** Most server connections. */
  readonly size: number;
}

const KEEPER = '"$0" -q "$1" & cat; kill -KILL $!';

/** The program, and its version as a number such as 1.18 or 1.25; null if the machine has none. */
export function find_pgbouncer(): { readonly path: string; readonly version: number } | null {
  const named = process.env["PGBOUNCER"];
  for (const path of named ? [named] : ["pgbouncer", "/usr/sbin/pgbouncer"]) {
    const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    const version = /PgBouncer (\d+)\.(\d+)/.exec(stdout ?? "");
    if (status === 0 && version) return { path, version: +version[1]! * 1000 + +version[2]! };
  }
  return null;
}

/** One that runs. */
export class PgBouncer implements AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  readonly #keeper: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(keeper: ChildProcess, port: number) {
    this.port = port;
    this.#keeper = keeper;
    this.#ended = new Promise((resolve) => keeper.once("close", () => resolve()));
  }

  /** Starts one in front of `cluster`, whose users it trusts. */
  static async start(
    path: string,
    cluster: Cluster,
    options: PgBouncerOptions,
  ): Promise<PgBouncer> {
    const port = await free_port();
    const directory = join(cluster.socket_dir, `pgbouncer-${port}`);
    const { uid, gid } = statSync(cluster.socket_dir);
    mkdirSync(directory);
    write(join(directory, "users"), '"postgres" ""');
    write(join(directory, "config"), configuration(cluster, options, port, directory));
    const owner = process.getuid?.() === 0 ? { uid, gid } : {};
    const keeper = spawn("sh", ["-c", KEEPER, path, join(directory, "config")], {
      ...owner,
      cwd: directory,
      stdio: ["pipe", "ignore", "inherit"],
      detached: true,
    });
    const bouncer = new PgBouncer(keeper, port);
    while (!await listens(port)) if (keeper.exitCode !== null) throw new Error("it did not start");
    return bouncer;

    function write(path: string, text: string): void {
      writeFileSync(path, text);
      chownSync(path, uid, gid);
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#keeper.stdin!.end();
    await this.#ended;
  }
}

function configuration(
  cluster: Cluster,
  { pool_mode, max_prepared_statements, size }: PgBouncerOptions,
  port: number,
  directory: string,
): string {
  return `[databases]
* = host=${cluster.host} port=${cluster.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(directory, "users")}
pool_mode = ${pool_mode}
default_pool_size = ${size}
max_client_conn = 200
${max_prepared_statements < 0 ? "" : `max_prepared_statements = ${max_prepared_statements}`}
`;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}

function free_port(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
