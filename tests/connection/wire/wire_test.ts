/** The Wire by way of a Connection, against a scripted server. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import {
  DataError,
  IntegrityError,
  InterfaceError,
  OperationalError,
  ProgrammingError,
  QueryCanceledError,
  TimeoutError,
} from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import type { FrontendTag } from "../../support/frontend.ts";
import {
  bind_complete,
  command_complete,
  concat,
  data_row,
  empty_query,
  error_response,
  notice,
  notification,
  parameter_description,
  parameter_status,
  parse_complete,
  ready,
  row_description,
  trust_startup,
} from "../../support/messages.ts";
import { type Peer, turn } from "../../support/peer.ts";
import { type Script, scripted, type ScriptOptions } from "../../support/script.ts";

const DSN = "postgres://me@scripted/db?sslmode=disable";

/** A whole answer to a statement run for the first time. */
function cold(...texts: string[]): Uint8Array {
  return concat(
    parse_complete(),
    parameter_description(),
    row_description("a"),
    bind_complete(),
    ...texts.map((text) => data_row(text)),
    command_complete(`SELECT ${texts.length}`),
    ready(),
  );
}

async function flight(peer: Peer): Promise<string> {
  const [parse] = await peer.expect_all("P", "D", "B", "E", "S");
  return parse.sql;
}

/** The client says Terminate, and the server closes. */
async function end(peer: Peer): Promise<void> {
  await peer.expect("X");
  peer.close();
}

async function with_server(
  scripts: Script | readonly (Script | null)[],
  test: (conn: Connection) => Promise<void>,
  options: ScriptOptions = {},
): Promise<void> {
  const server = scripted(scripts, options);
  const conn = await bind_adapter(server).connect(DSN);
  try {
    await test(conn);
  } finally {
    await conn.close();
  }
  await server.finished();
}

/** Waits until `done`, a few turns of the event loop at most. */
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 50 && !done(); i++) await turn();
  assert(done(), "it did not come to that");
}

describe("Wire", () => {
  it("sends statements of one turn in one write and answers them in order", async () => {
    await with_server(async (peer) => {
      await peer.start();
      assertEquals([await flight(peer), await flight(peer)], ["select 1", "select 2"]);
      peer.send(cold("one"), cold("two"));
      await end(peer);
    }, async (conn) => {
      const values = await Promise.all([conn.fetchval("select 1"), conn.fetchval("select 2")]);
      assertEquals(values, ["one", "two"]);
    });
  });

  it("keeps an error to the statement that it is for", async () => {
    await with_server(async (peer) => {
      await peer.start();
      await flight(peer);
      await flight(peer);
      await flight(peer);
      peer.send(cold("one"));
      peer.send(error_response("42601", "syntax error"), ready());
      peer.send(cold("three"));
      await end(peer);
    }, async (conn) => {
      const [one, two, three] = await Promise.allSettled([
        conn.fetchval("select 1"),
        conn.fetchval("selec 2"),
        conn.fetchval("select 3"),
      ]);
      assertEquals(one, { status: "fulfilled", value: "one" });
      assert(two.status === "rejected");
      assertInstanceOf(two.reason, ProgrammingError);
      assertEquals(three, { status: "fulfilled", value: "three" });
    });
  });

  it("resolves at ReadyForQuery: an error after CommandComplete rejects", async () => {
    await with_server(async (peer) => {
      await peer.start();
      await flight(peer);
      peer.send(parse_complete(), parameter_description(), row_description("a"), bind_complete());
      peer.send(command_complete("INSERT 0 1"));
      peer.send(error_response("23505", "duplicate key"), ready());
      await end(peer);
    }, async (conn) => {
      await assertRejects(() => conn.execute("insert"), IntegrityError, "duplicate key");
      assertEquals(conn.get_transaction_status(), 0);
    });
  });

  // An end that was not this one's: each answer from here on would be taken for another's.
  const premature: Record<
    string,
    [flight: string, ends: Uint8Array[], (c: Connection) => unknown]
  > = {
    "a statement": ["PDBES", [ready()], (conn) => conn.execute("select 1")],
    "a statement that is bound": [
      "PDBES",
      [parse_complete(), parameter_description(), row_description("a"), bind_complete(), ready()],
      (conn) => conn.execute("select 1"),
    ],
    "statements": ["Q", [ready()], (conn) => conn.execute("select 1; select 2")],
    "executemany()": ["PDS", [ready()], (conn) => conn.executemany("insert", [[]])],
    "a stream": ["PBEPDBES", [ready()], (conn) => conn.stream("select 1").next()],
  };
  for (const [what, [tags, messages, run]] of Object.entries(premature)) {
    it(`gives the connection up when the server is ready but has not answered ${what}`, async () => {
      await with_server(async (peer) => {
        await peer.start();
        await peer.expect_all(...Array.from(tags) as FrontendTag[]);
        peer.send(...messages);
        await peer.closed();
      }, async (conn) => {
        const error = await assertRejects(async () => await run(conn), OperationalError);
        assertStringIncludes(error.message, "the server sent ReadyForQuery where it has no place");
        assertEquals(error.sqlstate, "08P01");
        assert(conn.closed);
      });
    });
  }

  it("does not take a COMMIT for done when the server is ready but has not answered it", async () => {
    await with_server(async (peer) => {
      await peer.start();
      await peer.expect("Q");
      peer.send(ready());
      await peer.closed();
    }, async (conn) => {
      const error = await assertRejects(() => conn.execute("commit"), OperationalError);
      assertEquals(error.sqlstate, "08007");
    });
  });

  it("takes notices, notifications and settings between any two messages", async () => {
    const anytime = concat(
      notice("by the way"),
      notification(7, "channel", "payload"),
      parameter_status("TimeZone", "Asia/Tokyo"),
    );
    await with_server(async (peer) => {
      await peer.start();
      await flight(peer);
      const messages = [
        parse_complete(),
        parameter_description(),
        row_description("a"),
        bind_complete(),
        data_row("x"),
        command_complete("SELECT 1"),
        ready(),
      ];
      for (const message of messages) peer.send(anytime, message);
      peer.send(anytime);
      await end(peer);
    }, async (conn) => {
      assertEquals(await conn.fetchall("select a"), [{ a: "x" }]);
      await until(() => conn.notifies.qsize() === 8);
      assertEquals(await conn.notifies.get(), { channel: "channel", payload: "payload", pid: 7 });
      assertEquals(conn.notices.length, 8);
      assertEquals(conn.get_parameter_status("TimeZone"), "Asia/Tokyo");
    });
  });

  it("gives the same rows wherever the stream is cut", async () => {
    for (let cut = 1; cut <= 40; cut++) {
      await with_server(
        async (peer) => {
          await peer.start();
          await flight(peer);
          peer.send(cold("a", "bb", "ccc"));
          await end(peer);
        },
        async (conn) => {
          assertEquals(await conn.fetchall("select a"), [{ a: "a" }, { a: "bb" }, { a: "ccc" }]);
        },
        { cut },
      );
    }
  });

  it("rejects everything pending for one reason wherever the server closes", async () => {
    const answer = concat(cold("a", "b"), cold("c"));
    for (let length = 0; length < answer.length; length++) {
      await with_server(async (peer) => {
        await peer.start();
        await flight(peer);
        await flight(peer);
        peer.send(answer.slice(0, length));
        peer.close();
      }, async (conn) => {
        const first = conn.fetchall("select 1");
        const second = conn.fetchall("select 2");
        const [one, two] = await Promise.allSettled([first, second]);
        if (length < cold("a", "b").length) assert(one.status === "rejected");
        assert(two.status === "rejected", `after ${length} bytes`);
        assertInstanceOf(two.reason, OperationalError);
        if (one.status === "rejected") {
          assertEquals(String(one.reason), String(two.reason));
          assert(one.reason !== two.reason, "each has the stack of its own caller");
        }
        assert(conn.closed);
        const late = await assertRejects(() => conn.execute("select 3"), OperationalError);
        assert(late.safe_to_retry);
      });
    }
  });

  it("rejects everything pending when the connection is reset", async () => {
    await with_server(async (peer) => {
      await peer.start();
      await flight(peer);
      peer.reset();
    }, async (conn) => {
      const error = await assertRejects(() => conn.execute("select 1"), OperationalError);
      assertStringIncludes(String(error.cause), "reset by peer");
      assert(!error.safe_to_retry);
    });
  });

  const lies: readonly [name: string, bytes: Uint8Array][] = [
    ["an unknown tag", Uint8Array.of(0x21, 0, 0, 0, 4)],
    ["a negative length", Uint8Array.of(0x44, 0xff, 0xff, 0xff, 0xff)],
    ["a length of 2 GB", Uint8Array.of(0x44, 0x7f, 0xff, 0xff, 0xff)],
    ["a row before its description", data_row("x")],
    ["a row with fewer columns", concat(cold().slice(0, -30), data_row())],
    ["HTTP", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["a login in the middle", concat(trust_startup())],
  ];
  for (const [name, bytes] of lies) {
    it(`gives up a server that sends ${name}`, async () => {
      await with_server(async (peer) => {
        await peer.start();
        await flight(peer);
        peer.send(bytes);
        await peer.closed();
      }, async (conn) => {
        await assertRejects(() => conn.execute("select 1"), OperationalError);
        assert(conn.closed);
      });
    });
  }

  it("gives up a server that answers what was not asked", async () => {
    await with_server(async (peer) => {
      await peer.start();
      peer.send(cold("a fake answer for the next statement"));
      await peer.closed();
    }, async (conn) => {
      await until(() => conn.closed);
      await assertRejects(() => conn.execute("select 1"), OperationalError);
    });
  });

  it("says why the server ended the session", async () => {
    await with_server(async (peer) => {
      await peer.start();
      peer.send(
        error_response("57P01", "terminating connection", { S: "FATAL", V: "FATAL" }),
      );
      peer.close();
    }, async (conn) => {
      await until(() => conn.closed);
      const error = await assertRejects(() => conn.execute("select 1"), OperationalError);
      assertEquals(error.sqlstate, "57P01");
      assertStringIncludes(String(error.cause), "terminating connection");
    });
  });

  it("sends nothing of a statement that cannot be encoded", async () => {
    await with_server(async (peer) => {
      await peer.start();
      assertEquals(await flight(peer), "select 2");
      peer.send(cold("two"));
      await end(peer);
    }, async (conn) => {
      const [bad, good] = await Promise.allSettled([
        conn.fetchval("select $1", ["a\0b"]),
        conn.fetchval("select 2"),
      ]);
      assert(bad.status === "rejected");
      assertInstanceOf(bad.reason, DataError);
      assertStringIncludes(bad.reason.message, "$1");
      assertEquals(good, { status: "fulfilled", value: "two" });
    });
  });

  it("rejects what is pending when its user closes, and says Terminate", async () => {
    await with_server([
      async (peer) => {
        await peer.start();
        await flight(peer);
        await until(() => peer.received.some(({ tag }) => tag === "S"));
        await turn();
        peer.send(error_response("57014", "canceling statement"), ready());
        await end(peer);
      },
      (peer) => peer.expect("cancel").then(() => peer.close()),
    ], async (conn) => {
      const pending = conn.execute("select pg_sleep(10)");
      await turn();
      const [outcome] = await Promise.allSettled([pending, conn.close()]);
      assert(outcome.status === "rejected");
      assertInstanceOf(outcome.reason, InterfaceError);
      await assertRejects(() => conn.execute("select 1"), InterfaceError, "is closed");
    });
  });
});

describe("a statement's deadline", () => {
  it("is told in time, cancels on the server, and leaves the connection usable", async () => {
    const clock = new FakeClock();
    const canceled: unknown[] = [];
    await with_server(
      [
        async (peer) => {
          await peer.start({ pid: 99, secret_key: Uint8Array.of(1, 2, 3, 4) });
          await flight(peer);
          await until(() => canceled.length === 1);
          peer.send(parse_complete(), parameter_description(), row_description("a"));
          peer.send(error_response("57014", "canceling statement"), ready());
          await flight(peer);
          peer.send(cold("usable"));
          await end(peer);
        },
        async (peer) => {
          canceled.push(await peer.expect("cancel"));
          peer.close();
        },
      ],
      async (conn) => {
        const slow = conn.execute("select pg_sleep(10)", [], { timeout: 5 });
        await turn();
        clock.advance(4.9);
        await turn();
        clock.advance(0.2);
        await assertRejects(() => slow, TimeoutError, "5 s");
        assertEquals(await conn.fetchval("select 1"), "usable");
        assertEquals(clock.pending, 1); // the one timer, for the default of the last statement
      },
      { clock },
    );
  });

  it("lets a signal that comes late hit an empty query", async () => {
    const clock = new FakeClock();
    await with_server(
      [
        async (peer) => {
          await peer.start();
          await flight(peer);
          peer.send(cold("it ended by itself"));
          assertEquals((await peer.expect("Q")).sql, "");
          peer.send(error_response("57014", "canceling statement"), ready());
          await flight(peer);
          peer.send(cold("usable"));
          await end(peer);
        },
        (peer) => peer.expect("cancel").then(() => peer.close()),
      ],
      async (conn) => {
        const slow = conn.execute("select pg_sleep(10)", [], { timeout: 5 });
        clock.advance(5);
        await assertRejects(() => slow, TimeoutError);
        assertEquals(await conn.fetchval("select 1"), "usable");
      },
      { clock },
    );
  });

  it("is told to the server again when it came before the statement", async () => {
    const clock = new FakeClock();
    let cancels = 0;
    let canceled = () => {};
    const second = new Promise<void>((resolve) => canceled = resolve);
    await with_server(
      async (peer) => {
        const first = await peer.next();
        if (first?.tag === "cancel") {
          if (++cancels === 2) canceled();
          return peer.close();
        }
        peer.send(trust_startup());
        await flight(peer);
        await second;
        peer.send(error_response("57014", "canceling statement"), ready());
        assertEquals((await peer.expect("Q")).sql, ""); // the first signal may still be on its way
        peer.send(empty_query(), ready());
        await peer.expect("C"); // of the statement that failed
        assertEquals(await flight(peer), "select 1");
        peer.send(cold("one"));
        await end(peer);
      },
      async (conn) => {
        const slow = conn.execute("select pg_sleep(10)", [], { timeout: 5 });
        await turn();
        clock.advance(5);
        await assertRejects(() => slow, TimeoutError);
        const behind = conn.fetchval("select 1");
        await until(() => cancels === 1);
        await turn();
        clock.advance(0.1);
        assertEquals(await behind, "one");
        assertEquals(cancels, 2);
      },
      { clock },
    );
  });

  it("gives the connection up when the server does not confirm", async () => {
    const clock = new FakeClock();
    await with_server(
      async (peer) => {
        const first = await peer.next();
        if (first?.tag === "cancel") return peer.close();
        peer.send(trust_startup());
        await flight(peer);
        await flight(peer);
        await peer.closed();
      },
      async (conn) => {
        const slow = conn.execute("select pg_sleep(10)", [], { timeout: 5 });
        const behind = assertRejects(() => conn.execute("select 1"), OperationalError);
        clock.advance(5);
        await assertRejects(() => slow, TimeoutError);
        await turn();
        clock.advance(5);
        const error = await behind;
        assertStringIncludes(error.message, "could not be cancelled");
        assert(conn.closed);
      },
      { clock },
    );
  });

  it("gives the connection up when the cancel cannot be sent", async () => {
    const clock = new FakeClock();
    await with_server(
      [
        async (peer) => {
          await peer.start();
          await flight(peer);
          await peer.closed();
        },
        null,
      ],
      async (conn) => {
        const slow = conn.execute("select pg_sleep(10)", [], { timeout: 5 });
        clock.advance(5);
        await assertRejects(() => slow, TimeoutError);
        await until(() => conn.closed);
      },
      { clock },
    );
  });
});

describe("an AbortSignal", () => {
  it("takes a waiting statement out without harm to the one that runs", async () => {
    const stop = new AbortController();
    await with_server([
      async (peer) => {
        await peer.start();
        await flight(peer);
        await flight(peer);
        await until(() => stop.signal.aborted);
        peer.send(cold("unharmed"));
        await turn();
        await turn();
        peer.send(error_response("57014", "canceling statement"), ready());
        await end(peer);
      },
      (peer) => peer.expect("cancel").then(() => peer.close()),
    ], async (conn) => {
      const first = conn.fetchval("select 1");
      const second = conn.fetchval("select 2", [], { signal: stop.signal });
      await turn();
      stop.abort(new Error("changed my mind"));
      await assertRejects(() => second, Error, "changed my mind");
      assertEquals(await first, "unharmed");
    });
  });

  it("that aborted before sends nothing", async () => {
    await with_server(async (peer) => {
      await peer.start();
      await end(peer);
    }, async (conn) => {
      const signal = AbortSignal.abort(new Error("too late"));
      await assertRejects(() => conn.execute("select 1", [], { signal }), Error, "too late");
    });
  });
});

describe("Connection.cancel()", () => {
  it("ends the statement that runs, and does nothing when none does", async () => {
    let canceled = false;
    await with_server([
      async (peer) => {
        await peer.start();
        await flight(peer);
        await until(() => canceled);
        peer.send(error_response("57014", "canceling statement"), ready());
        await end(peer);
      },
      async (peer) => {
        await peer.expect("cancel");
        canceled = true;
        peer.close();
      },
    ], async (conn) => {
      await conn.cancel();
      const running = conn.execute("select pg_sleep(10)");
      await turn();
      const [outcome] = await Promise.allSettled([running, conn.cancel()]);
      assert(outcome.status === "rejected");
      assertInstanceOf(outcome.reason, QueryCanceledError);
      assert(!conn.closed);
    });
  });
});

describe("transaction poolers", () => {
  it("get one Sync at a time and unnamed statements, in one flight each", async () => {
    const server = scripted(async (peer) => {
      await peer.start();
      for (const answer of [cold("1"), cold("2")]) {
        const [parse] = await peer.expect_all("P", "D", "B", "E", "S");
        assertEquals(parse.name, "");
        await turn();
        assertEquals(peer.received.at(-1)!.tag, "S"); // nothing behind it
        peer.send(answer);
      }
      const [parse, bind] = await peer.expect_all("P", "B", "D", "E", "S");
      assertEquals([parse.name, bind.result_formats], ["", [1]]);
      peer.send(parse_complete(), bind_complete(), row_description({ name: "a", format: 1 }));
      peer.send(data_row("3"), command_complete("SELECT 1"), ready());
      await end(peer);
    });
    const conn = await bind_adapter(server).connect(DSN, { pooler: "transaction" });
    assertEquals(
      await Promise.all([conn.fetchval("select a"), conn.fetchval("select b")]),
      ["1", "2"],
    );
    assertEquals(await conn.fetchval("select b"), "3");
    await conn.close();
    await server.finished();
  });
});

describe("an empty statement", () => {
  it("has no result", async () => {
    await with_server(async (peer) => {
      await peer.start();
      await flight(peer);
      peer.send(parse_complete(), parameter_description(), bind_complete(), empty_query(), ready());
      await end(peer);
    }, async (conn) => {
      const result = await conn.execute("");
      assertEquals([result.rows, result.rowcount, result.statusmessage], [[], -1, null]);
    });
  });
});
