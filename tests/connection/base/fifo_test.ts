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

  it("moves each member twice at most as it grows", () => {
    const fifo = new Fifo<number>();
    let moved = 0;
    const walk = Fifo.prototype[Symbol.iterator];
    Fifo.prototype[Symbol.iterator] = function* (this: Fifo<unknown>) {
      for (const member of walk.call(this)) {
        moved++;
        yield member;
      }
    } as typeof walk;
    try {
      for (let i = 0; i < 100_000; i++) fifo.push(i);
      for (let i = 0; i < 100_000; i++) assertEquals(fifo.shift(), i);
    } finally {
      Fifo.prototype[Symbol.iterator] = walk;
    }
    assert(moved > 0 && moved <= 200_000, `${moved} moves`);
  });
});
