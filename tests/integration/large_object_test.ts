/** Large objects, against a real server. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  connect,
  type Connection,
  InterfaceError,
  OperationalError,
  ProgrammingError,
  type Transaction,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";

const MEBIBYTE = 1 << 20;

let database: Database;
let conn: Connection;
let tx: Transaction;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  conn = await connect(database.url);
  tx = await conn.begin();
});

afterEach(async () => {
  await conn.close();
});

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Bytes that tell where they are. */
function pattern(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
  return new Uint8Array(words.buffer, 0, length);
}

async function same(actual: Uint8Array, expected: Uint8Array): Promise<void> {
  assertEquals(actual.length, expected.length);
  const [a, b] = await Promise.all(
    [actual, expected].map((bytes) =>
      crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)
    ),
  );
  assertEquals(new Uint8Array(a!), new Uint8Array(b!));
}

describe("Connection.lobject()", () => {
  it("makes a large object, which outlives its transaction", async () => {
    const lo = await conn.lobject();
    assert(lo.oid > 0);
    assertEquals(await lo.write("some data"), 9);
    await tx.commit();
    assert(lo.closed);
    await conn.transaction(async (tx) => {
      const again = await tx.lobject(lo.oid);
      assertEquals(again.mode, "r");
      assertEquals(text(await again.read()), "some data");
    });
  });

  it("rejects for an OID that is none, and a write where it may only be read", async () => {
    const made = await conn.lobject(0, "n");
    const readable = await conn.lobject(made.oid, "rb");
    const undo = await tx.begin_nested();
    await assertRejects(() => readable.write("x"), OperationalError, "not opened for writing");
    await undo.rollback();
    await assertRejects(() => conn.lobject(1), ProgrammingError, "does not exist");
  });

  it("may read what it may write", async () => {
    const lo = await conn.lobject(0, "wt");
    await lo.write("abc");
    await lo.seek(0);
    assertEquals(text(await lo.read()), "abc");
  });

  it("rejects outside a transaction", async () => {
    await tx.rollback();
    await assertRejects(() => conn.lobject(), ProgrammingError, "in a transaction");
  });

  it("takes a transaction that a statement began", async () => {
    await tx.rollback();
    await conn.execute("begin");
    const lo = await conn.lobject();
    await conn.execute("rollback");
    await assertRejects(() => lo.write("x"), ProgrammingError, "has ended");
  });
});

describe("LargeObject", () => {
  it("reads in pieces, and nothing at the end", async () => {
    const lo = await conn.lobject();
    await lo.write("some data");
    await lo.seek(0);
    assertEquals(text(await lo.read(4)), "some");
    assertEquals(text(await lo.read(100)), " data");
    assertEquals(await lo.read(1), new Uint8Array());
    assertEquals(await lo.read(), new Uint8Array());
    assertEquals(await lo.read(0), new Uint8Array());
  });

  it("seeks from the start, from here and from the end", async () => {
    const lo = await conn.lobject();
    await lo.write("some data");
    assertEquals(await lo.seek(5), 5);
    assertEquals(text(await lo.read()), "data");
    assertEquals(await lo.seek(-4, 1), 5);
    assertEquals(await lo.seek(-2, 2), 7);
    assertEquals(text(await lo.read()), "ta");
    assertEquals(await lo.tell(), 9);
    await assertRejects(() => lo.seek(-1));
  });

  it("seeks, tells and truncates beyond 4 GiB", async () => {
    const lo = await conn.lobject();
    const far = 5 * 2 ** 30;
    assertEquals(await lo.seek(far), far);
    await lo.write("far");
    assertEquals(await lo.tell(), far + 3);
    assertEquals(await lo.seek(0, 2), far + 3);
    await lo.truncate(far + 1);
    assertEquals(await lo.seek(0, 2), far + 1);
    await lo.seek(far - 1);
    assertEquals(await lo.read(), Uint8Array.of(0, 102));
  });

  it("truncates to nothing by default", async () => {
    const lo = await conn.lobject();
    await lo.write("some data");
    await lo.truncate();
    await lo.seek(0);
    assertEquals(await lo.read(), new Uint8Array());
    await lo.truncate(3);
    assertEquals(await lo.read(), new Uint8Array(3));
  });

  it("writes and reads more than one piece", async () => {
    const data = pattern(2 * MEBIBYTE + 12_345);
    const lo = await conn.lobject();
    assertEquals(await lo.write(data), data.length);
    await lo.seek(0);
    await same(await lo.read(), data);
    await lo.seek(10);
    await same(await lo.read(MEBIBYTE + 7), data.subarray(10, 10 + MEBIBYTE + 7));
  });

  it("writes text as UTF-8, and counts bytes", async () => {
    const lo = await conn.lobject();
    assertEquals(await lo.write("naïve 😀"), 11);
    await lo.seek(0);
    assertEquals(text(await lo.read()), "naïve 😀");
  });

  it("is piped into and out of", async () => {
    const data = pattern(3 * MEBIBYTE + 1);
    const lo = await conn.lobject();
    await new Blob([data as Uint8Array<ArrayBuffer>]).stream().pipeTo(lo.writable);
    assert(!lo.closed);
    await lo.seek(0);
    const pieces: number[] = [];
    const counted = lo.readable.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          pieces.push(piece.length);
          controller.enqueue(piece);
        },
      }),
    );
    await same(new Uint8Array(await new Response(counted as BodyInit).arrayBuffer()), data);
    assertEquals(pieces, [MEBIBYTE, MEBIBYTE, MEBIBYTE, 1]);
  });

  it("reads from the server only what is taken from the stream", async () => {
    const lo = await conn.lobject();
    await lo.write(new Uint8Array(3 * MEBIBYTE));
    await lo.seek(0);
    const reader = lo.readable.getReader();
    await reader.read();
    assertEquals(await conn.fetchval("select 1"), 1);
    assertEquals(await lo.tell(), MEBIBYTE);
    await reader.cancel();
    assertEquals(await conn.fetchval("select 1"), 1);
  });

  it("is gone after unlink()", async () => {
    const lo = await conn.lobject();
    await lo.unlink();
    await assertRejects(() => lo.read(), InterfaceError, "closed");
    await assertRejects(() => conn.lobject(lo.oid), ProgrammingError, "does not exist");
  });

  it("works whatever int8 is read as", async () => {
    for (const int8 of ["bigint", "number", "string"] as const) {
      await using other = await connect(database.url, { int8, paramstyle: "pyformat" });
      await using _tx = await other.begin();
      await using lo = await other.lobject();
      await lo.write("abc");
      assertEquals([await lo.tell(), await lo.seek(1)], [3, 1]);
    }
  });

  it("rejects when it is closed or its transaction has ended", async () => {
    const closed = await conn.lobject();
    await closed.close();
    await closed.close();
    await assertRejects(() => closed.write("x"), InterfaceError, "closed");
    const ended = await conn.lobject();
    await tx.commit();
    await assertRejects(() => ended.write("x"), ProgrammingError, "has ended");
    await assertRejects(() => ended.unlink(), ProgrammingError, "has ended");
    await ended.close();
  });
});
