/**
 * What the tests of what aiopg does have in common.
 *
 * @module
 */

import { type Api, bind_adapter, type ConnectOptions, tuple_row } from "../../src/entries/core.ts";
import { adapter } from "../adapters/here.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** aiopg's defaults: rows are arrays, and parameters are `%s`. */
export const AIOPG: ConnectOptions = { row_factory: tuple_row, paramstyle: "pyformat" };

/** This runtime's API on real sockets, under a clock that moves only when it is told to. */
export function clocked(): Api & { readonly clock: FakeClock } {
  const clock = new FakeClock();
  return { clock, ...bind_adapter({ ...adapter, clock }) };
}
