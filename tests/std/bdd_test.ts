import { assertEquals } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";

describe("hooks", () => {
  const calls: string[] = [];

  describe("around a suite in a suite", () => {
    beforeAll(() => void calls.push("before all outer"));
    beforeEach(() => void calls.push("before outer"));
    afterEach(() => void calls.push("after outer"));
    afterAll(() => void calls.push("after all outer"));

    it("one", () => void calls.push("one"));

    describe("inner", () => {
      beforeAll(() => Promise.resolve().then(() => void calls.push("before all inner")));
      beforeEach(() => void calls.push("before inner"));
      afterEach(() => void calls.push("after inner"));
      afterAll(() => void calls.push("after all inner"));

      it("two", () => void calls.push("two"));
    });
  });

  it("run once or for each test, outer ones around inner ones, in the order of declaration", () => {
    assertEquals(calls, [
      "before all outer",
      "before outer",
      "one",
      "after outer",
      "before all inner",
      "before outer",
      "before inner",
      "two",
      "after inner",
      "after outer",
      "after all inner",
      "after all outer",
    ]);
  });
});
