/** How often each call writes to its socket, and how much: what it costs however far the server is. */

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, it } from "@std/testing/bdd";
import type { Adapter } from "../../src/adapters/socket.ts";
import { type Api, bind_adapter, type Connection } from "../../src/entries/core.ts";
import { adapter } from "../adapters/here.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { keeps_sessions } from "../support/through.ts";
import { describe_where } from "../support/where.ts";

let flights = 0;
let bytes = 0;

/** The runtime's adapter, with all writes counted. */
const counting: Adapter = {
  ...adapter,
  async dial(address, signal) {
    const socket = await adapter.dial(address, signal);
    const writer = socket.writable.getWriter();
    const writable = new WritableStream<Uint8Array>({
      write(chunk) {
        flights++;
        bytes += chunk.length;
        return writer.write(chunk);
      },
      close: () => writer.close(),
      abort: (reason) => writer.abort(reason),
    });
    return {
      readable: socket.readable,
      writable,
      ref: () => socket.ref?.(),
      unref: () => socket.unref?.(),
      close: () => socket.close(),
    };
  },
};
const { connect, create_pool }: Api = bind_adapter(counting);

/** What a call writes. */
async function count(call: () => Promise<unknown>): Promise<number> {
  flights = bytes = 0;
  await call();
  return flights;
}

const ONE = "select $1::int as n";

/** Flights of a call the first time, and when it is made again. */
const CALLS: Record<
  string,
  readonly [cold: number, warm: number, call: (conn: Connection) => Promise<unknown>]
> = {
  "execute() with scalars": [1, 1, (conn) => conn.execute(ONE, [1])],
  "execute() without parameters": [1, 1, (conn) => conn.execute("select 1, 'a', now()")],
  "execute() with an array": [2, 1, (conn) => conn.execute("select $1::int[]", [[1, 2]])],
  "execute() that fails": [1, 1, (conn) => conn.execute("select 1/$1::int", [0]).catch(() => {})],
  "several statements": [1, 1, (conn) => conn.execute("select 1; select 2; select 3")],
  "a hundred statements at once": [
    1,
    1,
    (conn) => Promise.all(Array.from({ length: 100 }, (_, n) => conn.fetchval(ONE, [n]))),
  ],
  "a transaction of one statement": [
    3,
    3,
    (conn) => conn.transaction((tx) => tx.execute(ONE, [1])),
  ],
  "executemany() of a thousand sets": [
    2,
    2,
    (conn) =>
      conn.executemany(
        "insert into target values ($1)",
        Array.from({ length: 1000 }, (_, n) => [n]),
      ),
  ],
  "listen() and notify()": [2, 2, async (conn) => {
    await conn.listen("channel");
    await conn.notify("channel");
  }],
};

describe_where(keeps_sessions, "what a call costs", () => {
  let database: Database;
  let conn: Connection;
  let url: string;

  beforeAll(async () => {
    database = await fresh_database();
    const way = new URL(database.url);
    way.searchParams.set("sslmode", "disable");
    url = way.href;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    conn = await connect(url);
    await conn.execute("create temp table target (n int)");
  });
  afterEach(() => conn.close());

  for (const [name, [cold, warm, call]] of Object.entries(CALLS)) {
    it(`is ${cold}, then ${warm} flights: ${name}`, async () => {
      assertEquals([await count(() => call(conn)), await count(() => call(conn))], [cold, warm]);
    });
  }

  it("is under 64 bytes for a known statement with a number", async () => {
    await conn.execute(ONE, [1]);
    await count(() => conn.execute(ONE, [1]));
    assertLessOrEqual(bytes, 64);
  });

  it("is a flight for each batch of a stream, and one to end it", async () => {
    const read = async () => {
      for await (const _ of conn.stream("select generate_series(1, 100)", [], { itersize: 10 }));
    };
    assertLessOrEqual(await count(read), 13);
  });

  it("is one flight for a lease and one for its reset, none for acquiring it", async () => {
    await using pool = await create_pool(url, { minsize: 1, maxsize: 1 });
    await pool.execute(ONE, [1]);
    const lease = async () => {
      await using conn = await pool.acquire();
      await conn.execute(ONE, [1]);
    };
    assertEquals(await count(lease), 2);
  });

  it("is one flight for sixteen calls of a pool that share a connection", async () => {
    await using pool = await create_pool(url, { minsize: 1, maxsize: 1 });
    for (let n = 0; n < 2; n++) await pool.execute(ONE, [n]);
    const calls = () => Promise.all(Array.from({ length: 16 }, (_, n) => pool.fetchval(ONE, [n])));
    assertLessOrEqual(await count(calls), 2); // the first may have been slow
  });
});
