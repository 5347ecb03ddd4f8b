/**
 * Random lives of a pool, by seed: whatever its callers, its server and its clock do, in any order,
 * its laws hold at every moment, and in the end nothing is left.
 */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../src/connection/handle/connection.ts";
import { InterfaceError, OperationalError } from "../../src/errors.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Backends, refused, server_full, settle } from "./backends.ts";

const SEEDS = 10;
const STEPS = 200;
const ABORTED = new Error("aborted");

/** Marsaglia's xorshift32: the same numbers on every runtime. */
function random_from(seed: number): (below: number) => number {
  let state = seed * 2654435761 | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A caller of acquire(). */
interface Caller {
  readonly number: number;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

class Life {
  readonly #random: (below: number) => number;
  readonly #backends: Backends;
  readonly #pool: Pool;
  readonly #waiting: Set<Caller> = new Set(); // in the order of their calls
  readonly #held: Connection[] = [];
  readonly #calls: Promise<unknown>[] = [];
  #callers = 0;
  #last_served = 0;
  served = 0;

  constructor(seed: number, backends: Backends, pool: Pool) {
    this.#random = random_from(seed);
    this.#backends = backends;
    this.#pool = pool;
  }

  async step(): Promise<void> {
    const steps = [
      () => this.#acquire(),
      () => this.#acquire(),
      () => this.#acquire(),
      () => this.#release(),
      () => this.#release(),
      () => this.#release(),
      () => this.#work(),
      () => this.#work(),
      () => this.#call(),
      () => this.#abort(),
      () => this.#kill(),
      () => this.#hold(),
      () => this.#answer(),
      () => this.#answer(),
      () => this.#fail(),
      () => void (this.#backends.manual = this.#random(4) === 0),
      () => this.#end_attempt(),
      () => this.#end_attempt(),
      () => void this.#pool.clear(),
      () => this.#backends.clock.advance(this.#random(4)),
      () => this.#backends.clock.advance(this.#random(40)),
    ];
    await this.#pick(steps)!();
    if (this.#random(3) === 0) return;
    await settle();
    const [first] = this.#waiting;
    assert(first === undefined || first.number > this.#last_served, "somebody was passed");
  }

  /** What must hold at every moment. */
  check(): void {
    const { size, free, used, opening, waiting } = this.#pool.stats();
    assertEquals(size, free + used + opening);
    assert(size <= this.#pool.maxsize, `${size} connections`);
    assert(this.#backends.open.length <= this.#pool.maxsize, "more sessions than maxsize");
    assert(waiting >= 0 && opening >= 0);
    const pids = this.#held.map((connection) => connection.get_backend_pid());
    assertEquals(new Set(pids).size, pids.length, "a session with two borrowers");
    assert(used >= this.#held.length, "a lease that is not counted");
  }

  /** Everyone goes home: no caller may be left, nor anything be left open. */
  async end(): Promise<void> {
    this.#backends.failures.length = 0;
    this.#backends.manual = false;
    for (const attempt of this.#backends.attempts) attempt.proceed();
    while (this.#waiting.size > 0 || this.#held.length > 0) {
      this.#answer();
      await settle();
      this.check();
      if (this.#held.length > 0) await this.#release();
      else if (this.#pool.stats().opening === 0) this.#backends.clock.advance(1);
    }
    for (const backend of this.#backends.all) backend.end();
    await settle();
    await Promise.all(this.#calls);
    this.#pool.close();
    await settle();
    this.#backends.clock.advance(10); // for what cannot be closed in order
    await this.#pool.wait_closed();
    assertEquals(this.#backends.open, []);
    assertEquals(this.#pool.stats().used + this.#pool.size, 0);
  }

  #acquire(): void {
    const stop = new AbortController();
    const timeout = 1 + this.#random(60);
    const acquired = this.#pool.acquire({ timeout, signal: stop.signal });
    const number = ++this.#callers;
    const caller: Caller = {
      number,
      stop,
      done: acquired.then((connection) => {
        this.#last_served = Math.max(number, this.#last_served);
        this.served++;
        this.#held.push(connection);
      }).catch((error) => {
        if (error !== ABORTED) assertInstanceOf(error, OperationalError);
      }).finally(() => this.#waiting.delete(caller)),
    };
    this.#waiting.add(caller);
    this.#calls.push(caller.done);
  }

  async #release(): Promise<void> {
    const connection = this.#take(this.#held);
    if (connection === undefined) return;
    const way = this.#random(5);
    if (way === 0) void connection[Symbol.asyncDispose]();
    else if (way === 1) this.#calls.push(connection.close());
    else void this.#pool.release(connection);
    assertEquals(connection.closed, true);
    await assertRejects(() => connection.execute("select 1"), InterfaceError);
    if (way > 1) await assertRejects(() => this.#pool.release(connection), InterfaceError);
  }

  /** On a connection that is held, and perhaps not waited for. */
  #work(): void {
    const connection = this.#pick(this.#held);
    const sql = this.#pick(["select 1", "begin", "commit", "fail", "hang"])!;
    const work = connection?.execute(sql).catch((error) => assertInstanceOf(error, Error));
    if (work !== undefined) this.#calls.push(work);
  }

  #call(): void {
    const sql = this.#pick(["select 1", "begin", "fail"])!;
    const call = this.#pool.execute(sql, [], { timeout: 1 + this.#random(20) });
    this.#calls.push(call.catch((error) => assertInstanceOf(error, Error)));
  }

  #abort(): void {
    this.#pick([...this.#waiting])?.stop.abort(ABORTED);
  }

  #kill(): void {
    const backend = this.#pick(this.#backends.open);
    if (this.#random(2) === 0) backend?.kill();
    else backend?.peer.reset();
  }

  #hold(): void {
    this.#pick(this.#backends.open)?.hold();
  }

  #answer(): void {
    for (const backend of this.#backends.open) backend.answer();
  }

  #fail(): void {
    this.#backends.failures.push(this.#random(2) === 0 ? refused() : server_full());
  }

  /** Of those that are stuck. */
  #end_attempt(): void {
    const attempt = this.#take(this.#backends.attempts);
    if (this.#random(3) === 0) attempt?.fail(refused());
    else attempt?.proceed();
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#random(items.length)];
  }

  #take<T>(items: T[]): T | undefined {
    return items.splice(this.#random(items.length), 1)[0];
  }
}

describe("Pool, whatever happens,", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`keeps its laws and ends with nothing left (seed ${seed})`, async () => {
      await using backends = new Backends();
      const random = random_from(seed);
      const minsize = random(3);
      const pool = await backends.pool({
        minsize,
        maxsize: minsize + 1 + random(5),
        reset: random(4) > 0,
        max_idle: 20,
        max_lifetime: 100,
        pool_recycle: random(2) === 0 ? -1 : 30,
        check_idle: 10,
        ...(random(2) === 0 ? {} : { check: (connection) => connection.execute("select 0") }),
      });
      const life = new Life(seed, backends, pool);
      for (let step = 0; step < STEPS; step++) {
        await life.step();
        life.check();
      }
      await life.end();
      assert(life.served > 10, `only ${life.served} callers were served`);
    });
  }
});
