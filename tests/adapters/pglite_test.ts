/** Sockets to a PGlite: who has its only session, and how it is left; with a database that is made of paper. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { adapter_over, pglite_adapter } from "../../src/adapters/pglite.ts";
import {
  not_installed,
  type PgliteDatabase,
  PgliteInstance,
} from "../../src/adapters/pglite_instance.ts";
import type { Socket } from "../../src/adapters/socket.ts";
import { NotSupportedError, OperationalError } from "../../src/errors.ts";
import { concat, cstring, i32, message, ready, trust_startup } from "../support/messages.ts";
import { run_program } from "../support/program.ts";
import { no_escapes } from "./peer.ts";

const ADDRESS = { hostname: "db.example", port: 5432 };
const START = startup("user", "me");
const CLEAN = "ROLLBACK; DISCARD ALL";
const query = (sql: string) => message("Q", cstring(sql));

function startup(...parameters: string[]): Uint8Array {
  const body = concat(i32(0x30000), ...parameters.map(cstring), "\0");
  return concat(i32(4 + body.length), body);
}

/** Answers everything, and remembers what was run. */
class PaperDatabase implements PgliteDatabase {
  waitReady = Promise.resolve();
  closed = false;
  /** SQL of the queries that were run, and `start`. */
  readonly ran: string[] = [];
  /** What is run next throws this. */
  failure: Error | null = null;
  /** Bytes of each answer beside ReadyForQuery. */
  answer: Uint8Array = new Uint8Array(0);

  execProtocolRawStream(
    messages: Uint8Array,
    { onRawData }: { onRawData: (data: Uint8Array) => void },
  ): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    const is_start = messages[0] === 0;
    const words = new TextDecoder().decode(messages).matchAll(/Q\0\0\0.(.*?)\0/gs);
    this.ran.push(is_start ? "start" : [...words].map(([, sql]) => sql).join("; "));
    onRawData(is_start ? trust_startup() : concat(this.answer, ready()));
    return Promise.resolve();
  }

  execProtocol = () => Promise.resolve();

  runExclusive<T>(fn: () => Promise<T>): Promise<T> {
    return fn();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** Sends a message; resolves to what comes back at once. */
async function ask(socket: Socket, sent: Uint8Array): Promise<string> {
  const writer = socket.writable.getWriter();
  await writer.write(sent);
  writer.releaseLock();
  const reader = socket.readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

async function open(db: PgliteDatabase): Promise<Socket> {
  const socket = await pglite_adapter(db).dial(ADDRESS);
  await ask(socket, START);
  return socket;
}

async function ended(socket: Socket): Promise<void> {
  for await (const _ of socket.readable);
}

describe("a socket to PGlite", () => {
  no_escapes();

  it("is private, without TLS, to a session of its own", async () => {
    const db = new PaperDatabase();
    const socket = await open(db);
    assert(socket.is_private);
    assertEquals(socket.start_tls, undefined);
    assertEquals(db.ran, [CLEAN, "start"]);
    socket.close();
  });

  it("leaves the session clean, and open to the next, when its client says goodbye", async () => {
    const db = new PaperDatabase();
    const socket = await open(db);
    await socket.writable.getWriter().write(message("X"));
    await ended(socket);
    assertEquals(db.ran.at(-1), CLEAN);
    (await open(db)).close();
    assert(!db.closed, "it is its maker's");
  });

  it("has the next wait until it has left", async () => {
    const db = new PaperDatabase();
    const first = await open(db);
    const second = await pglite_adapter(db).dial(ADDRESS);
    first.close();
    assert((await ask(second, START)).startsWith("R"), "it is let in");
    assertEquals(db.ran, [CLEAN, "start", CLEAN, CLEAN, "start"]);
    second.close();
  });

  it("turns away who comes while another has the session", async () => {
    const db = new PaperDatabase();
    const first = await open(db);
    const second = await pglite_adapter(db).dial(ADDRESS);
    const refusal = await ask(second, START);
    assert(refusal.includes("SFATAL") && refusal.includes("C53300"), refusal);
    await ended(second);
    assert((await ask(first, query("select 1"))).startsWith("Z"), "the first is not concerned");
    first.close();
  });

  it("turns away replication", async () => {
    const socket = await pglite_adapter(new PaperDatabase()).dial(ADDRESS);
    const refusal = await ask(socket, startup("user", "me", "replication", "true"));
    assert(refusal.includes("C0A000"), refusal);
    await ended(socket);
  });

  it("is not concerned by a cancel", async () => {
    const db = new PaperDatabase();
    const socket = await open(db);
    const other = await pglite_adapter(db).dial(ADDRESS);
    await other.writable.getWriter().write(concat(i32(16), i32(80877102), i32(1), i32(2)));
    await ended(other);
    assert((await ask(socket, query("select 1"))).startsWith("Z"));
    socket.close();
  });

  it("runs nothing while too much is unread", async () => {
    const db = new PaperDatabase();
    const socket = await open(db);
    db.answer = message("d", new Uint8Array(1_000_000));
    const writer = socket.writable.getWriter();
    await writer.write(query("first"));
    let written = false;
    const second = writer.write(query("second")).then(() => written = true);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([written, db.ran.at(-1)], [false, "first"]);
    await socket.readable.getReader().read();
    await second;
    assertEquals(db.ran.at(-1), "second");
    socket.close();
  });

  it("stops waiting when it is closed", async () => {
    const db = new PaperDatabase();
    const socket = await open(db);
    db.answer = message("d", new Uint8Array(1_000_000));
    const writer = socket.writable.getWriter();
    await writer.write(query("first"));
    const second = writer.write(query("second"));
    socket.close();
    socket.close();
    await second;
    assert(!db.ran.includes("second"));
    await assertRejects(() => writer.write(query("third")), OperationalError, "is closed");
  });

  it("keeps the process alive, as a socket of the runtime would", async () => {
    const program = new URL("programs/pglite_alive.ts", import.meta.url);
    assertEquals(await run_program(program), { code: 0, output: "still here\n" });
  });

  it("fails when PGlite does, and never asks that database again", async () => {
    const db = new PaperDatabase();
    const socket = await open(db);
    db.failure = new Error("exit(1)");
    const error = await assertRejects(
      () => ask(socket, query("select 1")),
      OperationalError,
      "the connection was lost: PGlite has come to its end",
    );
    assertStrictEquals(error.cause, db.failure);
    db.failure = null;
    const count = db.ran.length;
    const next = await pglite_adapter(db).dial(ADDRESS);
    await assertRejects(() => ask(next, START), OperationalError, "has come to its end");
    assertEquals(db.ran.length, count);
  });

  it("fails when the database was closed under it", async () => {
    const db = new PaperDatabase();
    const socket = await open(db);
    await db.close();
    db.failure = new TypeError("mod is undefined");
    await assertRejects(
      () => ask(socket, query("select 1")),
      OperationalError,
      "the connection was lost: the PGlite instance was closed",
    );
    await assertRejects(
      () => pglite_adapter(db).dial(ADDRESS),
      OperationalError,
      "cannot connect: the PGlite instance is closed",
    );
  });
});

describe("PgliteInstance", () => {
  it("makes one database for all, when it is needed, and closes it", async () => {
    const made: [source: unknown, db: PaperDatabase][] = [];
    const instance = new PgliteInstance("./data", (source) => {
      const db = new PaperDatabase();
      made.push([source, db]);
      return Promise.resolve(db);
    });
    await instance.close();
    assertEquals(made.length, 0);
    const [one, two] = await Promise.all([instance.open(), instance.open()]);
    assertStrictEquals(one, two);
    assertEquals(made.map(([source]) => source), ["./data"]);
    await instance.close();
    assert(made[0]![1].closed);
  });

  it("tries again after a failure", async () => {
    const outcomes = [Promise.reject(new Error("no space")), Promise.resolve(new PaperDatabase())];
    const instance = new PgliteInstance({}, () => outcomes.shift()!);
    await assertRejects(() => instance.open(), Error, "no space");
    await instance.open();
    await instance.close();
  });

  it("ends with its last session where it is for that", async () => {
    const db = new PaperDatabase();
    const instance = new PgliteInstance({}, () => Promise.resolve(db));
    const adapter = adapter_over(instance, () => instance.close());
    const socket = await adapter.dial(ADDRESS);
    await ask(socket, START);
    const cancel = await adapter.dial(ADDRESS);
    cancel.close();
    assert(!db.closed, "a socket beside the session is none");
    await socket.writable.getWriter().write(message("X"));
    await ended(socket);
    assert(db.closed);
  });

  it("says how to install what is not there", async () => {
    const cause = new Error("module not found");
    const instance = new PgliteInstance({}, () => Promise.reject(not_installed(cause)));
    const error = await assertRejects(
      () => adapter_over(instance).dial(ADDRESS),
      NotSupportedError,
      "cannot connect: @electric-sql/pglite cannot be loaded\nHINT: npm install @electric-sql/pglite",
    );
    assertStrictEquals(error.cause, cause);
  });
});
