/** Passwords, keys and values are in no error, no inspection and no JSON. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inspect } from "node:util";
import type { ConnectOptions } from "../../src/connection/options/connect_options.ts";
import { bind_adapter } from "../../src/entries/core.ts";
import {
  auth_cleartext,
  auth_ok,
  error_response,
  ready,
  session_start,
  trust_startup,
} from "../support/messages.ts";
import type { Peer } from "../support/peer.ts";
import { scripted } from "../support/script.ts";

const SECRET = "hunter2-hunter2";
const OPTIONS: ConnectOptions = {
  host: "localhost",
  user: "me",
  dbname: "db",
  sslmode: "disable",
  password: SECRET,
};

/** Everything that a log could show of it. */
function shown(value: unknown): string {
  const { stack, cause } = value instanceof Error ? value : { stack: "", cause: undefined };
  return [
    inspect(value, { depth: 20, showHidden: true }),
    JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? String(inner) : inner),
    String(value),
    stack,
    inspect(cause),
  ].join("\n");
}

function assert_silent(value: unknown): void {
  assert(!shown(value).includes(SECRET), "it shows the secret");
}

/** Lets in who knows the password. */
async function let_in(peer: Peer): Promise<void> {
  await peer.startup();
  peer.send(auth_cleartext());
  await peer.expect("p");
  peer.send(auth_ok(), session_start());
}

describe("a secret", () => {
  it("is in no inspection of a connection, a cursor or a pool", async () => {
    const server = scripted(async (peer) => {
      await let_in(peer);
      await peer.expect("X");
      peer.close();
    });
    const api = bind_adapter(server);
    const conn = await api.connect(OPTIONS);
    const cursor = await conn.cursor();
    for (const value of [conn, cursor, conn.dsn, conn.notifies]) assert_silent(value);
    assertEquals(conn.dsn, "user=me dbname=db password=*** host=localhost port=5432");
    await cursor.close();
    await conn.close();
    const pool = await api.create_pool(OPTIONS);
    for (const value of [pool, pool.stats()]) assert_silent(value);
    pool.close();
    await pool.wait_closed();
    await server.finished();
  });

  it("is in no error of a login that fails", async () => {
    const endings: ((peer: Peer) => void)[] = [
      (peer) => peer.send(error_response("28P01", "password authentication failed")),
      (peer) => peer.send("HTTP/1.1"),
      () => {},
    ];
    for (const ending of endings) {
      const server = scripted(async (peer) => {
        await peer.startup();
        peer.send(auth_cleartext());
        await peer.expect("p");
        ending(peer);
        peer.close();
        await peer.closed();
      });
      assert_silent(await assertRejects(() => bind_adapter(server).connect(OPTIONS)));
      await server.finished();
    }
  });

  it("among the values of a statement is in no error and no echo of it", async () => {
    const server = scripted(async (peer) => {
      await peer.start();
      await peer.expect_all("P", "D", "B", "E", "S");
      peer.send(error_response("22P02", "invalid input syntax"), ready());
      await peer.expect("X");
      peer.close();
    });
    const events: unknown[] = [];
    const conn = await bind_adapter(server).connect({
      ...OPTIONS,
      echo: (event) => void events.push(event),
    });
    const failing = () => conn.execute("select $1::int", [SECRET]);
    assert_silent(await assertRejects(failing));
    assert_silent(await assertRejects(() => conn.execute("select $1::text", [`${SECRET}\0`])));
    assert(events.length > 0);
    for (const event of events) assert_silent(event);
    await conn.close();
    await server.finished();
  });

  it("key to cancel a session is in no inspection of it", async () => {
    const key = new TextEncoder().encode(SECRET);
    const server = scripted(async (peer) => {
      await peer.startup();
      peer.send(trust_startup({ secret_key: key }));
      await peer.expect("X");
      peer.close();
    });
    const conn = await bind_adapter(server).connect(OPTIONS);
    const as_bytes = inspect(key).slice(20, 60);
    assert(!shown(conn).includes(as_bytes), "it shows the key");
    await conn.close();
    await server.finished();
  });
});
