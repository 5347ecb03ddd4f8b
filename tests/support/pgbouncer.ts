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
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";

/** A program, and its version, such as 1.18. */
export interface PgBouncerProgram {
  readonly path: string;
  readonly version: string;
}

/** How it pools, and what its clients have to say of it. */
export interface PoolingWay {
  readonly pool_mode: "session" | "transaction";
  /** 0: named statements are not known. */
  readonly max_prepared_statements: number;
  readonly pooler: "session" | "transaction";
}

/** How it pools. */
export interface PgBouncerOptions extends Omit<PoolingWay, "pooler"> {
  /** Most server connections of each database. */
  readonly size: number;
}

/** The ways that differ most, by the name that the runner has for them. */
export const WAYS: Readonly<Record<string, PoolingWay>> = {
  session: { pool_mode: "session", max_prepared_statements: 0, pooler: "session" },
  transaction: { pool_mode: "transaction", max_prepared_statements: 0, pooler: "transaction" },
  // It keeps named statements itself, so clients may take it for a server.
  prepared: { pool_mode: "transaction", max_prepared_statements: 200, pooler: "session" },
};

/** All ways that there are. */
export const ALL_WAYS: readonly PoolingWay[] = [
  ...Object.values(WAYS),
  { pool_mode: "session", max_prepared_statements: 200, pooler: "session" },
  { pool_mode: "transaction", max_prepared_statements: 200, pooler: "transaction" },
];

/** How long it may take to start, in milliseconds. */
const START_LIMIT = 10_000;

const KEEPER = '"$0" -q "$1" & cat; kill -KILL $!';

/** What PGBOUNCER names and what is installed, each version once. */
function find_pgbouncers(): PgBouncerProgram[] {
  const found = new Map<string, PgBouncerProgram>();
  for (const path of [process.env["PGBOUNCER"], "pgbouncer", "/usr/sbin/pgbouncer"]) {
    const version = path ? version_of(path) : null;
    if (version !== null && !found.has(version)) found.set(version, { path: path!, version });
  }
  return [...found.values()];
}

/** Each PgBouncer that is here, with each of the ways that it knows. */
export function pairings(ways: readonly PoolingWay[]): [PgBouncerProgram, PoolingWay][] {
  return find_pgbouncers().flatMap((program) =>
    ways.filter((way) => way.max_prepared_statements === 0 || knows_prepared(program))
      .map((way): [PgBouncerProgram, PoolingWay] => [program, way])
  );
}

/** Such as `pool_mode=session, max_prepared_statements=0, pooler: "session"`. */
export function describe_way({ pool_mode, max_prepared_statements, pooler }: PoolingWay): string {
  return `pool_mode=${pool_mode}, max_prepared_statements=${max_prepared_statements}, ` +
    `pooler: "${pooler}"`;
}

/** Whether it has `max_prepared_statements`: since 1.21. */
function knows_prepared({ version }: PgBouncerProgram): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 1 || minor >= 21;
}

function version_of(path: string): string | null {
  const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return status === 0 ? /PgBouncer (\d+\.\d+)/.exec(stdout)?.[1] ?? null : null;
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
    program: PgBouncerProgram,
    cluster: Cluster,
    options: PgBouncerOptions,
  ): Promise<PgBouncer> {
    const port = await free_port();
    const directory = join(cluster.socket_dir, `pgbouncer-${port}`);
    const { uid, gid } = statSync(cluster.socket_dir);
    mkdirSync(directory);
    write(join(directory, "users"), '"postgres" ""');
    const prepared = knows_prepared(program)
      ? `max_prepared_statements = ${options.max_prepared_statements}`
      : "";
    write(join(directory, "config"), configuration(cluster, options, port, directory) + prepared);
    const owner = process.getuid?.() === 0 ? { uid, gid } : {};
    const keeper = spawn("sh", ["-c", KEEPER, program.path, join(directory, "config")], {
      ...owner,
      cwd: directory,
      stdio: ["pipe", "ignore", "inherit"],
      detached: true,
    });
    const bouncer = new PgBouncer(keeper, port);
    const deadline = performance.now() + START_LIMIT;
    while (!await listens(port)) {
      if (performance.now() > deadline) {
        throw new Error("cannot start PgBouncer: it does not listen");
      }
      await delay(10);
    }
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
  { pool_mode, size }: PgBouncerOptions,
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
server_login_retry = 0.1
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
