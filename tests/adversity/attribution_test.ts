/**
 * Each statement gets its own answer: thousands of every kind, at once on one connection, at random.
 *
 * Each carries a number that its answer must have, be it a row, an error, a notice or nothing.
 * Bounded by work; `EDGEPG_STATEMENTS=1000000` makes it more.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import process from "node:process";
import { setImmediate } from "node:timers";
import {
  connect,
  type Connection,
  DataError,
  InternalError,
  ProgrammingError,
  scalar_row,
} from "../../mod.ts";
import { no_escapes } from "../adapters/peer.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { server_pid } from "../support/sessions.ts";
import { keeps_sessions } from "../support/through.ts";
import { it_where } from "../support/where.ts";

const STATEMENTS = Number(process.env["EDGEPG_STATEMENTS"] ?? 10_000);
/** In one test. */
const SHARE = 10_000;
/** At once. */
const CROWD = 200;
const SEED = 20_260_314;
/** Small, so that statements are closed and prepared again all the time. */
const CACHE = 20;

/** mulberry32: the same numbers in each run. */
function random_numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Kind = (conn: Connection, n: number) => Promise<unknown>;

/** What a statement can be; each checks its own answer. */
const KINDS: readonly Kind[] = [
  async function prepared(conn, n) {
    assertEquals(await conn.fetchval(`select $1::int + ${n % 5}`, [n]), n + n % 5);
  },
  async function never_seen(conn, n) {
    assertEquals(await conn.fetchval(`select ${n} as "${n}"`), n);
  },
  async function described_first(conn, n) {
    assertEquals(await conn.fetchval("select $1::jsonb", [{ n }]), { n });
  },
  async function several(conn, n) {
    assertEquals(await conn.fetchval(`select ${-n}; select ${n}`), n);
  },
  async function many_rows(conn, n) {
    const rows = await conn.fetchall("select $1::int + g from generate_series(0, 9) g", [n], {
      row_factory: scalar_row,
    });
    assertEquals(rows, Array.from({ length: 10 }, (_, i) => n + i));
  },
  async function many_sets(conn, n) {
    const { rows } = await conn.executemany("select $1::int as n", [[n], [-n]]);
    assertEquals(rows, [{ n }, { n: -n }]);
  },
  async function noticed(conn, n) {
    await conn.execute(`do $$ begin raise notice '%', ${n}; end $$`);
    assert(conn.notices.some(({ message_primary }) => message_primary === String(n)));
  },
  async function failing(conn, n) {
    const raise = `do $$ begin raise exception 'number %', ${n}; end $$`;
    await assertRejects(() => conn.execute(raise), InternalError, `number ${n}`);
  },
  async function misspelt(conn, n) {
    await assertRejects(() => conn.execute(`selec ${n}`), ProgrammingError, `selec ${n}`);
  },
  async function refused_here(conn, n) {
    await assertRejects(() => conn.execute(`select ${n}, $1::int`, [{}]), DataError, "$1");
  },
  async function refused_there(conn, n) {
    await assertRejects(() => conn.fetchval("select $1::int", [`x${n}`]), DataError, `x${n}`);
  },
];

/** Those with no company: COPY turns others away until it is read, and a late cancel may hit the next. */
const ALONE: readonly Kind[] = [
  async function copied(conn, n) {
    const chunks = await Array.fromAsync(conn.copy_to(`copy (select ${n}) to stdout`));
    assertEquals(chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""), `${n}\n`);
  },
  async function aborted(conn, n) {
    const stop = new AbortController();
    const call = conn.fetchval("select $1::int from pg_sleep(0.001)", [n], { signal: stop.signal });
    queueMicrotask(() => stop.abort(new RangeError(String(n))));
    await assertRejects(() => call, RangeError, String(n));
  },
];

describe("A connection with a crowd of statements", () => {
  no_escapes();
  let database: Database;
  let conn: Connection;

  beforeAll(async () => {
    database = await fresh_database();
    conn = await connect(database.url, { statement_cache_size: CACHE });
  });

  afterAll(async () => {
    await conn.close();
    await database.drop();
  });

  for (let first = 0; first < STATEMENTS; first += SHARE) {
    it(`gives each its own answer, from ${first} on`, async () => {
      const random = random_numbers(SEED + first);
      const session = await server_pid(conn);
      for (let n = first; n < first + SHARE; n += CROWD) {
        const pick = (kinds: readonly Kind[]) => kinds[Math.floor(random() * kinds.length)]!;
        await Promise.all(Array.from({ length: CROWD }, (_, i) => pick(KINDS)(conn, n + i)));
        await pick(ALONE)(conn, n);
      }
      assertEquals(await conn.fetchval("select pg_backend_pid()"), session);
    });
  }

  it_where(keeps_sessions, "keeps no more statements on the server than it may", async () => {
    await Promise.all(
      Array.from(
        { length: 2000 },
        (_, n) => conn.fetchval(`select ${n}, 'text ${n}', $1::int`, [n]),
      ),
    );
    const kept = await conn.fetchval<number>("select count(*)::int from pg_prepared_statements");
    assert(kept !== null && kept <= CACHE, `${kept} statements`);
  });

  it("never has a statement cancelled by a signal that was for another", async () => {
    const random = random_numbers(SEED);
    for (let n = 0; n < 500; n++) {
      const stop = new AbortController();
      const call = conn.fetchval("select $1::int from pg_sleep(0.0005)", [n], {
        signal: stop.signal,
      }).catch((error) => error);
      const turns = Math.floor(random() * 30);
      for (let turn = 0; turn < turns; turn++) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      stop.abort(new RangeError("stop"));
      const outcome = await call;
      assert(outcome === n || outcome === stop.signal.reason, String(outcome));
      assertEquals(await conn.fetchval("select $1::int", [-n]), -n);
    }
  });
});
