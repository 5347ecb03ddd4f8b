import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { warn, type WarningEvent } from "../../../src/connection/base/warnings.ts";

/** Runs `work` with the console's warnings in a list. */
function on_console(work: () => void): unknown[][] {
  const real = console.warn;
  const told: unknown[][] = [];
  console.warn = (...parts) => told.push(parts);
  try {
    work();
  } finally {
    console.warn = real;
  }
  return told;
}

describe("warn()", () => {
  it("tells who asked for warnings, and the console nothing", () => {
    const events: WarningEvent[] = [];
    assertEquals(on_console(() => warn("mind", (event) => events.push(event))), []);
    assertEquals(events, [{ message: "mind" }]);
  });

  it("tells the console where nobody asked", () => {
    assertEquals(on_console(() => warn("mind", undefined)), [["mind"]]);
  });

  it("tells the console when who asked throws", () => {
    const error = new Error("mine");
    const told = on_console(() =>
      warn("mind", () => {
        throw error;
      })
    );
    assertEquals(told, [["mind", error]]);
  });

  it("tells the console when who asked rejects", async () => {
    const error = new Error("mine");
    const told: unknown[] = [];
    const { warn: plain } = console;
    console.warn = (...args) => told.push(args);
    try {
      warn("mind", (() => Promise.reject(error)) as () => void);
      await Promise.resolve();
    } finally {
      console.warn = plain;
    }
    assertEquals(told, [["mind", error]]);
  });
});
