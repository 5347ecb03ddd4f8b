/** A session's settings change nothing in what is read and written; where they must, an error says so. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { connect, type Connection, create_pool, DataError, tuple_row } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import {
  cases,
  comparison,
  type Group,
  groups,
  insertion,
  row_of,
  schema,
} from "../support/sample_tables.ts";
import { is_direct, keeps_sessions } from "../support/through.ts";
import { describe_where, it_where } from "../support/where.ts";

/** What a session may be set to, so that each setting has each of its values. */
const settings: readonly Readonly<Record<string, string>>[] = [
  {
    IntervalStyle: "postgres_verbose",
    TimeZone: "America/St_Johns",
    bytea_output: "escape",
    standard_conforming_strings: "off",
    xmloption: "document",
    lc_monetary: "C",
  },
  { IntervalStyle: "sql_standard", TimeZone: "Asia/Kolkata", DateStyle: "ISO, DMY" },
  { IntervalStyle: "iso_8601", TimeZone: "Europe/Amsterdam", extra_float_digits: "3" },
  { search_path: "pg_catalog", quote_all_identifiers: "on", extra_float_digits: "0" },
  { DateStyle: "SQL, DMY", extra_float_digits: "-15", bytea_output: "escape" },
  { DateStyle: "German", IntervalStyle: "sql_standard" },
  { DateStyle: "Postgres, MDY", TimeZone: "Asia/Kolkata" },
];
/** By setting, the types whose text may then say less than the value. */
const LOSSY: Readonly<Record<string, RegExp>> = {
  DateStyle: /^(date|timestamp|ts(tz)?(multi)?range)/,
  extra_float_digits: /^(float|point|line|lseg|box|path|polygon|circle)/,
};
/** The server prints these as the settings say, by design. */
const PRINTED_NAMES = /^reg/;

let database: Database;
let conn: Connection;

beforeAll(async () => {
  database = await fresh_database();
  await using conn = await connect(database.url);
  await conn.execute(schema());
});

afterAll(() => database.drop());

beforeEach(async () => {
  conn = await connect(database.url, { statement_cache_size: 1000 });
});

afterEach(() => conn.close());

function select({ table }: Group): string {
  return `select * from public.${table} order by id`;
}

function rows_of(group: Group): unknown[] {
  return cases.filter((one) => one.group === group).map((one) => row_of(one));
}

function read(query: string): Promise<unknown[]> {
  return conn.fetchall(query, null, { row_factory: tuple_row });
}

describe("a session's settings", () => {
  for (const setting of settings) {
    const shown = groups.filter(({ type }) =>
      !(PRINTED_NAMES.test(type) && "search_path" in setting)
    );
    const title = JSON.stringify(setting);
    const commands = Object.entries(setting).map(([name, value]) => `set ${name} = '${value}'`);

    it_where(keeps_sessions, `change nothing in what is read: ${title}`, async () => {
      for (const [name, value] of Object.entries(setting)) {
        await conn.execute("select set_config($1, $2, false)", [name, value]);
      }
      for (const round of ["cold", "warm"]) {
        const found = await Promise.all(shown.map((group) => read(select(group))));
        for (const [i, group] of shown.entries()) {
          assertEquals(found[i], rows_of(group), `${group.type}, ${round}`);
        }
      }
    });

    it(`change nothing in what is sent right behind them: ${title}`, async () => {
      const set = Promise.all(commands.map((command) => conn.execute(command)));
      const found = await Promise.all(shown.map((group) => read(select(group))));
      await set;
      for (const [i, group] of shown.entries()) {
        assertEquals(found[i], rows_of(group), group.type);
      }
    });

    it(`change nothing in one of several statements, or are an error: ${title}`, async () => {
      const found = await Promise.allSettled(
        shown.map((group) => read([...commands, select(group)].join(";"))),
      );
      for (const [i, group] of shown.entries()) {
        const outcome = found[i]!;
        if (outcome.status === "fulfilled") {
          assertEquals(outcome.value, rows_of(group), group.type);
          continue;
        }
        const may_fail = Object.keys(setting).some((name) => LOSSY[name]?.test(group.type));
        assert(may_fail, `${group.type}: ${outcome.reason}`);
        assert(outcome.reason instanceof DataError, group.type);
      }
    });

    it(`change nothing in what is written: ${title}`, async () => {
      const writable = cases.filter(({ sample, group }) =>
        sample[4] !== "read only" && shown.includes(group)
      );
      await conn.execute(commands.join(";"));
      const written = writable.map((one) => {
        const { query, params } = insertion(one, one.id);
        return conn.execute(query.replace("into ", "into public."), params);
      });
      await Promise.all(written);
      await conn.execute("reset all");
      const compared = await Promise.all(
        writable.map((one) => conn.fetchone(comparison(one), [one.id, one.id])),
      );
      for (const [i, row] of compared.entries()) {
        assertEquals(row!["found"], row!["expected"], writable[i]!.name);
      }
      await conn.execute(groups.map(({ table }) => `delete from ${table}_copy`).join(";"));
    });
  }

  it("change nothing in what is streamed", async () => {
    await conn.execute("set DateStyle = German; set extra_float_digits = -15");
    for (const group of groups) {
      const rows = [];
      const stream = conn.stream(select(group), null, { row_factory: tuple_row, itersize: 5 });
      for await (const row of stream) rows.push(row);
      assertEquals(rows, rows_of(group), group.type);
    }
  });

  it_where(
    is_direct,
    "change nothing in what is read when the session begins with them",
    async () => {
      const server_settings = {
        DateStyle: "German",
        extra_float_digits: 0,
        IntervalStyle: "iso_8601",
      };
      for (const options of [{ server_settings }, { options: "-c extra_float_digits=-3" }]) {
        await using conn = await connect(database.url, options);
        const found = await Promise.all(
          groups.map((group) => conn.fetchall(select(group), null, { row_factory: tuple_row })),
        );
        for (const [i, group] of groups.entries()) {
          assertEquals(found[i], rows_of(group), group.type);
        }
      }
    },
  );
});

describe_where(is_direct, "standard_conforming_strings", () => {
  it("tells in which strings there are no placeholders of the paramstyle pyformat", async () => {
    await using conn = await connect(database.url, {
      paramstyle: "pyformat",
      server_settings: { standard_conforming_strings: "off", escape_string_warning: "off" },
    });
    const escaped = "select 'it\\'s %s ' || %s as v";
    const plain = "select '\\' || %s || ' %s' as v";
    for (const _ of ["cold", "warm"]) {
      await conn.execute("set standard_conforming_strings = off");
      assertEquals(await conn.fetchval(escaped, ["x"]), "it's %s x");
      assertEquals((await conn.executemany(escaped, [["y"]])).rows, [{ v: "it's %s y" }]);
      await conn.execute("set standard_conforming_strings = on");
      assertEquals(await conn.fetchval(plain, ["x"]), "\\x %s");
      assertEquals((await conn.executemany(plain, [["y"]])).rows, [{ v: "\\y %s" }]);
    }
  });
});

/** `[setting, values, literal]`: what the literal means by each value is not the same. */
const literals: readonly [setting: string, values: readonly string[], literal: string][] = [
  ["TimeZone", ["UTC", "Asia/Kolkata"], "'2024-02-29 12:00'::timestamptz"],
  ["TimeZone", ["UTC", "Asia/Kolkata"], "$$2024-02-29 12:00$$::timestamptz"],
  ["TimeZone", ["UTC", "Asia/Kolkata"], "$a$2024-02-29 12:00$a$::timestamptz"],
  ["DateStyle", ["ISO, MDY", "ISO, DMY"], "'01/02/2024'::date"],
  ["IntervalStyle", ["postgres", "sql_standard"], "'-1 2:00'::interval"],
  ["standard_conforming_strings", ["on", "off"], "'a\\\\b'"],
];

describe_where(keeps_sessions, "a literal in a statement that is kept", () => {
  for (const [setting, values, literal] of literals) {
    it(`means what it does by the setting of now: ${setting}, ${literal}`, async () => {
      const query = `select ${literal} as v`;
      const parameter = "select $1::int as n";
      await conn.execute("set escape_string_warning = off");
      for (const value of [...values, ...values]) {
        await conn.execute("select set_config($1, $2, false)", [setting, value]);
        const expected = await conn.fetchval(`${query} -- ${crypto.randomUUID()}`);
        for (const _ of ["cold", "warm", "warm"]) {
          assertEquals(await conn.fetchval(query), expected);
          assertEquals(await conn.fetchval(parameter, [1]), 1);
        }
        const local = `set local ${setting} = '${values.find((other) => other !== value)}'`;
        const within = await conn.transaction(async (tx) => {
          await tx.execute(local);
          return await tx.fetchval(query);
        });
        assertNotEquals(within, expected);
        assertEquals(await conn.fetchval(query), expected);
      }
      const kept = "select count(*)::int from pg_prepared_statements where statement = $1";
      assertEquals(await conn.fetchval(kept, [query]), 1); // the others are closed
      assertEquals(await conn.fetchval(kept, [parameter]), 1);
    });
  }

  it("means the same to who has the connection next, whatever its last user set", async () => {
    await using pool = await create_pool(database.url, { maxsize: 1 });
    const query = "select '2024-02-29 12:00'::timestamptz";
    for (const zone of ["Asia/Kolkata", "America/St_Johns"]) {
      await using first = await pool.acquire();
      await first.execute(`set time zone '${zone}'`);
      await first.fetchval(query);
      await pool.release(first);
      assertEquals(await pool.fetchval(query), new Date("2024-02-29T12:00Z"));
    }
  });

  it("is the time of now where it says so", async () => {
    for (
      const literal of ["'now'::timestamptz", "timestamptz 'NOW'", "lower('[now,)'::tstzrange)"]
    ) {
      for (const _ of ["cold", "warm", "warm"]) {
        assertEquals(await conn.fetchval(`select ${literal} = now()`), true);
      }
    }
    const kept = "select count(*)::int from pg_prepared_statements where statement = $1";
    for (
      const literal of [
        "'today'::date",
        "'x', date ' Tomorrow '",
        "'{2024-02-29,yesterday}'::date[]",
      ]
    ) {
      await conn.execute(`select ${literal}`);
      assertEquals(await conn.fetchval(kept, [`select ${literal}`]), 0, literal);
    }
    for (const other of ["'x', now(), 'y'", "'it''s available now', 'nowhere'", "1 as now"]) {
      await conn.execute(`select ${other}`);
      assertEquals(await conn.fetchval(kept, [`select ${other}`]), 1, other);
    }
  });
});
