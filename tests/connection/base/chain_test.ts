/** The list of slots, waiters and statements. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Chain, Member } from "../../../src/connection/base/chain.ts";

class Link extends Member<Link> {
  readonly id: number;

  constructor(id: number) {
    super();
    this.id = id;
  }
}

const step = fc.record({
  kind: fc.constantFrom("append", "append", "prepend", "remove"),
  id: fc.nat({ max: 15 }),
});

describe("Chain", () => {
  it("is an array whose members join at either end, and leave from anywhere", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const links = Array.from({ length: 16 }, (_, id) => new Link(id));
      const chain = new Chain<Link>();
      let model: Link[] = [];
      for (const { kind, id } of steps) {
        const link = links[id]!;
        assertEquals(chain.remove(link), model.includes(link));
        model = model.filter((one) => one !== link);
        if (kind === "append") chain.append(link), model.push(link);
        if (kind === "prepend") chain.prepend(link), model.unshift(link);
        assertEquals([...chain].map(({ id }) => id), model.map(({ id }) => id));
        assertEquals([chain.size, chain.has(link)], [model.length, model.includes(link)]);
        assertEquals([chain.first, chain.last], [model[0] ?? null, model.at(-1) ?? null]);
      }
    }));
  });

  it("lets a member of another go", () => {
    const [mine, other] = [new Chain<Link>(), new Chain<Link>()];
    const link = new Link(1);
    mine.append(link);
    assertEquals([other.has(link), other.remove(link), mine.size], [false, false, 1]);
  });

  it("is walked without those who leave before their turn, and who come meanwhile", () => {
    const chain = new Chain<Link>();
    const [first, second, third, late] = [1, 2, 3, 4].map((id) => new Link(id));
    for (const link of [first!, second!, third!]) chain.append(link);
    const seen: number[] = [];
    for (const link of chain) {
      seen.push(link.id);
      chain.remove(link);
      chain.remove(second!);
      if (!chain.has(late!)) chain.append(late!);
    }
    assertEquals(seen, [1, 3]);
    assertEquals([...chain], [late!]);
  });
});
