/**
 * A PostgreSQL server of its own: for a test, or for a run of all tests.
 *
 * Law: it ends with the process that started it, however that one ends, and leaves no file behind.
 * A small shell keeps it and reads from a pipe that nobody else holds: when the pipe ends, the shell
 * stops the server and removes the directory.
 *
 * Source: https://www.postgresql.org/docs/18/app-initdb.html and app-postgres.html.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Owner, postgres_programs } from "./postgres_programs.ts";

/** What a cluster is to be. */
export interface ClusterOptions {
  /** Server settings by name, beside those that make a throw-away server fast. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** The text of pg_hba.conf. Default: everyone is trusted. */
  readonly hba?: string;
  /** Texts by file name, such as certificates; a setting reaches `name` as `../name`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether its data, as they are before it first starts, may be another cluster's `data_from`. */
  readonly template?: boolean;
  /** Whose data to begin with. Such a cluster can be a standby of that one. */
  readonly data_from?: Cluster;
}

/** Settings of a server that need not survive a crash, and has no more to do than tests give it. */
const SETTINGS: Readonly<Record<string, string | number>> = {
  listen_addresses: "127.0.0.1",
  max_connections: 100,
  max_prepared_transactions: 20,
  shared_buffers: "32MB",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: 0,
  autovacuum: "off",
};

/** What a server logs when it has started, as a primary or a standby. */
const READY = /ready to accept (read-only )?connections/;

/** How long a server may take to start, in milliseconds. */
const START_LIMIT = 30_000;

/**
 * Its arguments are the directory and those of the server. A line of input, where the programs are,
 * starts the server; the end of the input stops it. The server is told to quit until it is gone, because what a shell starts
 * in the background ignores SIGQUIT until it has a handler of its own.
 */
const KEEPER = `
directory=$1
shift
if read -r programs; then
  if [ -d "$directory/data" ] || "$programs/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C \
    --no-sync --no-instructions >"$directory/log" 2>&1
  then
    [ ! -d "$directory/template" ] || cp -Rp "$directory/data/." "$directory/template"
    "$programs/postgres" -D "$directory/data" "$@" </dev/null >>"$directory/log" 2>&1 &
    cat
    while kill -QUIT $! 2>/dev/null; do sleep 0.02; done
  else
    echo 'FATAL: initdb failed' >>"$directory/log"
    cat
  fi
fi
rm -rf "$directory"
`;

/** A running server. Its superuser is `postgres`, without a password; its database likewise. */
export class Cluster implements AsyncDisposable {
  /** Where it listens for TCP. */
  readonly host = "127.0.0.1";
  /** Its TCP port, also in the name of its Unix socket. */
  readonly port: number;
  /** The directory of its Unix socket. */
  readonly socket_dir: string;
  readonly #keeper: ChildProcess;
  readonly #ended: Promise<void>;

  /** Takes over a keeper that waits for its line; `start_cluster` makes it. */
  constructor(keeper: ChildProcess, directory: string, port: number) {
    this.port = port;
    this.socket_dir = directory;
    this.#keeper = keeper;
    this.#ended = new Promise((resolve) => {
      keeper.once("exit", () => resolve());
      keeper.once("error", () => resolve());
    });
    keeper.unref();
    // Bun has no such method, and does not wait for a pipe.
    (keeper.stdin as Partial<Socket>).unref?.();
  }

  /** The way to it over TCP. */
  get url(): string {
    return `postgres://postgres@${this.host}:${this.port}/postgres`;
  }

  /** What the server has logged so far. */
  log(): string {
    const path = join(this.socket_dir, "log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** Starts the programs in the directory; settles when the server takes connections. */
  async start(programs: string): Promise<void> {
    this.#keeper.stdin!.write(`${programs}\n`);
    const deadline = performance.now() + START_LIMIT;
    while (!READY.test(this.log())) {
      if (performance.now() > deadline || this.log().includes("FATAL")) {
        throw new Error(`cannot start PostgreSQL: its log is\n${this.log()}`);
      }
      await delay(10);
    }
  }

  /** Stops the server at once and removes its files. May be called again. */
  async stop(): Promise<void> {
    this.#keeper.ref();
    this.#keeper.stdin!.end();
    await this.#ended;
  }

  /** Stops the server. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Starts a server on a free port. Who calls stops it; it ends with this process in any case. */
export async function start_cluster(options: ClusterOptions = {}): Promise<Cluster> {
  const owner = unprivileged();
  const port = await free_port();
  const directory = mkdtempSync(join(tmpdir(), "edgepg-"));
  chmodSync(directory, 0o755);
  if (owner !== null) chownSync(directory, owner.uid, owner.gid);
  const server = server_arguments(directory, port, options);
  const keeper = spawn("sh", ["-c", KEEPER, "sh", directory, ...server], {
    ...owner,
    cwd: directory,
    env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" },
    stdio: ["pipe", "ignore", "ignore"],
    // Signals to the group of processes, as Ctrl-C sends them, are not for it.
    detached: true,
  });
  const cluster = new Cluster(keeper, directory, port);
  try {
    make_data(directory, options, owner);
    write_files(directory, options, owner);
    await cluster.start(postgres_programs(directory, owner));
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/**
 * The server that tests share: the one that `DATABASE_URL` names, else the one of `PGHOST` and the
 * other variables of libpq, else a cluster of this process.
 */
export async function test_server(): Promise<{ url: string; stop: () => Promise<void> }> {
  const { DATABASE_URL, PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = process.env;
  const stop = () => Promise.resolve();
  if (DATABASE_URL) return { url: DATABASE_URL, stop };
  if (PGHOST) {
    const url = new URL(`postgres://${encodeURIComponent(PGHOST)}`);
    url.port = PGPORT ?? "5432";
    url.username = PGUSER ?? "postgres";
    url.password = PGPASSWORD ?? "";
    url.pathname = PGDATABASE ?? "postgres";
    return { url: url.href, stop };
  }
  const cluster = await start_cluster();
  return { url: cluster.url, stop: () => cluster.stop() };
}

function server_arguments(directory: string, port: number, options: ClusterOptions): string[] {
  const settings: Record<string, string | number> = {
    ...SETTINGS,
    port,
    unix_socket_directories: directory,
    ...options.settings,
  };
  if (options.hba !== undefined) settings["hba_file"] = join(directory, "pg_hba.conf");
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

function make_data(directory: string, options: ClusterOptions, owner: Owner | null): void {
  const { template, data_from } = options;
  if (data_from !== undefined) {
    const copy = ["-Rp", join(data_from.socket_dir, "template"), join(directory, "data")];
    if (spawnSync("cp", copy).status !== 0) throw new Error("cannot copy the data of a template");
  }
  if (!template) return;
  mkdirSync(join(directory, "template"), { mode: 0o700 });
  if (owner !== null) chownSync(join(directory, "template"), owner.uid, owner.gid);
}

/** The server refuses a private key that others may read. */
function write_files(directory: string, { files, hba }: ClusterOptions, owner: Owner | null): void {
  const all = hba === undefined ? { ...files } : { ...files, "pg_hba.conf": hba };
  for (const [name, text] of Object.entries(all)) {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (owner !== null) chownSync(path, owner.uid, owner.gid);
  }
}

/** PostgreSQL refuses to run as root; null for everyone else. */
function unprivileged(): Owner | null {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ??
    users.find(([name]) => name === "nobody");
  if (user === undefined) throw new Error("cannot start PostgreSQL as root: no user to run it");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

function free_port(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
