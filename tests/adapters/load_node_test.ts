/** Node's modules, where there are any. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { connect } from "node:net";
import process from "node:process";
import { load_node } from "../../src/adapters/load_node.ts";
import { NotSupportedError } from "../../src/errors.ts";

describe("load_node()", () => {
  it("gives the module that an import gives", () => {
    assertEquals(load_node("node:net").connect, connect);
    assert(load_node("node:tls") !== undefined);
  });

  it("says what is missing on a runtime without it", () => {
    const load = process.getBuiltinModule;
    try {
      Reflect.set(process, "getBuiltinModule", () => undefined);
      assertThrows(
        () => load_node("node:net"),
        NotSupportedError,
        "cannot connect: this runtime has no node:net",
      );
      Reflect.set(process, "getBuiltinModule", undefined);
      assertThrows(() => load_node("node:net"), NotSupportedError);
    } finally {
      Reflect.set(process, "getBuiltinModule", load);
    }
  });
});
