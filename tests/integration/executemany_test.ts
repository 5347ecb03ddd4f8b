/** executemany() of connections, transactions, pools and cursors, against a real server. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  create_pool,
  DataError,
  IntegrityError,
  InterfaceError,
  OperationalError,
  type Params,
  ProgrammingError,
  scalar_row,
  sql,
  TimeoutError,
  TransactionStatus,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { kill_busy } from "../support/sessions.ts";

const INSERT = "insert into items (a, b) values ($1, $2)";
const MISFIT = "cannot bind $1 as int4, given as a string: ";

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url);
  await conn.execute("create table items (a int primary key, b text)");
});

afterEach(async () => {
  await conn.close();
  await using other = await connect(database.url);
  await other.execute("drop table items");
});

/** How many items are in the table. */
function size(): Promise<number | null> {
  return conn.fetchval<number>("select count(*)::int from items");
}

function sets(n: number, from = 0): [number, string][] {
  return Array.from({ length: n }, (_, i) => [from + i, `item ${from + i}`]);
}

/** Sets in time, and what became of their source. */
class Source implements AsyncIterable<Params> {
  taken = 0;
  closed = false;
  readonly #sets: Iterable<Params>;
  readonly #before: (index: number) => unknown;

  constructor(sets: Iterable<Params>, before: (index: number) => unknown = () => {}) {
    this.#sets = sets;
    this.#before = before;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Params> {
    try {
      for (const set of this.#sets) {
        await this.#before(this.taken);
        this.taken++;
        yield set;
      }
    } finally {
      this.closed = true;
    }
  }
}

function* endless(): Generator<Params> {
  for (let i = 0;; i++) yield [i, "x".repeat(100)];
}

describe("Connection.executemany()", () => {
  it("runs the statement with each set, and adds up the counts", async () => {
    const result = await conn.executemany(INSERT, sets(3));
    assertEquals([result.rowcount, result.statusmessage, result.rows], [3, "INSERT 0 1", []]);
    const changed = await conn.executemany("update items set b = $1 where a >= $2", [
      ["x", 1],
      ["y", 0],
      [null, 9],
    ]);
    assertEquals(changed.rowcount, 5);
    assertEquals(await conn.fetchall("select b from items", null, { row_factory: scalar_row }), [
      "y",
      "y",
      "y",
    ]);
  });

  it("takes any iterable, of any size, synchronous or not", async () => {
    await conn.executemany(INSERT, new Set(sets(10)));
    await conn.executemany(INSERT, sets(7000, 10).values());
    await conn.executemany(INSERT, new Source(sets(8000, 7010)));
    await conn.executemany(INSERT, []);
    assertEquals((await conn.executemany(INSERT, new Source([]))).rowcount, 0);
    assertEquals(await size(), 15_010);
    const wide = Array.from({ length: 40 }, (_, i) => [100_000 + i, "w".repeat(100_000)]);
    await conn.executemany(INSERT, wide);
    assertEquals(
      await conn.fetchval("select sum(length(b)) from items where a >= 100000"),
      4_000_000n,
    );
  });

  it("encodes by the types of the statement", async () => {
    await conn.execute("create table typed (t timestamptz, j jsonb, a int[], b bytea)");
    const typed = [
      [new Date(0), { deep: [1] }, [1, 2], Uint8Array.of(1)],
      ["2024-02-29 12:00+00", null, [], null],
    ];
    await conn.executemany("insert into typed values ($1, $2, $3, $4)", typed);
    assertEquals(await conn.fetchall("select t::text, j, a, b from typed order by t"), [
      { t: "1970-01-01 00:00:00+00", j: { deep: [1] }, a: [1, 2], b: Uint8Array.of(1) },
      { t: "2024-02-29 12:00:00+00", j: null, a: [], b: null },
    ]);
  });

  it("keeps the rows that the statement returns, in order, unless told not to", async () => {
    const query = `${INSERT} returning a, b`;
    const { rows, rowcount, description } = await conn.executemany(query, sets(3));
    assertEquals(rows, sets(3).map(([a, b]) => ({ a, b })));
    assertEquals([rowcount, description?.map(({ name }) => name)], [3, ["a", "b"]]);
    const none = await conn.executemany(query, sets(3, 3), { returning: false });
    assertEquals([none.rows, none.rowcount, none.description], [[], 3, null]);
    const options = { row_factory: scalar_row };
    assertEquals((await conn.executemany(query, sets(2, 6), options)).rows, [6, 7]);
  });

  it("reads types that only the rows show", async () => {
    await conn.execute("create type mood as enum ('sad', 'glad')");
    const query = "select row('glad'::mood, $1::int) as r";
    const expected = [1, 2].map((n) => ({ r: ["glad", n] }));
    assertEquals((await conn.executemany(query, [[1], [2]])).rows, expected);
    await using other = await connect(database.url); // which has not looked the type up
    const cursor = await other.cursor({ row_factory: scalar_row });
    await cursor.executemany(query, [[1], [2]], { returning: true });
    assertEquals(await cursor.fetchall(), [["glad", 1]]);
    assertEquals([await cursor.nextset(), await cursor.fetchall()], [true, [["glad", 2]]]);
    await conn.execute("drop type mood");
  });

  it("takes %s and %(name)s where the connection does, and a template without values", async () => {
    await using py = await connect(database.url, { paramstyle: "pyformat" });
    await py.executemany("insert into items values (%s, %s)", sets(2));
    await py.executemany("insert into items values (%(a)s, %(b)s)", [{ a: 2, b: "c" }]);
    await conn.executemany(sql`insert into ${sql.identifier("items")} values (${sql.raw("$1")})`, [[
      3,
    ]]);
    assertEquals(await size(), 4);
    await assertRejects(
      () => conn.executemany(sql`insert into items values (${1})`, [[]]),
      ProgrammingError,
      "must have no values",
    );
  });

  it("runs in its turn among statements that are called at once", async () => {
    const [, count, , more] = await Promise.all([
      conn.executemany(INSERT, sets(3000)),
      size(),
      conn.executemany(INSERT, sets(3000, 3000)),
      size(),
    ]);
    assertEquals([count, more], [3000, 6000]);
  });

  const refused: [name: string, sets: Params[], type: typeof DataError, message: string][] = [
    ["a constraint", [...sets(5), [3, "again"], ...sets(5, 6)], IntegrityError, "parameter set 5,"],
    ["a value", [...sets(2), ["x", "y"]], DataError, "parameter set 2,"],
    ["a value, in the words of execute()", [...sets(2), ["x", "y"]], DataError, MISFIT],
    ["a value, far on", [...sets(9000), ["x", "y"]], DataError, MISFIT],
    ["a kind of value", [...sets(2), [{}, "y"]], DataError, "parameter set 2,"],
    ["undefined", [[1, undefined]], ProgrammingError, "parameter set 0,"],
    ["too few values", [...sets(1), [1]], ProgrammingError, "parameter set 1,"],
    ["an object", [...sets(1), { a: 1 }], ProgrammingError, "parameter set 1,"],
    ["nothing", [...sets(1), undefined], ProgrammingError, "parameter set 1,"],
    ["a constraint, far on", [...sets(9000), [1, "again"]], IntegrityError, "parameter set 9000,"],
    ["a kind of value, far on", [...sets(9000), [{}, ""]], DataError, "parameter set 9000,"],
  ];
  for (const [name, bad, type, message] of refused) {
    for (const kind of ["at once", "in time"]) {
      it(`names the set that fails for ${name}, and keeps none: sets ${kind}`, async () => {
        const param_sets = kind === "at once" ? bad : new Source(bad);
        const error = await assertRejects(
          () => conn.executemany(INSERT, param_sets),
          type,
          message,
        );
        assert(!error.message.includes("again"));
        assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
        assertEquals(await size(), 0);
      });
    }
  }

  it("refuses COPY, and leaves the source alone", async () => {
    const source = new Source(sets(1));
    await assertRejects(() => conn.executemany("copy items from stdin", source), ProgrammingError);
    const stream = new ReadableStream<Params>();
    await assertRejects(() => conn.executemany("copy items from stdin", stream), ProgrammingError);
    assertEquals([source.taken, stream.locked], [0, false]);
  });

  it("says what is wrong with the statement, and reads no set", async () => {
    const source = new Source(sets(3));
    await assertRejects(() => conn.executemany("selec $1", source), ProgrammingError, "syntax");
    assertEquals(source.taken, 0);
    await assertRejects(
      () => conn.executemany("/* c */ copy items from stdin", [[]]),
      ProgrammingError,
      "COPY",
    );
    await assertRejects(
      () => conn.executemany("copy items to stdout", [[]]),
      ProgrammingError,
      "COPY",
    );
    for (const no_sets of [null, undefined, 7, "abc", {}]) {
      await assertRejects(
        () => conn.executemany(INSERT, no_sets as unknown as Params[]),
        ProgrammingError,
        "must be an iterable",
      );
    }
    assertEquals(await size(), 0);
  });

  it("names no set for an error that the end of the transaction brings", async () => {
    await conn.execute("create table late (a int unique deferrable initially deferred)");
    const error = await assertRejects(
      () => conn.executemany("insert into late values ($1)", [[1], [1]]),
      IntegrityError,
    );
    assert(!error.message.includes("parameter set"), error.message);
  });

  it("keeps nothing when the source throws, and throws just that", async () => {
    const failure = new RangeError("no more");
    const fail_at = (at: number) => (index: number) => {
      if (index === at) throw failure;
    };
    for (const at of [0, 3, 5000]) {
      const source = new Source(endless(), fail_at(at));
      assertEquals(await assertRejects(() => conn.executemany(INSERT, source)), failure);
      const generator = function* () {
        yield* sets(at);
        throw failure;
      };
      assertEquals(await assertRejects(() => conn.executemany(INSERT, generator())), failure);
      assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
      assertEquals(await size(), 0);
    }
  });

  it("stops reading the source when the server refuses a set", async () => {
    function* colliding() {
      yield* sets(10);
      yield* endless();
    }
    await assertRejects(() => conn.executemany(INSERT, colliding()), IntegrityError, "set 10,");
    const source = new Source(colliding());
    await assertRejects(() => conn.executemany(INSERT, source), IntegrityError, "set 10,");
    assert(source.closed);
    assertEquals(await size(), 0);
  });

  it("refuses other statements while it waits for its source, which may be one of them", async () => {
    const source = new Source(sets(2), () => conn.execute("select 1"));
    await assertRejects(
      () => conn.executemany(INSERT, source),
      InterfaceError,
      "an executemany() with an asynchronous source is open on it",
    );
    assertEquals(await size(), 0);
  });

  it("ends at its deadline, and when its signal aborts, and keeps nothing", async () => {
    const never = () => new Promise(() => {});
    const stuck = () => new Source(sets(9), (index) => index === 5 ? never() : undefined);
    await assertRejects(() => conn.executemany(INSERT, stuck(), { timeout: 0.1 }), TimeoutError);
    assertEquals(await size(), 0);

    const controller = new AbortController();
    const reason = new Error("enough");
    const abort = (index: number) => index === 5 && controller.abort(reason);
    const source = new Source(endless(), abort);
    const { signal } = controller;
    assertEquals(
      await assertRejects(() => conn.executemany(INSERT, source, { signal })),
      reason,
    );
    assertEquals(await size(), 0);

    const slow = "insert into items select $1 from pg_sleep(60)";
    await assertRejects(() => conn.executemany(slow, [[1]], { timeout: 0.1 }), TimeoutError);
    assertEquals(await size(), 0);
    assertEquals(
      await assertRejects(() =>
        conn.executemany(INSERT, sets(1), { signal: AbortSignal.abort(7) })
      ),
      7,
    );
  });

  it("ends when the connection is told to cancel", async () => {
    const source = new Source(sets(9), (index) => index === 5 ? conn.cancel() : undefined);
    await assertRejects(() => conn.executemany(INSERT, source), OperationalError, "cancel");
    assertEquals(await size(), 0);
  });

  it("rejects when its server process dies", async () => {
    const victim = await connect(database.url);
    const kill = (index: number) => index === 3000 ? kill_busy(conn) : undefined;
    const source = new Source(endless(), kill);
    await assertRejects(() => victim.executemany(INSERT, source), OperationalError);
    assert(source.taken < 100_000);
    await victim.close();
    assertEquals(await size(), 0);
  });

  it("does not get stuck where both sides have much to say", async () => {
    const big = "r".repeat(1000);
    const { rows } = await conn.executemany(
      "insert into items values ($1, $2) returning b",
      Array.from({ length: 20_000 }, (_, i) => [i, big]),
      { row_factory: scalar_row },
    );
    assertEquals(rows.length, 20_000);
    assert(rows.every((row) => row === big));
  });
});

describe("Transaction.executemany()", () => {
  it("is part of the transaction", async () => {
    const tx = await conn.begin();
    await tx.executemany(INSERT, sets(5));
    assertEquals(await tx.fetchval("select count(*)::int from items"), 5);
    await tx.rollback();
    assertEquals(await size(), 0);
    await conn.transaction((tx) => tx.executemany(INSERT, new Source(sets(9000))));
    assertEquals(await size(), 9000);
  });

  it("fails it, whoever is to blame", async () => {
    const failing: (() => Iterable<Params> | AsyncIterable<Params>)[] = [
      () => [...sets(9000), [1, "again"]],
      () => [...sets(9000), [{}, ""]],
      () => new Source(endless(), (index) => index === 5 ? Promise.reject(new Error("no")) : 0),
    ];
    for (const param_sets of failing) {
      await assertRejects(() => conn.transaction((tx) => tx.executemany(INSERT, param_sets())));
      assertEquals(await size(), 0);
      const tx = await conn.begin();
      await tx.execute(INSERT, [-1, "before"]);
      await assertRejects(() =>
        tx.begin_nested((inner) => inner.executemany(INSERT, param_sets()))
      );
      await tx.commit();
      assertEquals(await size(), 1);
      await conn.execute("truncate items");
    }
  });
});

describe("Pool.executemany()", () => {
  it("has a connection as long as it takes", async () => {
    await using pool = await create_pool(database.url, { maxsize: 2 });
    await Promise.all(
      Array.from(
        { length: 8 },
        (_, i) => pool.executemany(INSERT, new Source(sets(2000, 2000 * i))),
      ),
    );
    await assertRejects(() => pool.executemany(INSERT, sets(1)), IntegrityError);
    assertEquals([await size(), pool.freesize], [16_000, pool.size]);
  });

  it("works behind a transaction pooler", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1, pooler: "transaction" });
    await pool.executemany(INSERT, sets(9000));
    await assertRejects(() => pool.executemany(INSERT, new Source(endless())), IntegrityError);
    assertEquals(await size(), 9000);
  });
});

describe("Cursor.executemany()", () => {
  it("adds up the counts, and keeps no rows", async () => {
    const cursor = await conn.cursor();
    await cursor.executemany(`${INSERT} returning a`, sets(3));
    assertEquals([cursor.rowcount, cursor.description, cursor.query], [
      3,
      null,
      `${INSERT} returning a`,
    ]);
    await assertRejects(() => cursor.fetchone(), ProgrammingError, "returned no rows");
    assertEquals(await cursor.nextset(), false);
  });

  it("has a result for each set where returning is asked for", async () => {
    const cursor = await conn.cursor({ row_factory: scalar_row });
    await cursor.executemany("select generate_series(1, $1::int)", [[1], [0], [3]], {
      returning: true,
    });
    const results = [];
    do results.push([cursor.rowcount, await cursor.fetchall()]); while (await cursor.nextset());
    assertEquals(results, [[1, [1]], [0, []], [3, [1, 2, 3]]]);
    await cursor.executemany("select $1::int", [], { returning: true });
    assertEquals([cursor.rowcount, await cursor.fetchall()], [0, []]);
  });

  it("throws as the connection does, and leaves no result", async () => {
    const cursor = await conn.cursor();
    const error = await assertRejects(() => cursor.executemany(INSERT, [[1, "a"], [1, "b"]]));
    assertStringIncludes((error as Error).message, "parameter set 1,");
    await assertRejects(() => cursor.fetchall(), ProgrammingError, "no statement was executed");
    const named = await conn.cursor({ name: "c" });
    await assertRejects(() => named.executemany(INSERT, []), ProgrammingError, "must not be named");
    await cursor.close();
    await assertRejects(() => cursor.executemany(INSERT, []), InterfaceError, "closed");
  });
});
