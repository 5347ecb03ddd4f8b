/** COPY in both directions, as bytes and as records, against a real server. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  type CallOptions,
  connect,
  type Connection,
  type CopyRecord,
  create_pool,
  type Cursor,
  DataError,
  IntegrityError,
  InterfaceError,
  type Items,
  OperationalError,
  PgError,
  ProgrammingError,
  type Queryable,
  sql,
  TimeoutError,
  TransactionStatus,
  tuple_row,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { turn } from "../support/peer.ts";
import { kill_busy } from "../support/sessions.ts";

const IN = "copy items from stdin";
const OUT = "copy items to stdout";
const ADD = "insert into items values (-1, 'not copied')";

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

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Lines of COPY for the table. */
function lines(n: number, from = 0): Uint8Array<ArrayBuffer> {
  const rows = Array.from({ length: n }, (_, i) => `${from + i}\titem ${from + i}\n`);
  return bytes(rows.join(""));
}

function records(n: number, from = 0): [number, string][] {
  return Array.from({ length: n }, (_, i) => [from + i, `item ${from + i}`]);
}

async function text_of(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  return text;
}

async function size(on: Queryable = conn): Promise<number | null> {
  return await on.fetchval<number>("select count(*)::int from items");
}

/** The connection is as if nothing had happened. */
async function assert_usable(): Promise<void> {
  assertEquals(await conn.fetchval("select 1", null, { timeout: 10 }), 1);
  assertEquals(conn.get_transaction_status(), TransactionStatus.idle);
}

async function* in_time<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

async function all<R>(rows: AsyncIterable<R>): Promise<R[]> {
  const array: R[] = [];
  for await (const row of rows) array.push(row);
  return array;
}

describe("copy_to()", () => {
  it("gives the data as the server sends it, and the number of rows", async () => {
    await conn.execute("insert into items select g, 'item ' || g from generate_series(0, 99) g");
    const stream = conn.copy_to("copy (select * from items order by a) to stdout");
    assertEquals(stream.rowcount, -1);
    assertEquals(await text_of(stream), new TextDecoder().decode(lines(100)));
    assertEquals(stream.rowcount, 100);
    await assert_usable();
  });

  it("gives chunks whose buffers are the caller's", async () => {
    const text = "copy (select repeat('x', 1000) from generate_series(1, 1000)) to stdout";
    let length = 0;
    for await (const chunk of conn.copy_to(text)) {
      assertEquals(chunk.buffer.byteLength, chunk.length);
      structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] });
      assertEquals(chunk.length, 0);
      length++;
    }
    assert(length > 0);
    await assert_usable();
  });

  it("gives large data whole", async () => {
    const stream = conn.copy_to(
      "copy (select repeat('x', 1000000) from generate_series(1, 20)) to stdout",
    );
    let length = 0;
    for await (const chunk of stream) length += chunk.length;
    assertEquals([length, stream.rowcount], [20 * 1_000_001, 20]);
  });

  it("sends nothing before someone reads", async () => {
    const stream = conn.copy_to("this is not SQL");
    assertEquals(await conn.fetchval("select 1"), 1);
    await stream.cancel();
    await assert_usable();
  });

  it("holds the server back where nobody reads", async () => {
    await conn.execute("create sequence taps");
    const rows = "select nextval('taps'), repeat('x', 1000) from generate_series(1, 100000)";
    const reader = conn.copy_to(`copy (${rows}) to stdout`).getReader();
    await reader.read();
    await using other = await connect(database.url);
    const taps = () => other.fetchval<bigint>("select last_value from taps");
    let sent = await taps();
    for (let same = 0; same < 5;) { // until the sockets are full
      await other.execute("select pg_sleep(0.01)");
      const now = await taps();
      same = now === sent ? same + 1 : 0;
      sent = now;
    }
    assert(sent! < 50_000n, `the server has sent ${sent} of 100000 rows`);
    await reader.cancel();
    await assert_usable();
  });

  it("leaves the connection usable when it is cancelled, also in a transaction", async () => {
    const endless = "copy (select generate_series(1, 100000000)) to stdout";
    const reader = conn.copy_to(endless).getReader();
    await reader.read();
    await reader.cancel("enough");
    await assert_usable();
    for await (const _ of conn.copy_to(endless)) break;
    await assert_usable();
    await conn.transaction(async (tx) => {
      await tx.execute("insert into items values (1, 'kept')");
      for await (const _ of tx.copy_to(endless)) break;
      await tx.execute("insert into items values (2, 'kept')");
    });
    assertEquals(await size(), 2);
  });

  it("gives the data before an error, then the error", async () => {
    let length = 0;
    const query = "copy (select 1 / (200000 - g) from generate_series(1, 300000) g) to stdout";
    await assertRejects(
      async () => {
        for await (const chunk of conn.copy_to(query)) length += chunk.length;
      },
      DataError,
      "division by zero",
    );
    assert(length > 100_000);
    await assert_usable();
  });

  const failures: [name: string, query: string, message: string][] = [
    ["a syntax error", "copy items tu stdout", "syntax error"],
    ["no COPY", "select 1", "must be a COPY ... TO STDOUT"],
    ["more than a COPY", `${OUT}; ${ADD}`, "must be a COPY ... TO STDOUT"],
    ["a COPY in the other direction", IN, "must be a COPY ... TO STDOUT"],
    ["a table that is not there", "copy nothing to stdout", "does not exist"],
  ];
  for (const [name, query, message] of failures) {
    it(`errors for ${name}, and leaves the connection usable`, async () => {
      await assertRejects(() => text_of(conn.copy_to(query)), ProgrammingError, message);
      await assert_usable();
      const error = await assertRejects(
        () => conn.transaction((tx) => text_of(tx.copy_to(query))),
        ProgrammingError,
        message,
      );
      assert(!error.message.includes("SAVEPOINT"), error.message);
      await assert_usable();
    });
  }

  it("refuses parameters", async () => {
    const query = sql`copy (select ${1}::int) to stdout`;
    await assertRejects(() => text_of(conn.copy_to(query)), ProgrammingError, "no parameters");
    await assert_usable();
  });

  it("refuses other statements while it is open", async () => {
    const reader = conn.copy_to("copy (select generate_series(1, 1000000)) to stdout").getReader();
    await reader.read();
    await assertRejects(() => conn.execute("select 1"), InterfaceError, "a COPY is open on it");
    await reader.cancel();
    await assert_usable();
  });

  it("errors with the signal's reason, and at the deadline of each wait", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const { signal } = controller;
    const reader = conn.copy_to("copy (select generate_series(1, 1000000)) to stdout", { signal })
      .getReader();
    await reader.read();
    controller.abort(reason);
    assertEquals(await assertRejects(() => reader.read()), reason);
    await assert_usable();
    const slow = "copy (select pg_sleep(60)) to stdout";
    await assertRejects(() => text_of(conn.copy_to(slow, { timeout: 0.1 })), TimeoutError);
    await assert_usable();
    await assertRejects(() => text_of(conn.copy_to(OUT, { signal: AbortSignal.abort(reason) })));
    await assert_usable();
  });

  it("errors when the connection is told to cancel, closed, or lost", async () => {
    const query = "copy (select generate_series(1, 10000000)) to stdout";
    const reader = conn.copy_to(query).getReader();
    await reader.read();
    await conn.cancel();
    await assertRejects(
      async () => {
        while (!(await reader.read()).done);
      },
      OperationalError,
      "cancel",
    );
    await assert_usable();
    const victim = await connect(database.url);
    const lost = victim.copy_to(query).getReader();
    await lost.read();
    await kill_busy(conn);
    await assertRejects(async () => {
      while (!(await lost.read()).done);
    }, OperationalError);
    await victim.close();
    const closed = await connect(database.url);
    const closing = closed.copy_to(query).getReader();
    await closing.read();
    await closed.close();
    await assertRejects(async () => {
      while (!(await closing.read()).done);
    }, InterfaceError);
  });
});

describe("copy_from()", () => {
  it("sends the data, and resolves close() when the server has it", async () => {
    const stream = conn.copy_from(IN);
    const writer = stream.getWriter();
    for (let i = 0; i < 10; i++) await writer.write(lines(1000, 1000 * i));
    assertEquals(stream.rowcount, -1);
    await writer.close();
    assertEquals([stream.rowcount, await size()], [10_000, 10_000]);
    await assert_usable();
  });

  it("takes chunks of any size, which may be used again, and none", async () => {
    const data = lines(50);
    const writer = conn.copy_from(IN).getWriter();
    const chunk = new Uint8Array(3);
    for (let at = 0; at < data.length; at += 3) {
      const part = data.subarray(at, at + 3);
      chunk.set(part);
      await writer.write(chunk.subarray(0, part.length));
      chunk.fill(0);
    }
    await writer.write(new Uint8Array(0));
    await writer.close();
    const big = conn.copy_from(IN).getWriter();
    await big.write(lines(100_000, 50));
    await big.close();
    assertEquals(await size(), 100_050);
    const none = conn.copy_from(IN);
    await none.close();
    assertEquals(none.rowcount, 0);
    await assert_usable();
  });

  it("takes what is piped into it, also from another connection", async () => {
    await conn.execute("create table copied (like items)");
    await new Blob([lines(2000)]).stream().pipeTo(conn.copy_from(IN));
    await using other = await connect(database.url);
    await conn.copy_to(OUT).pipeTo(other.copy_from("copy copied from stdin"));
    assertEquals(await conn.fetchval("select count(*) from copied"), 2000n);
  });

  it("tells by close() why the COPY has failed, also when that was known before", async () => {
    for (
      const [query, data, error] of [
        ["copy nowhere from stdin", "1\n", "nowhere"],
        [IN, "not a number\n", "invalid input syntax"],
      ] as const
    ) {
      const stream = conn.copy_from(query);
      const writer = stream.getWriter();
      await writer.write(bytes(data.repeat(20_000))); // more than a flight
      await writer.closed.catch(() => {}); // the failure is known
      await assertRejects(() => writer.close(), PgError, error);
      writer.releaseLock();
      await assertRejects(() => stream.close(), PgError, error);
      await assert_usable();
    }
  });

  it("sends nothing before the first chunk", async () => {
    const stream = conn.copy_from("this is not SQL");
    assertEquals(await conn.fetchval("select 1"), 1);
    await stream.abort();
    await assert_usable();
  });

  it("waits for a server that does not read", async () => {
    await conn.execute(`
      create function slow() returns trigger language plpgsql as
      $$ begin perform pg_sleep(60); return new; end $$`);
    await conn.execute(
      "create trigger slow before insert on items for each row execute function slow()",
    );
    const controller = new AbortController();
    let taken = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(stream) {
        const chunk = lines(1000, 1000 * taken++);
        stream.enqueue(chunk);
      },
    });
    const { signal } = controller;
    const piped = source.pipeTo(conn.copy_from(IN, { signal }));
    const refused = assertRejects(() => piped);
    await using other = await connect(database.url);
    for (let before = -1; before !== taken || taken === 0;) {
      before = taken;
      await other.execute("select pg_sleep(0.1)");
    }
    assert(taken < 5000, `${taken} chunks were taken`); // a few megabytes are in the sockets
    controller.abort(new Error("enough"));
    await refused;
    assertEquals(await size(), 0);
    await assert_usable();
  });

  const bad_rows: [where: string, before: number, after: number][] = [
    ["at the start", 0, 3000],
    ["in the middle", 100_000, 100_000],
    ["at the end", 3000, 0],
    ["alone", 0, 0],
  ];
  for (const [where, before, after] of bad_rows) {
    it(`rejects with the server's error for a bad row ${where}, and keeps nothing`, async () => {
      const writer = conn.copy_from(IN).getWriter();
      writer.closed.catch(() => {});
      const error = await assertRejects(
        async () => {
          await writer.write(lines(before));
          await writer.write(bytes("not a number\tx\n"));
          for (let i = 0; i < after; i += 1000) await writer.write(lines(1000, before + i));
          await writer.close();
        },
        DataError,
        "not a number",
      );
      assertEquals(error.sqlstate, "22P02");
      await assert_usable();
      assertEquals(await size(), 0);
      await assertRejects(() => writer.write(bytes("1\tx\n")));
    });
  }

  it("stops the writer as soon as the server has refused something", async () => {
    let taken = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(stream) {
        stream.enqueue(taken++ === 0 ? bytes("bad\tx\n") : lines(1000));
      },
    });
    await assertRejects(() => endless.pipeTo(conn.copy_from(IN)), DataError, "bad");
    assert(taken < 3000, `${taken} chunks were taken`);
    await assert_usable();
  });

  it("rejects close() with what is found wrong only then", async () => {
    await conn.execute(
      "alter table items add constraint late unique (b) deferrable initially deferred",
    );
    const writer = conn.copy_from(IN).getWriter();
    await writer.write(bytes("1\tsame\n2\tsame\n"));
    const error = await assertRejects(() => writer.close(), IntegrityError);
    assertEquals(error.sqlstate, "23505");
    await assertRejects(() => writer.closed);
    await assert_usable();
    assertEquals(await size(), 0);
  });

  it("ends in CopyFail when it is aborted, and keeps nothing", async () => {
    const stream = conn.copy_from(IN);
    const writer = stream.getWriter();
    writer.closed.catch(() => {});
    await writer.write(lines(100_000));
    await writer.abort(new Error("no more"));
    await assert_usable();
    assertEquals(await size(), 0);
    const reason = new RangeError("the source failed");
    const source = new ReadableStream<Uint8Array>({
      pull(stream) {
        stream.error(reason);
      },
    });
    assertEquals(await assertRejects(() => source.pipeTo(conn.copy_from(IN))), reason);
    await assert_usable();
  });

  const failures: [name: string, query: string, type: typeof DataError, message: string][] = [
    ["a syntax error", "copy items fron stdin", ProgrammingError, "syntax error"],
    ["no COPY", "select 1", ProgrammingError, "must be one COPY ... FROM STDIN"],
    ["a change, which is not made", ADD, ProgrammingError, "must be one COPY ... FROM STDIN"],
    ["a COPY in the other direction", OUT, ProgrammingError, "must be one COPY ... FROM STDIN"],
    ["two of them", `${IN}; ${IN}`, ProgrammingError, "must be one COPY ... FROM STDIN"],
    ["a table that is not there", "copy nothing from stdin", ProgrammingError, "does not exist"],
  ];
  for (const [name, query, type, message] of failures) {
    it(`errors for ${name}, and leaves the connection usable`, async () => {
      for (const chunk of [lines(1), lines(20_000), null]) {
        const writer = conn.copy_from(query).getWriter();
        writer.closed.catch(() => {});
        await assertRejects(
          async () => {
            if (chunk !== null) await writer.write(chunk);
            await writer.close();
          },
          type,
          message,
        );
        await assert_usable();
        assertEquals(await size(), 0);
      }
    });
  }

  it("refuses chunks that are no bytes", async () => {
    const writer = conn.copy_from(IN).getWriter();
    writer.closed.catch(() => {});
    await writer.write(lines(1));
    await assertRejects(
      () => writer.write("2\tx\n" as unknown as Uint8Array),
      InterfaceError,
      "must be a Uint8Array, but is a string",
    );
    await assert_usable();
    assertEquals(await size(), 0);
  });

  it("refuses other statements while it is open", async () => {
    const writer = conn.copy_from(IN).getWriter();
    await writer.write(lines(20_000));
    await assertRejects(() => conn.execute("select 1"), InterfaceError, "a COPY is open on it");
    await writer.close();
    assertEquals(await size(), 20_000);
  });

  it("ends with the signal's reason, when cancelled, closed or lost", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const writer = conn.copy_from(IN, { signal: controller.signal }).getWriter();
    writer.closed.catch(() => {});
    await writer.write(lines(20_000));
    controller.abort(reason);
    await assert_usable();
    assertEquals(await assertRejects(() => writer.write(lines(1))), reason);
    assertEquals(await size(), 0);

    const cancelled = conn.copy_from(IN).getWriter();
    cancelled.closed.catch(() => {});
    await cancelled.write(lines(20_000));
    await conn.cancel();
    await assertRejects(() => cancelled.write(lines(20_000)), OperationalError, "cancel");
    await assert_usable();

    const victim = await connect(database.url);
    const lost = victim.copy_from(IN).getWriter();
    lost.closed.catch(() => {});
    await lost.write(lines(20_000));
    await kill_busy(conn);
    await assertRejects(async () => {
      for (;;) await lost.write(lines(20_000));
    }, OperationalError);
    await victim.close();

    const closed = await connect(database.url);
    const closing = closed.copy_from(IN).getWriter();
    closing.closed.catch(() => {});
    await closing.write(lines(20_000));
    await closed.close();
    await assertRejects(() => closing.write(lines(20_000)), InterfaceError);
    assertEquals(await size(), 0);
  });

  it("is part of its transaction", async () => {
    const tx = await conn.begin();
    await new Blob([lines(10)]).stream().pipeTo(tx.copy_from(IN));
    assertEquals(await size(tx), 10);
    await tx.rollback();
    assertEquals(await size(), 0);
  });
});

describe("copy_records_from()", () => {
  const sources: [name: string, make: (n: number) => Items<CopyRecord>][] = [
    ["an array", (n) => records(n)],
    ["a generator", (n) => records(n).values()],
    ["a source in time", (n) => in_time(records(n))],
    ["objects", (n) => records(n).map(([a, b]) => ({ b, a, more: 1 }))],
  ];
  for (const [name, make] of sources) {
    for (const n of [0, 1, 20_000]) {
      it(`copies ${n} records of ${name}`, async () => {
        assertEquals(await conn.copy_records_from("items", make(n)), n);
        assertEquals(await size(), n);
        assertEquals(
          await conn.fetchval("select count(*)::int from items where b = 'item ' || a"),
          n,
        );
        await assert_usable();
      });
    }
  }

  it("copies values of every kind, in binary and in text", async () => {
    await conn.execute("create type mood as enum ('sad', 'ok')");
    await conn.execute(`create table kinds (
      n int, big int8, f float8, t text, ts timestamptz, d date, j jsonb, a int[], b bytea,
      u uuid, x numeric, m mood, ok boolean)`);
    const u = "12345678-9abc-def0-1234-56789abcdef0";
    const date = new Date("2024-02-29T12:34:56.789Z");
    const kinds: unknown[][] = [
      [
        1,
        2n ** 40n,
        1.5,
        "tab\t, back\\slash, line\n, \\N, \u00e9\u{1f600}",
        date,
        "2024-02-29",
        {
          deep: ["\\"],
        },
        [1, null, 3],
        Uint8Array.of(0, 92, 255),
        u,
        "1.500",
        "ok",
        true,
      ],
      [null, null, null, "", null, null, null, [], new Uint8Array(0), null, null, null, false],
      Array(13).fill(null),
    ];
    assertEquals(await conn.copy_records_from("kinds", kinds), 3);
    const rows = await conn.fetchall("select * from kinds", null, { row_factory: tuple_row });
    assertEquals(rows, kinds);
    assertEquals(await all(conn.copy_records_to("kinds", { row_factory: tuple_row })), kinds);
    const plain = kinds.map(([n, big, f, t]) => [n, big, f, t]);
    const columns = ["n", "big", "f", "t"];
    assertEquals(await conn.copy_records_from("kinds", plain, { columns }), 3);
    assertEquals(
      await all(conn.copy_records_to("select n, big, f, t from kinds offset 3", {
        row_factory: tuple_row,
      })),
      plain,
    );
  });

  for (const at of [0, 1, 5000, 19_999]) {
    for (const kind of ["at once", "in time"]) {
      it(`goes on as text from record ${at}, records ${kind}`, async () => {
        const mixed = records(20_000).map(([a, b], i) => [i === at ? String(a) : a, b]);
        const source = kind === "at once" ? mixed : in_time(mixed);
        assertEquals(await conn.copy_records_from("items", source), 20_000);
        assertEquals(
          await conn.fetchval("select count(*)::int from items where b = 'item ' || a"),
          20_000,
        );
      });
    }
  }

  it("copies into the columns that are named, and tables that are quoted or qualified", async () => {
    await conn.execute('create schema "a b"');
    await conn.execute('create table "a b"."c""d" ("X y" int, z text default \'z\', g int)');
    const table = sql.identifier("a b", 'c"d');
    assertEquals(await conn.copy_records_from(table, [[1, 2]], { columns: ["g", "X y"] }), 1);
    assertEquals(await all(conn.copy_records_to(table)), [{ "X y": 2, z: "z", g: 1 }]);
    assertEquals(await all(conn.copy_records_to(table, { columns: ["g"] })), [{ g: 1 }]);
    await conn.execute("create table generated (a int, b int generated always as (a * 2) stored)");
    assertEquals(await conn.copy_records_from("generated", [[1]], { columns: ["a"] }), 1);
    await assertRejects(() => conn.copy_records_from("generated", [[1, 2]]), ProgrammingError);
    await assertRejects(
      () => conn.copy_records_from("items; drop table items", []),
      ProgrammingError,
    );
    await assertRejects(
      () => conn.copy_records_from("items", [], { columns: [] }),
      ProgrammingError,
      "columns",
    );
    await assert_usable();
  });

  type Failure = [name: string, records: unknown[], type: typeof DataError, message: string];
  const failures: Failure[] = [
    ["a constraint", [...records(5), [3, "again"]], IntegrityError, "items_pkey"],
    ["a kind of value", [...records(2), [{}, "y"]], DataError, "record 2,"],
    ["a value", [...records(2), ["x", "y"]], DataError, "invalid input syntax"],
    ["a NUL", [[1, "a\0b"]], DataError, "record 0,"],
    ["undefined", [[1, undefined]], ProgrammingError, "b must be a value or null"],
    ["a missing name", [{ a: 1 }], ProgrammingError, "b must be a value or null"],
    ["too few values", [...records(1), [1]], ProgrammingError, "must have 2 values, but has 1"],
    ["no record", [...records(1), 7], ProgrammingError, "must be an array or an object"],
    ["a kind of value, far on", [...records(9000), [{}, ""]], DataError, "record 9000,"],
    ["a constraint, far on", [...records(9000), [1, "again"]], IntegrityError, "items_pkey"],
  ];
  for (const [name, bad, type, message] of failures) {
    for (const kind of ["at once", "in time"]) {
      it(`rejects for ${name}, and keeps nothing: records ${kind}`, async () => {
        const source = (kind === "at once" ? bad : in_time(bad)) as Items<CopyRecord>;
        await assertRejects(() => conn.copy_records_from("items", source), type, message);
        await assert_usable();
        assertEquals(await size(), 0);
      });
    }
  }

  it("says what is wrong with the table, and reads no record", async () => {
    let taken = 0;
    const source = in_time([[1, 2]].map((record) => (taken++, record)));
    taken = 0;
    await assertRejects(
      () => conn.copy_records_from("nothing", source),
      ProgrammingError,
      "nothing",
    );
    assertEquals(taken, 0);
    for (const none of [null, undefined, 7, "abc"]) {
      await assertRejects(
        () => conn.copy_records_from("items", none as unknown as CopyRecord[]),
        ProgrammingError,
        "must be an iterable",
      );
    }
    await assert_usable();
  });

  it("keeps nothing when the source throws, and throws just that", async () => {
    const failure = new RangeError("no more");
    for (const at of [0, 1, 20_000]) {
      const failing = function* () {
        yield* records(at);
        throw failure;
      };
      for (const source of [failing(), in_time(failing())]) {
        assertEquals(
          await assertRejects(() => conn.copy_records_from("items", source)),
          failure,
        );
        await assert_usable();
        assertEquals(await size(), 0);
      }
    }
  });

  it("stops reading the source when the server has refused something", async () => {
    let taken = 0;
    let closed = 0;
    const endless = function* () {
      try {
        for (;;) yield [taken++ % 1000, "x"];
      } finally {
        closed++;
      }
    };
    await assertRejects(() => conn.copy_records_from("items", endless()), IntegrityError);
    await assertRejects(() => conn.copy_records_from("items", in_time(endless())), IntegrityError);
    assert(taken < 5_000_000, `${taken} records were taken`);
    assertEquals(closed, 2);
    await assert_usable();
  });

  it("runs in its turn, or refuses others while it waits for its source", async () => {
    const [, first, , second] = await Promise.all([
      conn.copy_records_from("items", records(9000)),
      size(),
      conn.copy_records_from("items", records(9000, 9000)),
      size(),
    ]);
    assertEquals([first, second], [9000, 18_000]);
    const asking = async function* () {
      await conn.execute("select 1");
      yield [1, "x"];
    };
    await assertRejects(
      () => conn.copy_records_from("items", asking()),
      InterfaceError,
      "a COPY with an asynchronous source is open on it",
    );
    await assert_usable();
  });

  it("ends at its deadline, when its signal aborts, and when it is cancelled or lost", async () => {
    const stuck = async function* (then: () => unknown) {
      yield* records(20_000, 100_000);
      await then();
      await new Promise(() => {});
    };
    const never = stuck(() => {});
    await assertRejects(
      () => conn.copy_records_from("items", never, { timeout: 0.2 }),
      TimeoutError,
    );
    await assert_usable();
    const reason = new Error("enough");
    const controller = new AbortController();
    const { signal } = controller;
    const aborting = stuck(() => controller.abort(reason));
    assertEquals(
      await assertRejects(() => conn.copy_records_from("items", aborting, { signal })),
      reason,
    );
    await assert_usable();
    const cancelling = stuck(() => void conn.cancel());
    await assertRejects(
      () => conn.copy_records_from("items", cancelling),
      OperationalError,
      "cancel",
    );
    await assert_usable();
    const victim = await connect(database.url);
    const killing = stuck(() => kill_busy(conn));
    await assertRejects(() => victim.copy_records_from("items", killing), OperationalError);
    await victim.close();
    assertEquals(await size(), 0);
  });
});

describe("copy_records_to()", () => {
  it("yields rows as execute() gives them", async () => {
    await conn.execute("insert into items select g, 'item ' || g from generate_series(1, 20000) g");
    const expected = await conn.fetchall("select * from items order by a");
    assertEquals(await all(conn.copy_records_to("select * from items order by a")), expected);
    assertEquals((await all(conn.copy_records_to("items"))).length, 20_000);
    assertEquals(await all(conn.copy_records_to("select a from items where false")), []);
    assertEquals(await all(conn.copy_records_to("select -- with a comment")), [{}]);
  });

  it("reads what has no binary form as text", async () => {
    await conn.execute("create type flavour as enum ('sweet', 'so\\ur')");
    const query = "select 'so\\ur'::flavour f, null n, E'\\t\\n\\\\' || chr(8) t, '{}'::jsonb j";
    const expected = await conn.fetchall(query);
    for (let i = 0; i < 2; i++) {
      assertEquals(await all(conn.copy_records_to(query)), expected);
    }
  });

  it("leaves the connection usable after break, also in a transaction", async () => {
    const endless = "select generate_series(1, 100000000) g";
    for await (const _ of conn.copy_records_to(endless)) break;
    await assert_usable();
    await conn.transaction(async (tx) => {
      await tx.execute("insert into items values (1, 'kept')");
      for await (const _ of tx.copy_records_to(endless)) break;
      assertEquals(await size(tx), 1);
    });
    assertEquals(await size(), 1);
  });

  it("yields the rows before an error, then throws it", async () => {
    let rows = 0;
    const query = "select 1 / (100000 - g) from generate_series(1, 200000) g";
    await assertRejects(
      async () => {
        for await (const _ of conn.copy_records_to(query)) rows++;
      },
      DataError,
      "division by zero",
    );
    assert(rows > 50_000, `only ${rows} rows came`);
    await assert_usable();
    await assertRejects(() => all(conn.copy_records_to("select selec")), ProgrammingError, "selec");
    await assert_usable();
  });

  it("throws what the row factory throws", async () => {
    const row_factory = () => () => {
      throw new RangeError("no such row");
    };
    const query = "select generate_series(1, 1000000)";
    await assertRejects(() => all(conn.copy_records_to(query, { row_factory })), RangeError);
    await assert_usable();
  });

  it("holds one chunk of the network at a time", async () => {
    let made = 0;
    let most = 0;
    let taken = 0;
    const row_factory = () => (values: unknown[]) => {
      most = Math.max(most, ++made - taken);
      return values[0];
    };
    const query = "select generate_series(1, 2000000)";
    for await (const _ of conn.copy_records_to(query, { row_factory })) taken++;
    assertEquals(taken, 2_000_000);
    assert(most < 200_000, `${most} rows were waiting`);
  });
});

describe("Pool", () => {
  it("lends its connection for as long as a COPY takes", async () => {
    await using pool = await create_pool(database.url, { maxsize: 2 });
    await Promise.all(Array.from({ length: 6 }, async (_, i) => {
      const writer = pool.copy_from(IN).getWriter();
      await writer.write(lines(1000, 1000 * i));
      await writer.close();
    }));
    assertEquals((await text_of(pool.copy_to(OUT))).split("\n").length, 6001);
    assertEquals(await pool.copy_records_from("items", in_time(records(1000, 6000))), 1000);
    assertEquals((await all(pool.copy_records_to("items"))).length, 7000);
    await pool.copy_to(OUT).cancel();
    for await (const _ of pool.copy_to("copy (select generate_series(1, 9999999)) to stdout")) {
      break;
    }
    await assertRejects(() => text_of(pool.copy_to("copy nothing to stdout")), ProgrammingError);
    const aborted = pool.copy_from(IN).getWriter();
    aborted.closed.catch(() => {});
    await aborted.write(lines(1, 100_000));
    await aborted.abort();
    assertEquals([await size(pool), pool.freesize], [7000, pool.size]);
  });

  it("copies behind a transaction pooler", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1, pooler: "transaction" });
    assertEquals(await pool.copy_records_from("items", records(9000)), 9000);
    assertEquals((await all(pool.copy_records_to("items"))).length, 9000);
    assertEquals((await text_of(pool.copy_to(OUT))).split("\n").length, 9001);
  });

  it("stops a COPY whose borrower gives the connection back", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1 });
    const lent = await pool.acquire();
    const reader = lent.copy_to("copy (select generate_series(1, 9999999)) to stdout").getReader();
    await reader.read();
    await pool.release(lent);
    await assertRejects(async () => {
      while (!(await reader.read()).done);
    }, InterfaceError);
    const writing = await pool.acquire();
    const writer = writing.copy_from(IN).getWriter();
    writer.closed.catch(() => {});
    await writer.write(lines(20_000));
    await pool.release(writing);
    await assertRejects(() => writer.write(lines(20_000)), InterfaceError);
    assertEquals(await size(pool), 0);
  });
});

describe("Cursor", () => {
  it("copies from a stream or an iterable, as psycopg2 does", async () => {
    const cursor = await conn.cursor();
    await cursor.copy_from(new Blob([lines(100)]).stream(), "items");
    assertEquals([cursor.rowcount, cursor.statusmessage], [100, "COPY 100"]);
    await cursor.copy_from([bytes("1000|none\n"), bytes("1001|b\n")], "items", {
      columns: ["a", "b"],
      sep: "|",
      null: "none",
    });
    assertEquals(cursor.rowcount, 2);
    assertEquals(await conn.fetchval("select b from items where a = 1000"), null);
    await assertRejects(
      () => cursor.copy_from([bytes("7\n")], "items"),
      DataError,
      "missing data",
    );
    assertEquals(cursor.rowcount, -1);
    const failing = (async function* () {
      yield lines(1, 5000);
      throw new RangeError("no more");
    })();
    await assertRejects(() => cursor.copy_from(failing, "items"), RangeError, "no more");
    await assert_usable();
    assertEquals(await size(), 102);
  });

  it("copies to a stream, which stays open", async () => {
    await conn.execute("insert into items values (1, 'x'), (2, null)");
    const chunks: Uint8Array[] = [];
    let closed = false;
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        chunks.push(chunk);
      },
      close() {
        closed = true;
      },
    });
    const cursor = await conn.cursor();
    await cursor.copy_to(sink, "items", { sep: ";", null: "" });
    assertEquals(await new Blob(chunks as BlobPart[]).text(), "1;x\n2;\n");
    assertEquals([cursor.rowcount, closed, sink.locked], [2, false, false]);
    await cursor.copy_expert("copy (select 7) to stdout with (format csv, header)", sink);
    assertEquals(cursor.rowcount, 1);
    await assertRejects(() => cursor.copy_to(sink, "nothing"), ProgrammingError, "nothing");
    await assert_usable();
  });

  it("stops where the sink fails", async () => {
    const failure = new RangeError("full");
    const sink = new WritableStream<Uint8Array>({
      write() {
        throw failure;
      },
    });
    const cursor = await conn.cursor();
    const endless = "copy (select generate_series(1, 100000000)) to stdout";
    assertEquals(await assertRejects(() => cursor.copy_expert(endless, sink)), failure);
    await assert_usable();
  });

  it("tells what fails the sink at the last chunk", async () => {
    await conn.execute("insert into items values (1, 'x')");
    const failure = new RangeError("full");
    const cursor = await conn.cursor();
    const late = () => turn().then(() => Promise.reject(failure));
    for (const write of [() => Promise.reject(failure), late]) {
      const sink = new WritableStream<Uint8Array>({ write });
      assertEquals(await assertRejects(() => cursor.copy_to(sink, "items")), failure);
    }
    await assert_usable();
  });

  const endless = "copy (select generate_series(1, 100000000)) to stdout";
  const stuck: Record<string, (cursor: Cursor, options: CallOptions) => Promise<void>> = {
    "copy_from()": (cursor, options) => {
      const first = new ReadableStream<Uint8Array>({ start: (it) => it.enqueue(bytes("1\tx\n")) });
      return cursor.copy_from(first, "items", options);
    },
    "copy_to()": (cursor, options) => {
      const full = new WritableStream<Uint8Array>({ write: () => new Promise(() => {}) });
      return cursor.copy_expert(endless, full, options);
    },
  };
  for (const [name, copy] of Object.entries(stuck)) {
    it(`waits for the caller's stream no longer than told: ${name}`, async () => {
      const cursor = await conn.cursor();
      await assertRejects(() => copy(cursor, { timeout: 0.05 }), TimeoutError, "within 0.05 s");
      const stop = new AbortController();
      const stopped = assertRejects(() => copy(cursor, { signal: stop.signal }), Error, "enough");
      await turn();
      stop.abort(new Error("enough"));
      await stopped;
      await assert_usable();
    });

    it(`begins nothing where its signal has aborted: ${name}`, async () => {
      const cursor = await conn.cursor();
      const signal = AbortSignal.abort(new Error("too late"));
      await assertRejects(() => copy(cursor, { signal }), Error, "too late");
      await turn(); // for what nobody would handle
      await assert_usable();
    });

    it(`hears while it waits for the caller's stream that the connection is gone: ${name}`, async () => {
      await using other = await connect(database.url);
      const cursor = await other.cursor();
      const gone = assertRejects(() => copy(cursor, {}), InterfaceError, "was closed");
      await conn.fetchval("select pg_sleep(0.1)");
      await other.close();
      await gone;
    });
  }

  it("runs any COPY with a stream of either kind", async () => {
    const cursor = await conn.cursor();
    await cursor.copy_expert("copy items from stdin csv", [bytes('1,"a,b"\n')]);
    assertEquals(await conn.fetchval("select b from items"), "a,b");
    await assertRejects(
      () => cursor.copy_expert(OUT, [bytes("x")]),
      ProgrammingError,
      "must be one COPY ... FROM STDIN",
    );
    await cursor.close();
    await assertRejects(() => cursor.copy_expert(IN, []), InterfaceError, "closed");
  });
});
