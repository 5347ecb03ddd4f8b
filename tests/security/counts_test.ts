/** Counts and lengths in the answers to a statement, as no honest server sends them. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bind_adapter } from "../../src/entries/core.ts";
import { OperationalError } from "../../src/errors.ts";
import {
  bind_complete,
  command_complete,
  concat,
  data_row,
  i16,
  i32,
  message,
  parameter_description,
  parse_complete,
  ready,
  row_description,
} from "../support/messages.ts";
import { scripted } from "../support/script.ts";

/** What a statement is answered with up to its rows. */
const BEGIN = concat(
  parse_complete(),
  parameter_description(),
  row_description("a", "b"),
  bind_complete(),
);
const END = concat(command_complete("SELECT 1"), ready());

const ANSWERS: readonly [name: string, bytes: Uint8Array][] = [
  [
    "a description of 65,536 parameters, whose count wraps to 0",
    concat(parse_complete(), message("t", i16(0), new Uint8Array(4 * 65_536))),
  ],
  ["a row of no values for two columns", concat(BEGIN, data_row(), END)],
  ["a row of three values for two columns", concat(BEGIN, data_row("a", "b", "c"), END)],
  ["a value of -2 bytes", concat(BEGIN, message("D", i16(2), i32(-2), i32(-1)), END)],
  ["a value of 2 GiB", concat(BEGIN, message("D", i16(2), i32(-1), i32(0x7fffffff)), END)],
  [
    "a row with bytes behind its values",
    concat(BEGIN, message("D", i16(2), i32(-1), i32(-1), "x"), END),
  ],
  ["a row of 65,535 values", concat(BEGIN, message("D", i16(-1), i32(-1), i32(-1)), END)],
  ["a row of one byte", concat(BEGIN, message("D", "x"), END)],
  ["a row without a count", concat(BEGIN, message("D"), END)],
];

describe("Connection.execute()", () => {
  for (const [name, bytes] of ANSWERS) {
    it(`rejects and ends the connection at ${name}`, async () => {
      const server = scripted(async (peer) => {
        await peer.start();
        await peer.expect_all("P", "D", "B", "E", "S");
        peer.send(bytes);
        await peer.closed();
      });
      const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable");
      const error = await assertRejects(() => conn.execute("select a, b from t"), OperationalError);
      assertEquals(error.sqlstate, "08P01");
      assert(conn.closed);
      await server.finished();
    });
  }
});
