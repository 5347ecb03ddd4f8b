/** The queue of exchanges and notifications. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Fifo } from "../../../src/connection/base/fifo.ts";

const step = fc.record({
  kind: fc.constantFrom("push", "push", "unshift", "shift", "shift", "remove"),
  times: fc.integer({ min: 1, max: 150 }), // beyond what is cut off at once
});

describe("Fifo", () => {
  it("is an array whose members join at either end, and leave from anywhere", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const { kind, times } of steps) {
        for (let i = 0; i < times; i++, next++) {
          if (kind === "push") fifo.push(next), model.push(next);
          else if (kind === "unshift") fifo.unshift(next), model.unshift(next);
          else if (kind === "shift") assertEquals(fifo.shift(), model.shift());
          else assertEquals(fifo.remove(next - 9), model.includes(next - 9));
          if (kind === "remove" && model.includes(next - 9)) {
            model.splice(model.indexOf(next - 9), 1);
          }
        }
        assertEquals([[...fifo], fifo.size, fifo.peek()], [model, model.length, model[0]]);
      }
      assertEquals([fifo.take(), fifo.size], [model, 0]);
    }));
  });

  it("moves each member a few times at most", () => {
    const fifo = new Fifo<number>();
    const { slice } = Array.prototype;
    let moved = 0;
    Array.prototype.slice = function (this: unknown[], ...bounds: [number?, number?]) {
      const cut = slice.apply(this, bounds);
      moved += cut.length;
      return cut;
    };
    try {
      for (let i = 0; i < 100_000; i++) fifo.push(i);
      for (let i = 0; i < 100_000; i++) fifo.shift();
    } finally {
      Array.prototype.slice = slice;
    }
    assert(moved <= 100_000, `${moved} moves`);
  });

  it("moves none to let go who is first", () => {
    const fifo = new Fifo<number>();
    const { splice } = Array.prototype;
    let spliced = 0;
    Array.prototype.splice = function (this: unknown[], ...args: [number, number]) {
      spliced++;
      return splice.apply(this, args);
    };
    try {
      for (let i = 0; i < 1000; i++) fifo.push(i);
      for (let i = 0; i < 1000; i++) assert(fifo.remove(i));
    } finally {
      Array.prototype.splice = splice;
    }
    assertEquals([fifo.size, spliced], [0, 0]);
  });
});
