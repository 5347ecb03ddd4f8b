/** Which values statements and ranges take. */

import { type Connection, type Pool, Range, type Transaction } from "../../mod.ts";
import { expect_type } from "./expect.ts";

interface City {
  readonly id: number;
  readonly name: string | null;
}

class Place implements City {
  readonly id = 1;
  readonly name = null;
}

declare const conn: Connection;
declare const pool: Pool;
declare const tx: Transaction;
declare const cities: City[];
declare const city: City;

// Arrays, also those that cannot be written to.
await conn.execute("select $1, $2", [1, null]);
await pool.fetchone("select $1", [1] as const);
await tx.executemany("select $1", [[1], ["a"]]);

// Objects of any type: a type literal, an interface, a class.
await conn.execute("select %(id)s", { id: 1 });
await conn.fetchall("select %(id)s", city);
await conn.executemany("insert into city values (%(id)s, %(name)s)", cities);
await pool.copy_records_from("city", cities);
await conn.copy_records_from("city", [new Place(), city, [2, "b"]]);
await conn.copy_records_from("city", conn.stream<City>("select * from city"));

// @ts-expect-error -- a value alone is no list of values
await conn.execute("select $1", 1);
// @ts-expect-error -- nor is a text
await conn.execute("select $1", "a");
// @ts-expect-error -- a record is no value alone
await conn.copy_records_from("city", [1]);

// A bound that is not there leaves the type of the other.
expect_type(Range(1, 5)).equals<Range<number>>();
expect_type(Range(new Date(), null)).equals<Range<Date>>();
expect_type(Range(null, 5n, "[]")).equals<Range<bigint>>();
expect_type(Range(0, "5")).equals<Range<number | string>>();
const everything: Range<Date> = Range(null, null);
const from: Range<number> = { ...Range(1, null), upper: 5 };
expect_type(everything.lower).equals<Date | null>();
expect_type(from.upper).equals<number | null>();
