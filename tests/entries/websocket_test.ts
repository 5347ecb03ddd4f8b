/** The API through a WebSocket proxy to a real server: the checks that all runtimes share, and what is different there. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { connect as connect_tcp } from "node:net";
import { fileURLToPath } from "node:url";
import { start_ws_proxy, type WsProxy } from "../../examples/ws_proxy.ts";
import { proxy_is_private } from "../../src/adapters/websocket.ts";
import { type Api, bind_adapter } from "../../src/entries/core.ts";
import * as entry from "../../src/entries/websocket.ts";
import {
  InterfaceError,
  NotSupportedError,
  OperationalError,
} from "../../src/entries/websocket.ts";
import { listen, listen_tls, type Peer } from "../adapters/peer.ts";
import { CHECKS } from "../runtimes/checks.ts";
import { type Database, fresh_database } from "../support/database.ts";
import { auth_cleartext, auth_ok, concat, session_start } from "../support/messages.ts";
import { run_program } from "../support/program.ts";
import { server_pid } from "../support/sessions.ts";

describe("edgepg through a WebSocket proxy", () => {
  let database: Database;
  let proxy: WsProxy;
  let url: string; // of the proxy
  const asked: string[] = []; // of the proxy

  beforeAll(async () => {
    database = await fresh_database();
    proxy = await start_ws_proxy({
      allow: (address) => {
        asked.push(address);
        return address === `${database.host}:${database.port}`;
      },
    });
    url = `ws://127.0.0.1:${proxy.port}/v2`;
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await database.drop();
  });

  const api: Api = {
    connect: (dsn, options) => entry.connect(dsn, { ...options, proxy: url }),
    create_pool: (dsn, options) => entry.create_pool(dsn, { ...options, proxy: url }),
  };

  describe("does what every runtime does:", () => {
    for (const [name, check] of Object.entries(CHECKS)) {
      it(name, () => check(api, database.url));
    }
  });

  it("takes the proxy with a dsn, or among the options in its place", async () => {
    await using conn = await entry.connect(database.url, { proxy: new URL(url) });
    assertEquals(await conn.fetchval("select 1"), 1);
    const { host, port, user, password, name: dbname } = database;
    await using pool = await entry.create_pool({ host, port, user, password, dbname, proxy: url });
    assertEquals(await pool.fetchval("select 2"), 2);
    await using bound = await bind_adapter(entry.websocket_adapter(url)).connect(database.url);
    assertEquals(await bound.fetchval("select 3"), 3);
  });

  it("carries a parameter and a result of 5 MB", async () => {
    await using conn = await api.connect(database.url);
    const bytes = new Uint8Array(5_000_000).map((_, i) => i * 31);
    const back = await conn.fetchval<Uint8Array>("select $1::bytea", [bytes]);
    assert(back?.every((byte, i) => byte === bytes[i]) && back.length === bytes.length);
  });

  it("refuses an sslmode that needs TLS, before it asks the proxy", async () => {
    asked.length = 0;
    for (const sslmode of ["require", "verify-ca", "verify-full"] as const) {
      const error = await assertRejects(
        () => api.connect(database.url, { sslmode }),
        NotSupportedError,
        `cannot connect: sslmode=${sslmode} needs TLS, but there is none inside a WebSocket`,
      );
      assertStringIncludes(error.message, "HINT: use sslmode=disable");
    }
    assertEquals(asked, []);
    for (const sslmode of ["disable", "allow", "prefer"] as const) {
      await (await api.connect(database.url, { sslmode })).close();
    }
  });

  it("ends the connection when more is unread than may wait", async () => {
    await using conn = await entry.connect(database.url, { proxy: url, max_unread: 1_000_000 });
    const pid = await server_pid(conn);
    const out = conn.copy_to(
      "copy (select repeat('x', 100) from generate_series(1, 1000000)) to stdout",
    );
    const reader = out.getReader();
    await reader.read(); // and no more: the COPY goes on
    await using other = await api.connect(database.url);
    const there = "select count(*)::int4 from pg_stat_activity where pid = $1";
    while (await other.fetchval(there, [pid]) !== 0);
    const error = await assertRejects(async () => {
      while (!(await reader.read()).done);
    }, OperationalError);
    assertStringIncludes(error.message, "at most 1000000 bytes may wait");
    assertStringIncludes(error.message, "a WebSocket cannot hold the server back");
  });

  it("tells who waits that the proxy died, and connects again when it is back", async () => {
    let mortal = await start_ws_proxy({ allow: () => true });
    const options = () => ({ proxy: `ws://127.0.0.1:${mortal.port}`, minsize: 0 });
    const conn = await entry.connect(database.url, { proxy: options().proxy });
    const pool = await entry.create_pool(database.url, options());
    const pid = await server_pid(conn);
    const waiting = assertRejects(
      () => conn.execute("select pg_sleep(60)"),
      OperationalError,
      "the connection was lost",
    );
    await using other = await api.connect(database.url);
    const active = "select state = 'active' from pg_stat_activity where pid = $1";
    while (!await other.fetchval(active, [pid]));
    await mortal[Symbol.asyncDispose]();
    await waiting;
    await assertRejects(() => conn.execute("select 1"), OperationalError);
    const error = await assertRejects(() => pool.execute("select 1"), OperationalError);
    assertStringIncludes(error.message, "does not answer, or refuses");
    mortal = await start_ws_proxy({ allow: () => true, port: mortal.port });
    assertEquals(await pool.fetchval("select 1"), 1);
    await pool[Symbol.asyncDispose]();
    await mortal[Symbol.asyncDispose]();
  });

  it("says that the proxy leads elsewhere only", async () => {
    const error = await assertRejects(
      () => api.connect("postgres://me@db.example:5432/db"),
      OperationalError,
    );
    assertStringIncludes(error.message, `cannot connect to db.example:5432: the WebSocket proxy`);
    assertEquals(asked.at(-1), "db.example:5432");
  });

  it("refuses to do without a proxy, or with what is none, and does not show it", async () => {
    await assertRejects(
      () => entry.connect(database.url),
      InterfaceError,
      "cannot read the options: proxy must be the ws: or wss: URL of a proxy, but is missing",
    );
    for (const wrong of ["", "secret", "http://secret/", "tcp://secret"]) {
      const error = await assertRejects(
        () => entry.create_pool(database.url, { proxy: wrong }),
        InterfaceError,
        "proxy must be the ws: or wss: URL of a proxy, but is not",
      );
      assert(!error.message.includes("secret"));
    }
    await assertRejects(
      () => entry.connect(database.url, { proxy: url, max_unread: -1 }),
      InterfaceError,
      "max_unread must be a number of bytes",
    );
  });
});

describe("a server that asks for a password in the clear", () => {
  /** That the proxy reaches, but which is not taken for this machine. */
  const HOST = "0.0.0.0";
  let proxy: WsProxy;
  let server: Peer;
  let secrets: string[];

  beforeEach(async () => {
    proxy = await start_ws_proxy({ allow: () => true });
    secrets = [];
    server = await listen((net) => {
      net.once("data", () => net.write(auth_cleartext()));
      net.on("data", (data) => {
        if (data[0] !== 0x70) return; // PasswordMessage
        secrets.push(new TextDecoder().decode(data.subarray(5)));
        net.write(concat(auth_ok(), session_start()));
      });
    });
  });
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  async function log_in(proxy_url: string): Promise<string> {
    const { output } = await run_program(new URL("programs/wss_login.ts", import.meta.url), {
      args: [proxy_url, HOST, String((server.address as { port: number }).port)],
      env: {
        NODE_EXTRA_CA_CERTS: fileURLToPath(new URL("../support/certs/ca.pem", import.meta.url)),
      },
    });
    return output.trim();
  }

  it("gets it by way of a wss: proxy", async () => {
    await using front = await listen_tls((net) => {
      const inner = connect_tcp({ host: "127.0.0.1", port: proxy.port });
      net.pipe(inner).pipe(net);
      inner.on("error", () => net.destroy());
    });
    const { port } = front.address as { port: number };
    assertEquals(await log_in(`wss://localhost:${port}`), "logged in");
    assertEquals(secrets, ["s3cret\0"]);
  });

  it("does not get it by way of a ws: proxy", async () => {
    assertStringIncludes(await log_in(`ws://127.0.0.1:${proxy.port}`), "in the clear");
    assertEquals(secrets, []);
  });
});

/** The way of a password: proxy, server, whether nobody can read along. */
const WAYS: readonly (readonly [proxy: string, hostname: string, is_private: boolean])[] = [
  ["wss://proxy.example/", "db.internal", true], // whose word is taken for what is behind it
  ["wss://proxy.example/", "localhost", true],
  ["ws://proxy.example/", "db.internal", false],
  ["ws://proxy.example/", "localhost", false], // which is the proxy's
  ["ws://localhost:8080/", "db.internal", false],
  ["ws://localhost:8080/", "127.0.0.1", true],
  ["ws://127.0.0.1/", "localhost", true],
  ["ws://[::1]:80/", "::1", true],
  ["ws://127.0.0.1.example/", "localhost", false],
  ["ws://localhost/", "localhost.example", false],
];

describe("proxy_is_private()", () => {
  for (const [proxy, hostname, expected] of WAYS) {
    it(`judges ${proxy} to ${hostname}`, () => {
      assertEquals(proxy_is_private(new URL(proxy), { hostname, port: 5432 }), expected);
    });
  }
});
