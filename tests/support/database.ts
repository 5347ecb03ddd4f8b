/**
 * A database of its own for a test file, on the server that all files share.
 *
 * Law: files never see each other's tables. Roles, tablespaces and settings of the server are shared:
 * a test that changes those starts a cluster of its own. Where the run goes through a pooler, so does
 * `url`; all else is the server's.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { test_server } from "./cluster.ts";
import { pooler_url } from "./through.ts";

/** A database that exists until it is dropped. */
export interface Database extends AsyncDisposable {
  /** Its name, that no other has. */
  readonly name: string;
  /** The way to it, with user and password. */
  readonly url: string;
  /** The server's host. */
  readonly host: string;
  /** The server's port. */
  readonly port: number;
  /** Whom to connect as: a superuser. */
  readonly user: string;
  /** The user's password; empty where none is asked for. */
  readonly password: string;
  /** The directory of the server's Unix socket; null if it is not on this machine. */
  readonly socket_dir: string | null;
  /** Cuts the connections to it and removes it. */
  drop(): Promise<void>;
}

/** Before any test, so that no sanitizer takes the server for a test's leak. */
const server: URL = new URL((await test_server()).url);

/** Makes an empty database. Who calls drops it, usually in `afterAll`. */
export async function fresh_database(): Promise<Database> {
  const name = `edgepg_${crypto.randomUUID().replaceAll("-", "")}`;
  const url = new URL(pooler_url ?? server);
  url.pathname = name;
  const port = Number(server.port || 5432);
  const socket_dir = await ask_server(async (sql) => {
    const [facts] = await sql<[{ version: number; sockets: string }]>`
      select current_setting('server_version_num')::int as version,
             current_setting('unix_socket_directories') as sockets`;
    // Since 15 a server can copy files instead of logging each page, which is faster where nothing syncs.
    const strategy = facts.version >= 150_000 ? "strategy file_copy" : "";
    await sql.unsafe(`create database ${name} ${strategy}`);
    return facts.sockets.split(",")[0]!.trim();
  });
  const drop = () =>
    ask_server(async (sql) => {
      await sql.unsafe(`drop database if exists ${name} with (force)`);
    });
  return {
    name,
    url: url.href,
    host: decodeURIComponent(server.hostname),
    port,
    user: decodeURIComponent(server.username),
    password: decodeURIComponent(server.password),
    socket_dir: existsSync(join(socket_dir, `.s.PGSQL.${port}`)) ? socket_dir : null,
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

async function ask_server<T>(ask: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres({
    host: decodeURIComponent(server.hostname),
    port: Number(server.port || 5432),
    user: decodeURIComponent(server.username),
    password: decodeURIComponent(server.password),
    database: decodeURIComponent(server.pathname.slice(1)) || "postgres",
    max: 1,
    onnotice: () => {},
  });
  try {
    return await ask(sql);
  } finally {
    await sql.end();
  }
}
