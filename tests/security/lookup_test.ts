/** What a server may answer to the questions that are asked of it beside the user's. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../src/connection/handle/connection.ts";
import { bind_adapter } from "../../src/entries/core.ts";
import { DataError, OperationalError, PgError } from "../../src/errors.ts";
import {
  bind_complete,
  command_complete,
  concat,
  data_row,
  parameter_description,
  parse_complete,
  ready,
  row_description,
} from "../support/messages.ts";
import { scripted } from "../support/script.ts";

const UNKNOWN = 99_999;
const COLUMNS: readonly { readonly name: string; readonly type_oid: number }[] = [
  ["oid", 26],
  ["schema", 25],
  ["name", 25],
  ["kind", 25],
  ["array_oid", 26],
  ["delimiter", 25],
  ["element", 26],
  ["base", 26],
  ["subtype", 26],
  ["attributes", 1009],
  ["attribute_types", 1028],
].map(([name, type_oid]) => ({ name: name as string, type_oid: type_oid as number }));

function answer(
  parameters: readonly number[],
  columns: typeof COLUMNS,
  ...rows: readonly Uint8Array[]
): Uint8Array {
  return concat(
    parse_complete(),
    parameter_description(...parameters),
    row_description(...columns),
    bind_complete(),
    ...rows,
    command_complete(`SELECT ${rows.length}`),
    ready(),
  );
}

/** A domain over another type. */
function domain(oid: number, base: number): Uint8Array {
  return data_row(`${oid}`, "s", "t", "d", "0", ",", "0", `${base}`, "0", "{}", "{}");
}

/** Answers each Sync with one of `answers`, in their order; counts them. */
async function connected(answers: readonly Uint8Array[]): Promise<[Connection, () => number]> {
  let given = 0;
  const server = scripted(async (peer) => {
    await peer.start();
    for (let m = await peer.next(); m !== null; m = await peer.next()) {
      if (m.tag === "S") peer.send(answers[given++]!);
      if (m.tag === "X") peer.close();
    }
  });
  const url = "postgres://me@scripted/db?sslmode=disable";
  return [await bind_adapter(server).connect(url, { statement_cache_size: 0 }), () => given];
}

/** How a statement ends whose column has a type of which the server tells what `lookups` gives. */
async function outcome(lookups: readonly Uint8Array[]): Promise<[PgError, number, boolean]> {
  const first = answer([], [{ name: "a", type_oid: UNKNOWN }], data_row("x"));
  const [conn, given] = await connected([first, ...lookups]);
  const error = await assertRejects(() => conn.fetchval("select a from t", []), PgError);
  const { closed } = conn;
  await conn.close();
  return [error as PgError, given() - 1, closed];
}

describe("a look into the catalogue", () => {
  const nonsense: Readonly<Record<string, Uint8Array>> = {
    "columns of types that are not known either": answer(
      [25],
      COLUMNS.map(({ name }) => ({ name, type_oid: 88_888 })),
      data_row(...COLUMNS.map(() => "x")),
    ),
    "other columns": answer([25], [{ name: "a", type_oid: 25 }], data_row("x")),
    "NULLs": answer([25], COLUMNS, data_row(...COLUMNS.map(() => null))),
    "attributes without types": answer(
      [25],
      COLUMNS,
      data_row(`${UNKNOWN}`, "s", "t", "c", "0", ",", "0", "0", "0", "{a,b}", "{25}"),
    ),
  };
  for (const [what, bytes] of Object.entries(nonsense)) {
    it(`ends the connection where it is answered with ${what}`, async () => {
      const [error, asked, closed] = await outcome([bytes]);
      assert(error instanceof OperationalError, error.message);
      assertEquals([error.sqlstate, asked, closed], ["08P01", 1, true]);
    });
  }

  it("is given up where types are made of types without end", async () => {
    const nested = Array.from({ length: 200 }, (_, i) => domain(UNKNOWN + i, UNKNOWN + i + 1));
    const [error, asked] = await outcome(nested.map((row) => answer([25], COLUMNS, row)));
    assert(error instanceof DataError, error.message);
    assertEquals([error.message.includes("nested 100 deep at most"), asked], [true, 100]);
  });

  it("takes only what was asked for", async () => {
    const nested = Array.from({ length: 30_000 }, (_, i) => domain(UNKNOWN + i, UNKNOWN + i + 1));
    const each = nested.slice(1, 200).map((row) => answer([25], COLUMNS, row));
    const [error] = await outcome([answer([25], COLUMNS, ...nested), ...each]);
    assert(error instanceof DataError, error.message);
  });
});

describe("Cursor.mogrify()", () => {
  for (const rows of [[], [data_row(null)], [data_row("{a,b}")]]) {
    it(`rejects an answer of ${rows.length} rows that are none of its values`, async () => {
      const [conn] = await connected([answer([25], [{ name: "array", type_oid: 1009 }], ...rows)]);
      const cursor = await conn.cursor();
      const error = await assertRejects(() => cursor.mogrify("select $1", ["x"]), OperationalError);
      assertEquals(error.sqlstate, "08P01");
      await conn.close();
    });
  }
});
