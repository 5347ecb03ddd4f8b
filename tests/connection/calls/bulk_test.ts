/**
 * Streams, cursors, executemany() and COPY, with everything that may go wrong at every point:
 * whatever happens all promises settle, and the connection is usable, or closed.
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { setImmediate } from "node:timers/promises";
import type { Queryable } from "../../../src/connection/calls/queryable.ts";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import {
  OperationalError,
  PgError,
  TimeoutError,
  TransactionRollbackError,
} from "../../../src/errors.ts";
import { scalar_row } from "../../../src/rows/factories.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { scripted } from "../../support/script.ts";
import { BulkBackend, type Fault } from "../bulk_backend.ts";

const DSN = "postgres://me@scripted/db?sslmode=disable";
const DEADLINE = 2; // seconds
/** Bytes between two losses; no divisor of any message's length, so that all of them are met. */
const STRIDE = 7;

interface Calls {
  readonly timeout: number;
  readonly signal: AbortSignal;
}

interface Scenario {
  readonly name: string;
  readonly expected: unknown;
  run(conn: Connection, calls: Calls): Promise<unknown>;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const array: T[] = [];
  for await (const item of items) array.push(item);
  return array;
}

function rows(on: Queryable, calls: Calls, query = "select 5 rows"): AsyncIterable<string> {
  return on.stream<string>(query, null, { ...calls, itersize: 2, row_factory: scalar_row });
}

async function* in_time<T>(...items: T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const FIVE = ["1", "2", "3", "4", "5"];
const SETS = [["a"], ["b"], ["c"]];

const scenarios: readonly Scenario[] = [
  {
    name: "a stream",
    expected: FIVE,
    run: (conn, calls) => all(rows(conn, calls)),
  },
  {
    name: "a stream in a transaction, and statements between its rows",
    expected: FIVE,
    run: (conn, calls) =>
      conn.transaction(async (tx) => {
        const taken: string[] = [];
        for await (const row of rows(tx, calls)) {
          taken.push(row);
          if (row !== "4") await tx.execute("nothing", null, calls);
        }
        return taken;
      }, calls),
  },
  {
    name: "two streams at once in a transaction",
    expected: [FIVE, ["1", "2", "3"]],
    run: (conn, calls) =>
      conn.transaction(
        (tx) => Promise.all([all(rows(tx, calls)), all(rows(tx, calls, "select 3 rows"))]),
        calls,
      ),
  },
  {
    name: "a stream that is left",
    expected: "1",
    async run(conn, calls) {
      for await (const row of rows(conn, calls)) return row;
    },
  },
  {
    name: "a stream in a transaction that is left",
    expected: "1",
    run: (conn, calls) =>
      conn.transaction(async (tx) => {
        for await (const row of rows(tx, calls)) return row;
      }, calls),
  },
  {
    name: "a named cursor",
    expected: [["1"], FIVE.slice(1)],
    run: (conn, calls) =>
      conn.transaction(async () => {
        const options = { name: "c", itersize: 2, timeout: DEADLINE, row_factory: scalar_row };
        await using cursor = await conn.cursor<string>(options);
        await cursor.execute("select 5 rows", null, calls);
        return [await cursor.fetchmany(1), await all(cursor)];
      }, calls),
  },
  {
    name: "executemany()",
    expected: 3,
    run: async (conn, calls) => (await conn.executemany("insert $1", SETS, calls)).rowcount,
  },
  {
    name: "executemany() of sets in time",
    expected: 3,
    run: async (conn, calls) =>
      (await conn.executemany("insert $1", in_time(...SETS), calls)).rowcount,
  },
  {
    name: "executemany() with rows, in a transaction",
    expected: ["1", "2", "1", "2"],
    run: (conn, calls) =>
      conn.transaction(async (tx) => {
        const options = { ...calls, row_factory: scalar_row };
        return (await tx.executemany("select 2 rows $1", [["a"], ["b"]], options)).rows;
      }, calls),
  },
  {
    name: "copy_to()",
    expected: "1\n2\n3\n",
    async run(conn, calls) {
      const chunks = await all(conn.copy_to("copy (select 3 rows) to stdout", calls));
      return await new Blob(chunks as BlobPart[]).text();
    },
  },
  {
    name: "copy_to() that is cancelled in a transaction",
    expected: true,
    run: (conn, calls) =>
      conn.transaction(async (tx) => {
        const reader = tx.copy_to("copy (select 3 rows) to stdout", calls).getReader();
        const { value } = await reader.read();
        await reader.cancel();
        return value!.length > 0;
      }, calls),
  },
  {
    name: "copy_from()",
    expected: 1,
    async run(conn, calls) {
      const stream = conn.copy_from("copy t from stdin", calls);
      const writer = stream.getWriter();
      writer.closed.catch(() => {});
      await writer.write(new Uint8Array(70_000));
      await writer.write(new Uint8Array(7));
      await writer.close();
      return stream.rowcount;
    },
  },
  {
    name: "copy_records_from()",
    expected: 1,
    run: (conn, calls) => conn.copy_records_from("9 rows", SETS, calls),
  },
  {
    name: "copy_records_from() of records in time, as text in the end",
    expected: 2,
    run: (conn, calls) =>
      conn.copy_records_from("9 rows", in_time<unknown[]>(["a"], ["b"], [7], [true]), calls),
  },
  {
    name: "copy_records_to()",
    expected: ["1", "2", "3"],
    run: (conn, calls) =>
      all(conn.copy_records_to<string>("3 rows ", { ...calls, row_factory: scalar_row })),
  },
];

/** What became of a scenario. */
interface Outcome {
  readonly result: PromiseSettledResult<unknown>;
  readonly backend: BulkBackend;
}

/** Runs a scenario to its end, and checks what it leaves behind. */
async function play(
  scenario: Scenario,
  prepare: (backend: BulkBackend, abort: AbortController) => void = () => {},
  cut = Infinity,
): Promise<Outcome> {
  const clock = new FakeClock();
  const backend = new BulkBackend();
  const abort = new AbortController();
  const server = scripted((peer) => backend.script(peer), { clock, cut });
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let is_settled = false;
    promise.then(() => is_settled = true, () => is_settled = true);
    for (let i = 0; !is_settled; i++) {
      await setImmediate();
      if (i > 20) clock.advance(0.5);
      if (i > 100) throw new Error("a promise has not settled");
    }
    return await promise;
  };
  const conn = await bind_adapter(server).connect(DSN);
  prepare(backend, abort);
  const calls = { timeout: DEADLINE, signal: abort.signal };
  const [result] = await settle(Promise.allSettled([scenario.run(conn, calls)]));
  backend.fault = () => undefined;
  if (!conn.closed && backend.limit === Infinity) {
    assertEquals(await settle(conn.fetchval("select 1 rows")), "1");
    assertEquals([conn.get_transaction_status(), backend.state], [0, "I"]);
    assertEquals(backend.portals.size, 0);
  }
  await settle(conn.close());
  backend.end_hang();
  await server.finished().catch((error) => {
    if (backend.limit === Infinity) throw error; // what the client says to a lost server is not of interest
  });
  return { result: result!, backend };
}

function expect_success(scenario: Scenario, { result }: Outcome): void {
  if (result.status === "rejected") throw result.reason;
  assertEquals(result.value, scenario.expected);
}

for (const scenario of scenarios) {
  describe(`${scenario.name}`, () => {
    it("gives the same wherever the server's stream is cut", async () => {
      for (const cut of [1, 2, 3, 5, 8, 13, 1000]) {
        expect_success(scenario, await play(scenario, undefined, cut));
      }
    });

    it("settles when the connection is lost in the middle of an answer", async () => {
      const whole = await play(scenario);
      expect_success(scenario, whole);
      for (let limit = 0; limit <= whole.backend.sent; limit += STRIDE) {
        const { result } = await play(scenario, (backend) => backend.limit = limit);
        if (result.status === "fulfilled") assertEquals(result.value, scenario.expected);
        else assertInstanceOf(result.reason, OperationalError, `after ${limit} bytes`);
      }
    });

    for (const fault of ["error", "fatal", "close", "reset", "hang"] satisfies Fault[]) {
      it(`settles at ${fault} in place of any answer`, async () => {
        const { backend: { answers } } = await play(scenario);
        for (let at = 1; at < answers; at++) {
          const { result } = await play(scenario, (backend) => {
            backend.fault = (answer) => answer === at ? fault : undefined;
          });
          if (result.status === "fulfilled") continue; // it was no longer of interest
          assertInstanceOf(result.reason, PgError, `at answer ${at}`);
          const is_late = result.reason instanceof TransactionRollbackError; // what timed out was left
          if (fault === "hang" && !is_late) {
            assertInstanceOf(result.reason, TimeoutError, `at answer ${at}`);
          }
        }
      });
    }

    it("rejects with the signal's reason whenever it aborts", async () => {
      let messages = 0;
      await play(scenario, (backend) => backend.on_message = () => messages++);
      const reason = new Error("enough");
      for (let at = 1; at < messages; at++) {
        let seen = 0;
        const { result } = await play(scenario, (backend, abort) => {
          backend.on_message = () => {
            if (++seen === at) abort.abort(reason);
          };
        });
        if (result.status === "rejected") assert(result.reason === reason, `at message ${at}`);
      }
    });
  });
}
