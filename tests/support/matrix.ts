/**
 * What works where: the README's table, and which tests prove it.
 *
 * Law: no cell says yes but by a test that passed there. A run of the whole suite fails where a proof
 * is missing, and tests/rules/matrix_test.ts where the README has another table.
 *
 * To add a row, name the feature and, for each column, the tests; to add a column, put it into
 * `COLUMNS` and into the rows that it has proofs for: a row without a cell for it says "not tested".
 *
 * @module
 */

import type { Table } from "./readme.ts";
import type { Test } from "./report.ts";
import { type RuntimeName, RUNTIMES } from "./runtimes.ts";

/** A column: its title, and whose reports have its tests. */
interface Column {
  readonly title: string;
  readonly reports: readonly RuntimeName[];
}

/** Tests that run inside workerd are driven by the other runtimes: any of them will do. */
const COLUMNS = {
  deno: { title: "Deno 2.9", reports: ["deno"] },
  bun: { title: "Bun 1.4", reports: ["bun"] },
  node: { title: "Node 24", reports: ["node"] },
  workerd: { title: "workerd", reports: RUNTIMES },
} as const satisfies Readonly<Record<string, Column>>;

type ColumnName = keyof typeof COLUMNS;

/** What a cell says, and the beginnings of the names of tests that prove it: each has to have one that passed, and none that failed. */
interface Cell {
  readonly says: string;
  readonly proofs: readonly string[];
}

type Cells = Readonly<Partial<Record<ColumnName, Cell>>>;

/** It works. */
function yes(...proofs: readonly string[]): Cell {
  return { says: "yes", proofs };
}

/** It works in part. */
function partly(what: string, ...proofs: readonly string[]): Cell {
  return { says: what, proofs };
}

/** It cannot work; the tests prove that it says so. */
function no(reason: string, ...proofs: readonly string[]): Cell {
  return { says: `no: ${reason}`, proofs };
}

/** It works on the runtimes that the suite itself runs on. */
function suite(...proofs: readonly string[]): Cells {
  const cell = yes(...proofs);
  return { deno: cell, bun: cell, node: cell };
}

/** What runs inside workerd: the shared checks, as of an old date and of a new one. */
function in_workerd(...checks: readonly string[]): string[] {
  return checks.flatMap((check) => [
    `workerd.ts, in workerd as of 2025-01-01 > ${check}`,
    `mod.ts, in workerd as of 2026-11-01 > ${check}`,
  ]);
}

const ROWS: Readonly<Record<string, Cells>> = {
  "TCP sockets, with back-pressure both ways": {
    deno: yes("Adapter.dial()", "deno socket"),
    bun: yes("Adapter.dial()", "bun socket"),
    node: yes("Adapter.dial()", "node socket"),
    workerd: yes("workerd_adapter > carries bytes", "workerd_adapter > holds the server back"),
  },
  "Unix sockets": {
    ...suite("Adapter.dial()", "sslmode > has no effect on a Unix socket"),
    workerd: no("the runtime has none", "workerd_adapter > refuses Unix sockets"),
  },
  "pool: fair, reset, life times, leaks": {
    ...suite(
      "create_pool()",
      "Pool.acquire",
      "Pool.release",
      "Pool counters",
      "A reset",
      "Pool max_lifetime",
      "Pool leak_after",
      "Pool, while its connections are killed,",
    ),
    workerd: partly(
      "yes, in each request",
      ...in_workerd("lends connections", "makes callers", "resets what", "ends a pool"),
      "requests to workerd",
    ),
  },
  "cursors of the DB-API, also on the server": {
    ...suite("Cursor.", "NamedCursor", "AIOPG_TESTS"),
    workerd: yes(...in_workerd("fetches and scrolls", "iterates a named cursor")),
  },
  "transactions, also in two phases": {
    ...suite(
      "new Transaction()",
      "Connection.transaction()",
      "Transaction.begin_nested()",
      "tpc_prepare()",
    ),
    workerd: yes(...in_workerd("commits, rolls back", "commits in two phases")),
  },
  "streams, `executemany()`, COPY": {
    ...suite(
      "Connection.stream()",
      "Connection.executemany()",
      "copy_from()",
      "copy_to()",
      "copy_records_from()",
      "copy_records_to()",
    ),
    workerd: yes(
      ...in_workerd(
        "streams rows",
        "runs one statement for many",
        "copies bytes",
        "copies records",
      ),
    ),
  },
  "LISTEN and NOTIFY, also over reconnects": {
    ...suite("Connection.listen()", "Pool.listen"),
    workerd: yes(...in_workerd("hears notifications", "listens by a pool")),
  },
  "deadlines, `AbortSignal`, cancel": {
    ...suite(
      "a statement's deadline",
      "an AbortSignal",
      "Connection.cancel()",
    ),
    workerd: yes(
      ...in_workerd("ends a statement", "ends a stream", "cancels what runs"),
      "requests to workerd as of 2025-01-01 > abort",
    ),
  },
  "every builtin type, users' types, codecs of one's own": {
    ...suite(
      "builtin_codecs",
      "TypeCodec",
      "Connection.execute()",
      "a user's type",
      "the option codecs",
    ),
    workerd: partly(
      "yes, by samples",
      ...in_workerd("reads and writes values", "knows composite types", "converts by codecs"),
    ),
  },
  "`temporal: true`": {
    deno: yes("builtin_codecs with temporal: true > reads"),
    bun: yes("builtin_codecs with temporal: true > reads"),
    node: no(
      "the runtime has no Temporal",
      "builtin_codecs with temporal: true > says what is missing on a runtime without Temporal",
    ),
    workerd: no("the runtime has no Temporal", ...in_workerd("reads Temporal values, or says")),
  },
  "TLS: every `sslmode`, client certificates, direct": {
    ...suite("Socket.start_tls()", "sslmode", "the server's certificate", "a client's certificate"),
    workerd: partly(
      "`verify-full` only",
      "workerd_adapter > starts TLS as it can",
      "TLS from workerd",
    ),
  },
  "SCRAM-SHA-256, and -PLUS (channel binding) over TLS": {
    ...suite("a login", "channel_binding"),
    workerd: partly(
      "SCRAM-SHA-256",
      ...in_workerd("logs in by SCRAM"),
      "TLS from workerd > connects and cancels: scram",
      "TLS from workerd > refuses a login that must be tied to a certificate which is not shown",
    ),
  },
  "several hosts, `target_session_attrs`": {
    ...suite(
      "connect() to several hosts",
      "a primary and its standby:",
    ),
    workerd: yes(...in_workerd("goes on to the next of several hosts")),
  },
  "behind a pooler of transactions": {
    ...suite("through a pooler", "mod.ts, on this runtime > through a pooler:"),
    workerd: yes(...in_workerd("through a pooler:")),
  },
  "`/websocket`: through a proxy": suite(
    "edgepg through a WebSocket proxy",
    "a server that asks for a password in the clear",
    "websocket_adapter()",
  ),
  "`/pglite`: in the process, one session at a time": suite(
    "edgepg over PGlite",
    "a socket to PGlite",
  ),
  "the `postgres` package over these sockets": {
    ...suite("the postgres package over the runtime's sockets", "socket_for()"),
    workerd: partly(
      "yes, with `nodejs_compat`",
      "the postgres package in workerd as of 2025-01-01, with nodejs_compat",
      "the postgres package in workerd as of 2026-11-01",
    ),
  },
};

/** The table as the README has it, if all is proven. */
export function matrix_table(): Table {
  const names = Object.keys(COLUMNS) as ColumnName[];
  const head = ["", ...names.map((name) => COLUMNS[name].title)];
  const rows = Object.entries(ROWS).map(([feature, cells]) => [
    feature,
    ...names.map((name) => cells[name]?.says ?? "not tested"),
  ]);
  return [head, ...rows];
}

/** The claims of the table that a run does not prove. */
export function unproven(tests: Readonly<Partial<Record<RuntimeName, readonly Test[]>>>): string[] {
  return Object.entries(ROWS).flatMap(([feature, cells]) =>
    Object.entries(cells).flatMap(([name, { says, proofs }]) => {
      const { title, reports } = COLUMNS[name as ColumnName];
      const run = reports.flatMap((runtime) => tests[runtime] ?? []);
      return proofs.filter((proof) => !proves(run, proof))
        .map((proof) => `${feature}, ${title}, ${says}: by "${proof}"`);
    })
  );
}

/** Whether tests of that name ran, and none failed. What was left out proves nothing either way. */
function proves(tests: readonly Test[], proof: string): boolean {
  const named = tests.filter(({ name }) => name.startsWith(proof));
  return named.some(({ verdict }) => verdict === "passed") &&
    named.every(({ verdict }) => verdict !== "failed");
}
