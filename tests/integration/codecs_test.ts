/** Conversions of the user's own: for a pool, a connection, or a statement. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  type Codec,
  connect,
  create_pool,
  DataError,
  InterfaceError,
  type Queryable,
  Range,
} from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";

/** A count of cents. */
class Cents {
  readonly count: number;
  constructor(count: number) {
    this.count = count;
  }
}

/** int4 as Cents, in bytes. */
const cents: Codec<Cents> = {
  name: "int4",
  decode(body) {
    return new Cents(new DataView(body.buffer, body.byteOffset).getInt32(0));
  },
  encode(value) {
    if (!(value instanceof Cents)) throw new DataError("must be Cents");
    const body = new Uint8Array(4);
    new DataView(body.buffer).setInt32(0, value.count);
    return body;
  },
};

/** A user's type as texts in capital letters. */
const shouting: Codec<string> = {
  name: "public.mood",
  format: "text",
  decode: (body) => new TextDecoder().decode(body).toUpperCase(),
  encode: (value) => new TextEncoder().encode(value.toLowerCase()),
};

/** int8 by its OIDs, as numbers. */
const by_oid: Codec<number> = {
  name: "int8 as a number",
  oid: 20,
  array_oid: 1016,
  decode: (body) => Number(new DataView(body.buffer, body.byteOffset).getBigInt64(0)),
  encode(value) {
    const body = new Uint8Array(8);
    new DataView(body.buffer).setBigInt64(0, BigInt(value));
    return body;
  },
};

let database: Database;

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url);
  await conn.execute(`
    create type mood as enum ('sad', 'ok'); create domain price as int4;
    create type item as (price int4, at price, big int8); create type said as (mood mood, big text);
    create table items (item item, said said, prices int4[], moods mood[], span int4range)`);
});

afterAll(() => database.drop());

const WRITTEN = [
  { price: new Cents(5), at: new Cents(6), big: 7 },
  { mood: "OK", big: "x" },
  [new Cents(1), null],
  ["SAD", null],
  Range(new Cents(1), new Cents(3)),
];

/** Writes and reads by the three codecs, cold and warm. */
async function check_all(on: Queryable, codecs?: readonly Codec[]): Promise<void> {
  const options = { codecs };
  for (const _ of ["cold", "warm"]) {
    const insert = "insert into items values ($1, $2, $3, $4, $5) returning *";
    assertEquals(Object.values((await on.fetchone(insert, WRITTEN, options))!), WRITTEN);
    const read = await on.fetchone("select * from items limit 1", null, options);
    assertEquals(Object.values(read!), WRITTEN);
    const value = await on.fetchval("select row(1::price, 2::int8)", null, options);
    assertEquals(value, [new Cents(1), 2]);
    const scalars = await on.fetchone("select $1::mood, $2::int8", ["OK", 5], options);
    assertEquals(scalars, { mood: "OK", int8: 5 });
    const streamed = [];
    for await (const row of on.stream("select price from (select 5 as price) t", null, options)) {
      streamed.push(row);
    }
    assertEquals(streamed, [{ price: new Cents(5) }]);
    const many = await on.executemany("select $1::int4 as n", [[new Cents(1)]], options);
    assertEquals(many.rows, [{ n: new Cents(1) }]);
  }
}

const PLAIN = "select 1 as a, 'ok'::mood as b, 2::int8 as c, '{1}'::int4[] as d";

async function check_plain(on: Queryable): Promise<void> {
  for (const _ of ["cold", "warm"]) {
    assertEquals(await on.fetchone(PLAIN), { a: 1, b: "ok", c: 2n, d: [1] });
  }
}

describe("the option codecs", () => {
  it("converts on all connections of a pool, and what is made of the types", async () => {
    await using pool = await create_pool(database.url, {
      maxsize: 2,
      codecs: [cents, shouting, by_oid],
    });
    await using first = await pool.acquire();
    await using second = await pool.acquire();
    await check_all(first);
    await check_all(second);
  });

  it("converts on a connection, and leaves others as they are", async () => {
    await using conn = await connect(database.url, { codecs: [cents, shouting, by_oid] });
    await using other = await connect(database.url);
    await check_all(conn);
    await check_plain(other);
  });

  it("is taken by the schema's name too: pg_catalog.int4", async () => {
    await using conn = await connect(database.url, {
      codecs: [{ ...cents, name: "pg_catalog.int4" }],
    });
    assertEquals(await conn.fetchval("select 5"), new Cents(5));
  });

  it("converts arrays of a type too where its OID alone is given", async () => {
    await using conn = await connect(database.url);
    const oid = await conn.fetchval<number>("select 'mood'::regtype::oid") ?? 0;
    const alone: Codec<string> = { ...shouting, name: "a mood", oid };
    const { array_oid: _, ...int8 } = by_oid;
    await using other = await connect(database.url, { codecs: [alone, int8] });
    for (const _ of ["cold", "warm"]) {
      const query = "select $1::mood as a, $2::mood[] as b, array[1, 2]::int8[] as c";
      const row = await other.fetchone(query, ["OK", ["SAD", null]]);
      assertEquals(row, { a: "OK", b: ["SAD", null], c: [1, 2] });
    }
  });

  const nonsense: readonly [codec: unknown, message: string][] = [
    [null, "each must have a name"],
    [{}, "each must have a name"],
    [{ ...cents, decode: undefined }, '"int4" has not'],
    [{ ...cents, encode: "no" }, '"int4" has not'],
    [{ ...cents, format: "json" }, '"int4" has not'],
    [{ ...cents, name: 5 }, "but one has not"],
    [{ ...cents, name: "nothing" }, "a name with its schema"],
  ];
  for (const [i, [codec, message]] of nonsense.entries()) {
    it(`refuses what is no codec: ${i}`, async () => {
      const codecs = [codec as Codec];
      await assertRejects(() => connect(database.url, { codecs }), InterfaceError, message);
      await using conn = await connect(database.url);
      assertThrows(() => conn.register_codec(codec as Codec), InterfaceError, message);
      await assertRejects(
        () => conn.execute("select 1", null, { codecs }),
        InterfaceError,
        message,
      );
      assertEquals(await conn.fetchval("select 1"), 1);
    });
  }

  it("names the parameter where a codec refuses it", async () => {
    await using conn = await connect(database.url, { codecs: [cents] });
    for (const _ of ["cold", "warm"]) {
      await assertRejects(
        () => conn.execute("select $1::int4", [5]),
        DataError,
        "cannot encode $1 as int4: it must be Cents, but is a number",
      );
    }
    assertEquals(await conn.fetchval("select $1::int4", [new Cents(1)]), new Cents(1));
  });

  it("lets what a codec throws reach the caller, and goes on", async () => {
    const failing: Codec = {
      name: "int4",
      decode: () => JSON.parse("{"),
      encode: () => JSON.parse("{"),
    };
    await using conn = await connect(database.url, { codecs: [failing] });
    for (const _ of ["cold", "warm"]) {
      await assertRejects(() => conn.fetchval("select 5"), SyntaxError);
      await assertRejects(() => conn.execute("select $1::int4", [1]), SyntaxError);
      assertEquals(await conn.fetchval("select 'x'"), "x");
    }
  });
});

describe("Connection.register_codec()", () => {
  it("converts from then on, also in statements that were used before", async () => {
    await using conn = await connect(database.url);
    await check_plain(conn);
    for (const codec of [cents, shouting, by_oid]) conn.register_codec(codec);
    await check_all(conn);
    assertEquals(await conn.fetchone(PLAIN), { a: new Cents(1), b: "OK", c: 2, d: [new Cents(1)] });
  });

  it("leaves statements that were called before as they would have been", async () => {
    await using conn = await connect(database.url);
    await conn.fetchone(PLAIN);
    const before = [conn.fetchone(PLAIN), conn.fetchval("select 5::int4")];
    conn.register_codec(cents);
    const after = [conn.fetchval("select 5::int4"), conn.fetchval("select 6::int4")];
    assertEquals(await Promise.all(before), [{ a: 1, b: "ok", c: 2n, d: [1] }, 5]);
    assertEquals(await Promise.all(after), [new Cents(5), new Cents(6)]);
  });

  it("leaves those alone, too, whose types are looked up only after it", async () => {
    await using conn = await connect(database.url);
    const before = conn.fetchone("select 'ok'::mood as a, array['ok']::mood[] as b");
    conn.register_codec(shouting);
    assertEquals(await before, { a: "ok", b: ["ok"] });
    assertEquals(await conn.fetchval("select 'ok'::mood"), "OK");
  });

  it("takes the place of one that was registered before", async () => {
    await using conn = await connect(database.url, { codecs: [by_oid] });
    conn.register_codec({ ...by_oid, decode: () => -1 });
    assertEquals(await conn.fetchval("select 5::int8"), -1);
    conn.register_codec({ ...by_oid, decode: () => -2 });
    assertEquals(await conn.fetchval("select 5::int8"), -2);
  });

  it("ends with the lease of a pool's connection, unless it was made in on_connect", async () => {
    await using pool = await create_pool(database.url, {
      maxsize: 1,
      on_connect: (conn) => conn.register_codec(shouting),
    });
    const first = await pool.acquire();
    first.register_codec(cents);
    assertEquals(await first.fetchone("select 1 as a, 'ok'::mood as b"), {
      a: new Cents(1),
      b: "OK",
    });
    await pool.release(first);
    const second = await pool.acquire();
    for (const _ of ["cold", "warm"]) {
      assertEquals(await second.fetchone("select 1 as a, 'ok'::mood as b"), { a: 1, b: "OK" });
    }
    await pool.release(second);
  });

  it("throws on a connection that is closed", async () => {
    const conn = await connect(database.url);
    await conn.close();
    assertThrows(() => conn.register_codec(cents), InterfaceError, "the connection is closed");
  });
});

describe("a statement's own codecs", () => {
  it("convert in it alone, beside others of the same text", async () => {
    await using conn = await connect(database.url);
    const codecs = [cents];
    for (const _ of ["cold", "warm"]) {
      const found = await Promise.all([
        conn.fetchval("select 5"),
        conn.fetchval("select 5", null, { codecs }),
        conn.fetchval("select 5"),
        conn.fetchval("select $1::int4", [new Cents(6)], { codecs }),
        conn.fetchval("select $1::int4", [6]),
        conn.fetchval("select 1; select 5", null),
      ]);
      assertEquals(found, [5, new Cents(5), 5, new Cents(6), 6, 5]);
    }
  });

  it("convert on pools, in transactions, in streams and in executemany()", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1 });
    const codecs = [cents, shouting, by_oid];
    await check_all(pool, codecs);
    await using conn = await pool.acquire();
    await conn.transaction((tx) => check_all(tx, codecs));
    await check_plain(conn);
  });

  it("convert in copy_records_to()", async () => {
    await using conn = await connect(database.url);
    const query = "select 5 as a, 'ok'::mood as b";
    const expected = [{ a: new Cents(5), b: "ok" }, { a: 5, b: "OK" }];
    for (const [i, codec] of [cents, shouting].entries()) {
      const rows = [];
      for await (const row of conn.copy_records_to(query, { codecs: [codec] })) rows.push(row);
      assertEquals(rows, [expected[i]!]);
    }
  });
});
