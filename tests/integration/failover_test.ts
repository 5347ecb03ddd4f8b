/** A primary and its standby: which of them a session is on, and what becomes of it when they change. */

import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import {
  connect,
  type ConnectOptions,
  create_pool,
  OperationalError,
  PgError,
  type Pool,
} from "../../mod.ts";
import { Replicas } from "../support/replicas.ts";

let replicas: Replicas;

type Kind = "primary" | "standby";

/** The way to servers by their kinds, or their ports. */
function hosts(kinds: readonly (Kind | number)[], more: ConnectOptions = {}): ConnectOptions {
  const ports = kinds.map((kind) => typeof kind === "number" ? kind : replicas[kind].port);
  return {
    host: ports.map(() => "127.0.0.1"),
    port: ports,
    user: "postgres",
    dbname: "postgres",
    ...more,
  };
}

async function kind_of(options: ConnectOptions): Promise<Kind> {
  await using conn = await connect(options);
  return await conn.fetchval("select pg_is_in_recovery()") ? "standby" : "primary";
}

/** What became of one write. */
type Outcome = "done" | "not done" | "unknown";

/** Writes rows with ids of its own, one after another, until told to stop. */
class Writer {
  readonly outcomes: Map<number, Outcome> = new Map();
  /** Errors that were none of a connection's. */
  readonly surprises: unknown[] = [];
  readonly #pool: Pool;
  readonly #first: number;

  constructor(pool: Pool, number: number) {
    this.#pool = pool;
    this.#first = number * 1_000_000;
  }

  async run(goes_on: () => boolean): Promise<void> {
    for (let id = this.#first; goes_on(); id++) {
      try {
        await this.#pool.execute("insert into log (id) values ($1)", [id], { timeout: 5 });
        this.outcomes.set(id, "done");
      } catch (error) {
        if (!(error instanceof OperationalError)) this.surprises.push(error);
        const is_safe = error instanceof PgError && error.safe_to_retry;
        this.outcomes.set(id, is_safe ? "not done" : "unknown");
      }
    }
  }

  get done(): number {
    return [...this.outcomes.values()].filter((outcome) => outcome === "done").length;
  }
}

describe("a primary and its standby:", () => {
  beforeAll(async () => {
    replicas = await Replicas.start();
  });

  afterAll(async () => {
    await replicas[Symbol.asyncDispose]();
  });

  describe("target_session_attrs", () => {
    const both: readonly Kind[] = ["primary", "standby"];
    const rows: [
      wanted: ConnectOptions["target_session_attrs"],
      kinds: readonly Kind[],
      on: Kind,
    ][] = [
      ["any", both, "primary"],
      ["any", both.toReversed(), "standby"],
      ["read-write", both, "primary"],
      ["read-write", both.toReversed(), "primary"],
      ["primary", both.toReversed(), "primary"],
      ["read-only", both, "standby"],
      ["standby", both, "standby"],
      ["prefer-standby", both, "standby"],
      ["prefer-standby", ["primary"], "primary"],
    ];
    for (const [wanted, kinds, on] of rows) {
      it(`${wanted} of ${kinds.join(" and ")} is on the ${on}`, async () => {
        const target_session_attrs = wanted!;
        assertEquals(await kind_of(hosts(kinds, { target_session_attrs })), on);
      });
    }

    it("read-only takes a primary whose transactions are read-only, and read-write does not", async () => {
      const options = "-c default_transaction_read_only=on";
      const read_only = hosts(["primary"], { target_session_attrs: "read-only", options });
      assertEquals(await kind_of(read_only), "primary");
      const read_write = { ...read_only, target_session_attrs: "read-write" } as const;
      await assertRejects(() => connect(read_write), OperationalError, "must be read-write");
    });

    it("that no server meets is an error that says so of each", async () => {
      const options = hosts(["standby", "standby"], { target_session_attrs: "primary" });
      const error = await assertRejects(() => connect(options), OperationalError);
      const line = `127.0.0.1:${replicas.standby.port}: cannot connect: ` +
        "the session must be primary (target_session_attrs), but is not";
      assertStringIncludes(error.message, `${line}\n${line}`);
      assertEquals([error.sqlstate, error.safe_to_retry], ["08001", true]);
    });
  });

  describe("load_balance_hosts", () => {
    it("random spreads sessions over the servers", async () => {
      const options = hosts(["primary", "standby"], { load_balance_hosts: "random" });
      const met = new Set<Kind>();
      while (met.size < 2) met.add(await kind_of(options));
    });

    it("random still looks for the kind that is wanted", async () => {
      const options = hosts(["primary", "standby"], {
        load_balance_hosts: "random",
        target_session_attrs: "read-write",
      });
      for (let i = 0; i < 10; i++) assertEquals(await kind_of(options), "primary");
    });
  });

  describe("a host that is not there", () => {
    let mute: Server;
    const callers: Set<Socket> = new Set();

    beforeAll(async () => {
      mute = createServer((socket) => {
        callers.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => callers.delete(socket));
      });
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    });

    afterAll(async () => {
      for (const socket of callers) socket.destroy();
      await new Promise((resolve) => mute.close(resolve));
    });

    const port = () => (mute.address() as AddressInfo).port;

    for (const sslmode of ["disable", "prefer"] as const) {
      it(`never answers: after connect_timeout the next one has its turn, ${sslmode}`, async () => {
        const options = hosts([port(), "primary"], { connect_timeout: 1, sslmode });
        assertEquals(await kind_of(options), "primary");
        await using pool = await create_pool(options);
        assertEquals(await pool.fetchval("select 1"), 1);
      });
    }

    it("never answers, nor does the next: each has its own connect_timeout", async () => {
      const options = hosts([port(), port()], { connect_timeout: 1 });
      const error = await assertRejects(() => connect(options), OperationalError);
      assertEquals(error.message.match(/within 1 s \(connect_timeout\)/g)?.length, 2);
    });

    it("refuses: the next one has its turn", async () => {
      assertEquals(await kind_of(hosts([1, "primary"])), "primary");
    });

    it("never answers: the timeout for all is kept", async () => {
      const options = hosts([port(), "primary"], { timeout: 0.1 });
      await assertRejects(() => connect(options), OperationalError, "0.1 s (timeout)");
    });
  });

  describe("a pool whose primary goes down under load", () => {
    it("writes to the promoted standby within 5 seconds, and no result is wrong", async () => {
      const both = hosts(["primary", "standby"], { target_session_attrs: "read-write" });
      const pool = await create_pool({ ...both, maxsize: 4, minsize: 4, timeout: 5 });
      await pool.execute("create table log (id int primary key)");
      const writers = Array.from({ length: 8 }, (_, number) => new Writer(pool, number));
      const done = () => writers.reduce((sum, writer) => sum + writer.done, 0);
      let stopped = false;
      const running = writers.map((writer) => writer.run(() => !stopped));
      const until = async (is_so: () => boolean) => {
        while (!is_so()) await new Promise((resolve) => setTimeout(resolve, 1));
      };
      await until(() => done() >= 200);

      const started = performance.now();
      await replicas.primary.stop(); // as at once as a crash
      await replicas.promote();
      const before = done();
      await until(() => done() > before);
      assertLess(performance.now() - started, 5000);

      await until(() => done() >= before + 200);
      stopped = true;
      await Promise.all(running);
      for (const { surprises } of writers) assertEquals(surprises, []);
      const rows = await pool.fetchall<{ id: number }>("select id from log");
      const found = new Set(rows.map(({ id }) => id));
      assertEquals(found.size, rows.length);
      const outcomes = writers.flatMap((writer) => [...writer.outcomes]);
      const lost = outcomes.filter(([id, outcome]) => outcome === "done" && !found.has(id));
      const ghosts = outcomes.filter(([id, outcome]) => outcome === "not done" && found.has(id));
      assertEquals([lost, ghosts], [[], []]);
      const known = new Set(outcomes.map(([id]) => id));
      assertEquals([...found].filter((id) => !known.has(id)), []);

      const { lost: sessions, size } = pool.stats();
      assert(sessions >= 1 && size <= 4, `${sessions} lost, ${size} there`);
      pool.close();
      await pool.wait_closed();
    });

    it("finds no standby any more", async () => {
      const options = hosts(["standby"], { target_session_attrs: "standby" });
      await assertRejects(() => connect(options), OperationalError, "must be standby");
      assertEquals(await kind_of(hosts(["primary", "standby"])), "primary");
    });
  });
});
