/** How much, and when: what streams, executemany() and COPY send, read and hold. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { setImmediate } from "node:timers/promises";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import type { ConnectOptions } from "../../../src/connection/options/connect_options.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import { scalar_row } from "../../../src/rows/factories.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import type { FrontendMessage } from "../../support/frontend.ts";
import { command_complete, copy_data, copy_done, copy_out, ready } from "../../support/messages.ts";
import type { Peer } from "../../support/peer.ts";
import { type Script, scripted } from "../../support/script.ts";
import { BulkBackend } from "../bulk_backend.ts";

const DSN = "postgres://me@scripted/db?sslmode=disable";
const FLIGHT = 65_536;

async function with_script(
  script: Script,
  test: (conn: Connection, clock: FakeClock) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  const clock = new FakeClock();
  const server = scripted(script, { clock });
  const conn = await bind_adapter(server).connect(DSN, options);
  try {
    await test(conn, clock);
  } finally {
    await conn.close();
  }
  await server.finished();
}

/** A backend, and the flights that it gets: what comes up to each Sync, by tags. */
async function with_backend(
  test: (
    conn: Connection,
    backend: BulkBackend,
    flights: string[],
    clock: FakeClock,
  ) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  const backend = new BulkBackend();
  const flights: string[] = [];
  let flight = "";
  backend.on_message = (message) => {
    flight += message.tag;
    if (message.tag !== "S" && message.tag !== "Q") return;
    flights.push(flight);
    flight = "";
  };
  await with_script(
    (peer) => backend.script(peer),
    (conn, clock) => test(conn, backend, flights, clock),
    options,
  );
}

/** Lets everything happen that can. */
async function rest(): Promise<void> {
  for (let i = 0; i < 30; i++) await setImmediate();
}

async function read_all(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of items) count++;
  return count;
}

function count_of(messages: readonly FrontendMessage[], tag: string): number {
  return messages.filter((message) => message.tag === tag).length;
}

describe("stream()", () => {
  it("has one batch ahead, and no more, however slow the caller is", async () => {
    await with_backend(async (conn, backend) => {
      const rows = conn.stream<string>("select 100 rows", null, {
        itersize: 10,
        row_factory: scalar_row,
      });
      let taken = 0;
      for await (const _ of rows) {
        taken++;
        await rest();
        const given = backend.portals.get("edgepg_portal_1")?.given ?? 100;
        const expected = Math.min(100, 10 * (Math.ceil(taken / 10) + 1));
        assertEquals(given, expected, `rows given when ${taken} were taken`);
      }
      assertEquals(taken, 100);
    });
  });

  it("sends the first batch's request in one flight, cold and warm", async () => {
    await with_backend(async (conn, _backend, flights) => {
      await read_all(conn.stream("select 3 rows"));
      assertEquals(flights, ["PBEPDBES", "PBECS"]);
      flights.length = 0;
      await read_all(conn.stream("select 3 rows"));
      assertEquals(flights, ["PBEBES", "PBECS"]);
      flights.length = 0;
      await conn.transaction((tx) => read_all(tx.stream("select 3 rows", null, { itersize: 2 })));
      // A batch ahead is between SAVEPOINT and RELEASE.
      assertEquals(flights, ["Q", "BES", "PBEEPBES", "CS", "Q"]);
    });
  });

  it("keeps to one Sync at a time, and unnamed statements, behind a transaction pooler", async () => {
    await with_backend(async (conn, backend, flights) => {
      await read_all(conn.stream("select 5 rows", null, { itersize: 2 }));
      assertEquals(flights, ["PBEPDBES", "ES", "ES", "PBECS"]);
      assertEquals(backend.state, "I");
    }, { pooler: "transaction" });
  });

  it("has a deadline for each batch, in which the caller's time does not count", async () => {
    await with_backend(async (conn, _backend, _flights, clock) => {
      const rows = conn.stream("select 5 rows", null, { itersize: 1, timeout: 10 });
      for await (const _ of rows) {
        await rest();
        clock.advance(100);
        await rest();
      }
      assertEquals(clock.pending, 0);
    });
  });

  it("returns from break without waiting for a batch that takes its time", async () => {
    await with_backend(async (conn, backend, _flights, clock) => {
      const rows = conn.stream("select 5 rows", null, { itersize: 1 });
      await rows.next();
      await rest(); // the second is here
      backend.fault = () => "hang";
      await rows.next();
      await rest();
      const returned = rows.return();
      await rest();
      assertEquals(backend.cancels, 0);
      clock.advance(0.021);
      assertEquals((await returned).done, true);
      backend.fault = () => undefined;
      await rest();
      clock.advance(1);
      assertEquals(await conn.fetchval("select 1 rows"), "1");
      assertEquals(backend.cancels, 1);
    });
  });
});

describe("executemany()", () => {
  for (const kind of ["at once", "in time"]) {
    it(`takes no more sets than the server does: sets ${kind}`, async () => {
      let taken = 0;
      const sets = function* () {
        for (; taken < 600; taken++) yield ["x".repeat(1000)];
      };
      const sets_in_time = async function* () {
        yield* sets();
      };
      const backend = new BulkBackend();
      let peer: Peer | null = null;
      await with_script((one) => backend.script(peer = one), async (conn) => {
        backend.on_message = ({ tag }) => tag === "B" && peer!.pause();
        const done = conn.executemany("insert $1", kind === "at once" ? sets() : sets_in_time());
        await rest();
        assert(taken * 1000 <= 4 * FLIGHT, `${taken} sets were taken`);
        backend.on_message = () => {};
        peer!.resume();
        assertEquals((await done).rowcount, 600);
      });
    });
  }
});

describe("copy_from()", () => {
  it("takes no more than the server does", async () => {
    const backend = new BulkBackend();
    let peer: Peer | null = null;
    await with_script((one) => backend.script(peer = one), async (conn) => {
      let taken = 0;
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (taken++ < 100) controller.enqueue(new Uint8Array(10_000));
          else controller.close();
        },
      });
      backend.on_message = ({ tag }) => tag === "d" && peer!.pause();
      const piped = source.pipeTo(conn.copy_from("copy t from stdin"));
      await rest();
      assert(taken * 10_000 <= 4 * FLIGHT, `${taken} chunks were taken`);
      backend.on_message = () => {};
      peer!.resume();
      await piped;
      assertEquals([taken, backend.copied], [101, 1_000_000]);
    });
  });
});

describe("copy_to()", () => {
  it("reads no more than the caller does, whose time does not count", async () => {
    let peer: Peer | null = null;
    const chunk = copy_data(new Uint8Array(1000));
    await with_script(async (one) => {
      peer = one;
      await peer.start();
      await peer.expect("Q");
      peer.send(copy_out(0));
      for (let i = 0; i < 20; i++) peer.send(chunk);
      peer.send(copy_done(), command_complete("COPY 20"), ready());
      await peer.expect("X");
      peer.close();
    }, async (conn, clock) => {
      const stream = conn.copy_to("copy t to stdout", { timeout: 10 });
      const reader = stream.getReader();
      for (let i = 1; i <= 20; i++) {
        assertEquals((await reader.read()).value!.length, 1000);
        await rest();
        assertEquals(Math.floor(peer!.unread / chunk.length), 20 - i);
        clock.advance(100);
        await rest();
      }
      assertEquals((await reader.read()).done, true);
      assertEquals(stream.rowcount, 20);
    });
  });
});

describe("a named cursor", () => {
  it("is declared and described in one flight, and fetches one batch ahead", async () => {
    await with_backend(async (conn, backend, flights) => {
      await conn.transaction(async () => {
        await using cursor = await conn.cursor({ name: "c", itersize: 3 });
        await cursor.execute("select 20 rows");
        assertEquals(flights.slice(1), ["PDBES", "DS"]);
        for await (const _ of cursor) {
          await rest();
          const given = backend.portals.get("c")!.given;
          assertEquals(given, Math.min(20, 3 * (Math.ceil(cursor.rownumber / 3) + 1)));
        }
        assertEquals([cursor.rownumber, cursor.rowcount], [20, 20]);
      });
    });
  });

  it("sends nothing for a cursor that is closed or ended", async () => {
    const messages: FrontendMessage[] = [];
    await with_backend(async (conn, backend) => {
      const cursor = await conn.cursor({ name: "c" });
      await conn.transaction(() => cursor.execute("select 20 rows"));
      backend.on_message = (message) => messages.push(message);
      await cursor.close();
      await cursor.close();
      assertEquals(count_of(messages, "C"), 0);
    });
  });
});
