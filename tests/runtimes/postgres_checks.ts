/**
 * What must hold of the `postgres` package over the sockets of edgepg where the suite itself does not
 * run. Where it does, tests/entries/postgres_test.ts asks for more.
 *
 * Law: as in checks.ts; but Node's streams are needed, as the package needs them.
 *
 * @module
 */

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type postgres from "postgres";
import { InterfaceError, OperationalError } from "../../src/entries/public.ts";
import { equal, holds, rejects } from "./expect.ts";

/** A client over our sockets, and how many it asked for. */
export interface Client {
  readonly sql: postgres.Sql;
  readonly sockets: () => number;
}

/** Makes another one; all are ended with the request. */
export type Open = (more?: object) => Client;

/** The error's SQLSTATE, or the system's code. */
async function code_of(query: PromiseLike<unknown>): Promise<string | undefined> {
  return (await rejects(async () => await query, Error) as Error & { code?: string }).code;
}

async function one(sql: postgres.Sql): Promise<unknown> {
  return (await sql`select 1 as one`)[0]?.["one"];
}

/** All checks by name. */
export const POSTGRES_CHECKS: Readonly<Record<string, (open: Open) => Promise<void>>> = {
  async "runs queries, many at once"(open) {
    const { sql, sockets } = open();
    const many = Array.from({ length: 50 }, (_, i) => sql`select ${i}::int4 as i, ${"é" + i} as t`);
    const rows = await Promise.all(many);
    equal(rows.map(([row]) => ({ ...row })), rows.map((_, i) => ({ i, t: `é${i}` })));
    equal(sockets(), 3);
  },

  async "carries large values both ways"(open) {
    const text = "0123456789".repeat(500_000);
    const [row] = await open().sql`select ${text}::text as same`;
    holds(row?.["same"] === text, "the same came back");
  },

  async "runs transactions, nested ones too, and rolls back"(open) {
    const { sql } = open({ max: 1 });
    await sql`create temp table account (id int primary key, sum int)`;
    await sql.begin(async (sql) => {
      await sql`insert into account values (1, 10)`;
      await sql.savepoint(async (sql) => {
        await sql`update account set sum = 0`;
        throw new Error("undo");
      }).catch(() => {});
    });
    const failing = sql.begin(async (sql) => {
      await sql`delete from account`;
      await sql`select 1/0`;
    });
    equal(await code_of(failing), "22012");
    equal((await sql`select * from account`).map((row) => ({ ...row })), [{ id: 1, sum: 10 }]);
  },

  async "reads by cursor, and leaves early"(open) {
    const { sql } = open();
    let read = 0;
    for await (const rows of sql`select generate_series(1, 100000) as n`.cursor(1000)) {
      read += rows.length;
      if (read === 3000) break;
    }
    equal([read, await one(sql)], [3000, 1]);
  },

  async "copies in and out"(open) {
    const { sql } = open({ max: 1 });
    await sql`create temp table measure (n int, note text)`;
    const lines = Array.from({ length: 5000 }, (_, n) => `${n}\t${"x".repeat(500)}\n`);
    await pipeline(Readable.from(lines), await sql`copy measure from stdin`.writable());
    let size = 0;
    for await (const chunk of await sql`copy measure to stdout`.readable()) size += chunk.length;
    equal([size, await one(sql)], [lines.join("").length, 1]);
  },

  async "hears notifications"(open) {
    const { sql } = open();
    const { promise, resolve } = Promise.withResolvers<string>();
    const { unlisten } = await sql.listen("news", resolve);
    await sql.notify("news", "paper");
    equal(await promise, "paper");
    await unlisten();
  },

  async "cancels a query, and goes on"(open) {
    const { sql, sockets } = open({ max: 1 });
    const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
    const query = sql`select pg_sleep(60)`.execute();
    const other = open().sql;
    while (
      !(await other`select 1 from pg_stat_activity
        where pid = ${pid} and state = 'active' and query like '%pg_sleep(60)%'`).length
    );
    query.cancel();
    equal([await code_of(query), await one(sql), sockets()], ["57014", 1, 2]);
  },

  async "opens a new socket when the server ends the session"(open) {
    const { sql, sockets } = open({ max: 1 });
    const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
    await open().sql`select pg_terminate_backend(${pid}, 10000)`;
    equal([await one(sql), sockets()], [1, 2]);
  },

  async "closes every session on end()"(open) {
    const application_name = crypto.randomUUID();
    const { sql } = open({ connection: { application_name } });
    await Promise.all([1, 2, 3].map((n) => sql`select ${n}::int, pg_sleep(0.01)`));
    await sql.end();
    const other = open().sql;
    while (
      (await other`select 1 from pg_stat_activity where application_name = ${application_name}`)
        .length
    );
  },

  async "logs in by SCRAM"(open) {
    const { sql } = open();
    const user = `edgepg_${crypto.randomUUID().replaceAll("-", "")}`;
    await sql.unsafe(`create role ${user} login password 'secret'`);
    try {
      const [row] = await open({ user, password: "secret" }).sql`select current_user::text as user`;
      equal(row?.["user"], user);
    } finally {
      await sql.unsafe(`drop role ${user}`);
    }
  },

  async "says whom it could not reach"(open) {
    const { sql } = open({ port: 1 });
    await rejects(async () => await one(sql), OperationalError, /^cannot connect to .*:1: /);
  },

  async "says so when the package has TLS of its own"(open) {
    const { sql } = open({ ssl: "require" });
    await rejects(async () => await one(sql), InterfaceError, /TLS must be left to socket_for/);
  },
};
