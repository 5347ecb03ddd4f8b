/** Memory does not depend on how much is read, nor does leaving early on how much is left. */

import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { connect } from "../../mod.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { run_program } from "../support/program.ts";
import { server_pid } from "../support/sessions.ts";

const READ_MUCH = new URL("programs/read_much.ts", import.meta.url);
/** MiB that a process may grow by while it reads: engines let garbage lie for as long as there is room. */
const MOST_GROWTH = 64;
const ROWS = 2_000_000;
const BYTES = 512 << 20;

/** How often a race against the clock is run, on a machine that has more to do. */
const ATTEMPTS = 10;

let database: Database;

beforeAll(async () => {
  database = await fresh_database();
});

afterAll(() => database.drop());

describe("A process that reads much", () => {
  const ways: readonly [way: string, amount: number][] = [
    ["stream", ROWS],
    ["named_cursor", ROWS],
    ["copy_records_to", ROWS],
    ["copy_to", BYTES],
  ];
  for (const [way, amount] of ways) {
    it(`grows by less than ${MOST_GROWTH} MiB: ${way}`, async () => {
      const { code, output } = await run_program(READ_MUCH, { args: [database.url, way] });
      assertEquals(code, 0);
      const { read, grew } = JSON.parse(output);
      assertEquals(read, amount);
      assert(grew < MOST_GROWTH, `it grew by ${grew} MiB`);
    });
  }
});

describe("A stream of a hundred million rows", () => {
  it("is left in less than 50 ms, and the connection is usable", async () => {
    await using conn = await connect(database.url);
    const session = await server_pid(conn);
    const times: number[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      let left = 0;
      for await (const _ of conn.stream("select generate_series(1, 100000000)")) {
        left = performance.now();
        break;
      }
      times.push(performance.now() - left);
      assertEquals(await conn.fetchval("select pg_backend_pid()"), session);
    }
    assert(Math.min(...times) < 50, `${times} ms`);
  });
});
