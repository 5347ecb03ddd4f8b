/**
 * Transactions used at random, well and badly, on a backend that fails at random.
 *
 * Law: each statement of a handle runs in the handle's own transaction, or nowhere; every call settles;
 * and what is left on the connection at the end is no transaction.
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { TransactionStatus } from "../../../src/connection/handle/server_facts.ts";
import type { Transaction } from "../../../src/connection/transaction/transaction.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import { PgError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { turn } from "../../support/peer.ts";
import { scripted } from "../../support/script.ts";
import { type Deed, FakeBackend } from "../fake_backend.ts";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random_from(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

async function settled(calls: readonly Promise<unknown>[], clock: FakeClock): Promise<void> {
  let done = false;
  const all = Promise.all(calls).finally(() => done = true);
  for (let i = 0; i < 200 && !done; i++) {
    clock.advance(1);
    await turn();
  }
  assert(done, "every call settles");
  await all;
}

async function run(seed: number): Promise<void> {
  const random = random_from(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const backend = new FakeBackend();
  const faults: Deed[] = ["40001", "23505", "hang", "reset"];
  backend.deed = () => random() < 0.06 ? pick(faults) : undefined;
  const clock = new FakeClock();
  const server = scripted(backend.script, { clock });
  const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable", {
    timeout: 5,
  });

  const enough = new Error("enough");
  const calls: Promise<unknown>[] = [];
  const call = (work: Promise<unknown>) => {
    calls.push(work.catch((error) => {
      if (error !== enough) assertInstanceOf(error, PgError);
    }));
  };
  const handles: { name: string; tx: Transaction }[] = [];
  let names = 0;
  const keep = (name: string) => (tx: Transaction) => void handles.push({ name, tx });
  const root = (name: string) => name.split(".", 1)[0]!;

  for (let step = 0; step < 30; step++) {
    const handle = handles.length > 0 ? pick(handles) : null;
    const deeds: (() => void)[] = [
      () => call(conn.begin().then(keep(`h${++names}`))),
      () => {
        const name = `h${++names}`;
        call(conn.transaction(async (tx) => {
          await tx.execute(`do ${name}`);
          if (random() < 0.3) throw enough;
        }, { retry: 1 }));
      },
      () => clock.advance(pick([0.05, 6])),
    ];
    if (handle !== null) {
      const { name, tx } = handle;
      deeds.push(
        () => call(tx.execute(`do ${name}`)),
        () => call(tx.execute(`do ${name}`, null, { timeout: 0.01 })),
        () => call(tx.execute(`do ${name}`, null, { signal: AbortSignal.abort(enough) })),
        () => call(tx.commit()),
        () => call(tx.rollback()),
        () => call(tx[Symbol.asyncDispose]()),
        () => call(tx.savepoint()),
        () => call(tx.rollback_savepoint()),
        () => call(tx.begin_nested().then(keep(`${name}.n`))),
        () => call(tx.begin_nested((inner) => inner.execute(`do ${name}`))),
      );
    }
    pick(deeds)();
    if (random() < 0.7) await turn();
  }
  await settled(calls, clock);
  for (const { tx } of handles) call(tx[Symbol.asyncDispose]());
  await settled(calls, clock);

  // A BEGIN that was given up is taken back in no one's name.
  const { active, idle, unknown } = TransactionStatus;
  for (let i = 0; i < 200 && conn.get_transaction_status() === active; i++) {
    clock.advance(1);
    await turn();
  }
  assertEquals(conn.get_transaction_status(), conn.closed ? unknown : idle);
  const owners = new Map<number, string>();
  for (const [at, sql] of backend.log.entries()) {
    if (!sql.startsWith("do ")) continue;
    const transaction = backend.transactions[at]!;
    assert(transaction > 0, `${sql} ran outside of a transaction`);
    const owner = root(sql.slice(3));
    assertEquals(owners.get(transaction) ?? owner, owner, "one transaction, one owner");
    owners.set(transaction, owner);
  }
  await conn.close();
  assertEquals(server.dialed.length - backend.cancels, 1, "one session");
}

describe("Transactions used at random", () => {
  it("keep to themselves", async () => {
    const SEEDS = 30;
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        await run(seed);
      } catch (cause) {
        throw new Error(`seed ${seed}: ${cause}`, { cause });
      }
    }
  });
});
