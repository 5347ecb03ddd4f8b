/** Opening a connection, against scripted servers: honest, absent, slow and hostile ones. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Adapter } from "../../../src/adapters/socket.ts";
import type { Connection } from "../../../src/connection/handle/connection.ts";
import type { ConnectOptions } from "../../../src/connection/options/connect_options.ts";
import { bind_adapter } from "../../../src/entries/core.ts";
import {
  InterfaceError,
  NotSupportedError,
  OperationalError,
  PgError,
  TimeoutError,
} from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  auth_cleartext,
  auth_ok,
  concat,
  error_response,
  notice,
  notification,
  session_start,
  trust_startup,
} from "../../support/messages.ts";
import { type Peer, turn } from "../../support/peer.ts";
import { type Script, scripted, type ScriptedServer } from "../../support/script.ts";

const PLAIN: ConnectOptions = { host: "db.test", user: "me", dbname: "db", sslmode: "disable" };
const TLS: ConnectOptions = { ...PLAIN, sslmode: "require" };

function open(server: ScriptedServer, options: ConnectOptions = PLAIN): Promise<Connection> {
  return bind_adapter(server).connect(options);
}

/** Lets the client in, and waits for its Terminate. */
async function honest(peer: Peer): Promise<void> {
  await peer.start();
  await end(peer);
}

async function end(peer: Peer): Promise<void> {
  await peer.expect("X");
  peer.close();
}

async function refused(
  scripts: Script | readonly (Script | null)[],
  options: ConnectOptions = PLAIN,
): Promise<PgError> {
  const server = scripted(scripts);
  const error = await assertRejects(() => open(server, options), PgError);
  await server.finished();
  return error;
}

describe("connect()", () => {
  it("sends user, database and encoding, and nothing else that poolers refuse", async () => {
    const server = scripted(async (peer) => {
      const { parameters } = await peer.startup();
      assertEquals(parameters, { user: "me", database: "db", client_encoding: "UTF8" });
      peer.send(trust_startup());
      await end(peer);
    });
    const conn = await open(server);
    assertEquals(conn.server_version, 180004);
    assertEquals(conn.get_backend_pid(), 4242);
    await conn.close();
    await server.finished();
  });

  it("keeps what the server says during the login, for the first who has the session", async () => {
    const script: Script = async (peer) => {
      await peer.startup();
      peer.send(notice("welcome"), auth_ok(), notice("by a trigger"), news, session_start());
      await end(peer);
    };
    const news = notification(7, "news", "by a trigger, too");
    const heard_by = ({ notices, notifies }: Connection) => [
      ...notices.map((notice) => notice.message_primary),
      notifies.get_nowait(),
    ];
    const expected = ["welcome", "by a trigger", {
      channel: "news",
      payload: "by a trigger, too",
      pid: 7,
    }];
    const server = scripted([script, script]);
    const conn = await open(server);
    assertEquals(heard_by(conn), expected);
    await conn.close();

    const heard: unknown[] = [];
    const on_connect = (conn: Connection) => heard.push(...heard_by(conn));
    const pool = await bind_adapter(server).create_pool(PLAIN, { on_connect });
    assertEquals(heard, expected);
    await pool[Symbol.asyncDispose]();
    await server.finished();
  });

  it("rejects wherever the server closes during the login, and leaves nothing open", async () => {
    const login = concat(notice("welcome"), trust_startup());
    for (let length = 0; length < login.length; length++) {
      const server = scripted(async (peer) => {
        await peer.startup();
        peer.send(login.slice(0, length));
        peer.close();
      });
      await assertRejects(() => open(server), OperationalError);
      assert(server.peers.every((peer) => peer.client_closed), `after ${length} bytes`);
      await server.finished();
    }
  });

  const lies: readonly [name: string, bytes: Uint8Array][] = [
    ["HTTP", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["SSH", new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n")],
    ["a length of 2 GB", Uint8Array.of(0x52, 0x7f, 0xff, 0xff, 0xff)],
    ["zeros", new Uint8Array(64)],
    ["a row", Uint8Array.of(0x44, 0, 0, 0, 6, 0, 0)],
    ["ReadyForQuery at once", Uint8Array.of(0x5a, 0, 0, 0, 5, 0x49)],
  ];
  for (const [name, bytes] of lies) {
    it(`rejects a server that answers with ${name}`, async () => {
      const error = await refused(async (peer) => {
        await peer.startup();
        peer.send(bytes);
        await peer.closed();
      });
      assertEquals(error.sqlstate, "08P01");
    });
  }

  it("is an OperationalError with the server's SQLSTATE when the login is refused", async () => {
    const error = await refused(async (peer) => {
      await peer.startup();
      peer.send(error_response("3D000", 'database "db" does not exist', { S: "FATAL" }));
      peer.close();
    });
    assert(error instanceof OperationalError);
    assertEquals([error.sqlstate, error.condition], ["3D000", "invalid_catalog_name"]);
  });

  it("gives up after timeout seconds, on a server that never answers", async () => {
    const clock = new FakeClock();
    const server = scripted(async (peer) => {
      await peer.startup();
      await peer.closed();
    }, { clock });
    const opening = open(server, { ...PLAIN, timeout: 7 });
    const outcome = assertRejects(() => opening, TimeoutError, "7 s");
    for (let i = 0; i < 5; i++) await turn();
    clock.advance(7);
    await outcome;
    await server.finished();
    assertEquals(clock.pending, 0);
  });

  it("rejects with the signal's reason, in the login too", async () => {
    const stop = new AbortController();
    const server = scripted(async (peer) => {
      await peer.startup();
      stop.abort(new Error("never mind"));
      await peer.closed();
    });
    await assertRejects(() => open(server, { ...PLAIN, signal: stop.signal }), Error, "never mind");
    await server.finished();
  });

  it("asks a password function anew for each connection, and never when it is not needed", async () => {
    let asked = 0;
    const password = () => `token ${++asked}`;
    const server = scripted([honest, async (peer) => {
      await peer.startup();
      peer.send(auth_cleartext());
      const { data } = await peer.expect("p");
      assertEquals(new TextDecoder().decode(data), "token 1\0");
      peer.send(auth_ok(), session_start());
      await end(peer);
    }]);
    for (let i = 0; i < 2; i++) {
      const conn = await open(server, { ...PLAIN, host: "localhost", password });
      await conn.close();
    }
    await server.finished();
  });

  it("sends no password in the clear to a remote host", async () => {
    const error = await refused(async (peer) => {
      await peer.startup();
      peer.send(auth_cleartext());
      await peer.closed();
    }, { ...PLAIN, password: "s3cret" });
    assertStringIncludes(error.message, "in the clear");
    assert(!error.message.includes("s3cret"));
  });

  /** The same servers, over sockets that say whether they are private. */
  function telling(server: ScriptedServer, is_private: boolean): Adapter {
    return {
      name: "telling",
      dial: async (address, signal) => {
        const socket = await server.dial(address, signal);
        return Object.assign(Object.create(socket), { is_private });
      },
    };
  }

  it("sends no password in the clear to a server that only its proxy calls localhost", async () => {
    const server = scripted(async (peer) => {
      await peer.startup();
      peer.send(auth_cleartext());
      await peer.closed();
    });
    const { connect } = bind_adapter(telling(server, false));
    const error = await assertRejects(
      () => connect({ ...PLAIN, host: "localhost", password: "s3cret" }),
      OperationalError,
    );
    assertStringIncludes(error.message, "in the clear");
    await server.finished();
  });

  it("sends a password where the socket is private, and asks for no TLS there", async () => {
    const server = scripted(async (peer) => {
      await peer.startup(); // and no SSLRequest
      peer.send(auth_cleartext());
      assertEquals((await peer.expect("p")).data, concat("s3cret\0"));
      peer.send(auth_ok(), session_start());
      await end(peer);
    });
    const { connect } = bind_adapter(telling(server, true));
    await (await connect({ ...PLAIN, sslmode: "require", password: "s3cret" })).close();
    await server.finished();
  });

  it("refuses an sslmode that needs TLS before it dials where there never is any", async () => {
    const server = scripted(() => {}, { no_tls: "it is all in the open" });
    const error = await assertRejects(() => open(server, TLS), NotSupportedError);
    assertEquals(
      error.message,
      "cannot connect: sslmode=require needs TLS, but it is all in the open\n" +
        "HINT: use sslmode=disable if the way to the server is safe without",
    );
    assertEquals(server.dialed, []);
  });

  const dislikes: readonly [how: string, answer: Uint8Array | string][] = [
    ["hangs up on", ""],
    ["calls a bad packet", error_response("08P01", "bad packet header", { S: "FATAL" })],
    ["does not support", error_response("0A000", "unsupported protocol", { S: "FATAL" })],
  ];
  for (const [how, answer] of dislikes) {
    it(`falls back to protocol 3.0 where a server ${how} 3.2`, async () => {
      const versions: number[] = [];
      const server = scripted([
        async (peer) => {
          versions.push((await peer.startup()).version);
          peer.send(answer);
          peer.close();
        },
        async (peer) => {
          versions.push((await peer.startup()).version);
          peer.send(trust_startup({ secret_key: Uint8Array.of(1, 2, 3, 4) }));
          await end(peer);
        },
      ]);
      const conn = await open(server);
      await conn.close();
      await server.finished();
      assertEquals(versions, [0x30002, 0x30000]);
    });
  }

  it("insists on min_protocol_version", async () => {
    const error = await refused([async (peer) => {
      await peer.startup();
      peer.send(error_response("08P01", "bad packet header", { S: "FATAL" }));
      peer.close();
    }], { ...PLAIN, min_protocol_version: "3.2" });
    assertEquals(error.sqlstate, "08P01");
  });
});

describe("connect() to several hosts", () => {
  it("takes the first that answers", async () => {
    const server = scripted([null, honest]);
    const conn = await open(server, { ...PLAIN, host: "a.test,b.test", port: "1,2" });
    await conn.close();
    await server.finished();
    assertEquals(server.dialed, [
      { hostname: "a.test", port: 1 },
      { hostname: "b.test", port: 2 },
    ]);
  });

  it("says of each host why it would not do", async () => {
    const error = await refused([null, null], { ...PLAIN, host: "a.test,b.test" });
    assertStringIncludes(error.message, "a.test:5432: connection refused");
    assertStringIncludes(error.message, "b.test:5432: connection refused");
    assert(error.safe_to_retry);
  });

  it("stops at a host that refuses the login", async () => {
    const error = await refused([async (peer) => {
      await peer.startup();
      peer.send(error_response("28P01", "password authentication failed", { S: "FATAL" }));
      peer.close();
    }], { ...PLAIN, host: "a.test,b.test" });
    assertEquals(error.sqlstate, "28P01");
  });

  it("goes on after connect_timeout seconds", async () => {
    const clock = new FakeClock();
    const server = scripted([async (peer) => {
      await peer.startup();
      await peer.closed();
    }, honest], { clock });
    const opening = open(server, { ...PLAIN, host: "a.test,b.test", connect_timeout: 3 });
    for (let i = 0; i < 5; i++) await turn();
    clock.advance(3);
    const conn = await opening;
    assertEquals(server.dialed.length, 2);
    await conn.close();
    await server.finished();
  });

  it("looks for the kind of session that target_session_attrs wants", async () => {
    const standby: Script = async (peer) => {
      await peer.start({ parameters: { in_hot_standby: "on" } });
      await end(peer);
    };
    const rows: readonly [ConnectOptions["target_session_attrs"], readonly Script[]][] = [
      ["any", [standby]],
      ["read-write", [standby, honest]],
      ["primary", [standby, honest]],
      ["read-only", [standby]],
      ["standby", [standby]],
      ["prefer-standby", [standby]],
    ];
    for (const [target_session_attrs, scripts] of rows) {
      const server = scripted(scripts);
      const conn = await open(server, {
        ...PLAIN,
        host: "a.test,b.test",
        ...(target_session_attrs && { target_session_attrs }),
      });
      await conn.close();
      await server.finished();
    }
  });

  it("says which kind of session the only server is not", async () => {
    const error = await refused(honest, { ...PLAIN, target_session_attrs: "standby" });
    assertEquals(
      error.message,
      "cannot connect: the session must be standby (target_session_attrs), but is not",
    );
    assertEquals([error.sqlstate, error.safe_to_retry], ["08001", true]);
  });

  it("takes any at last where a standby is only preferred", async () => {
    const server = scripted([honest, honest, honest]);
    const target_session_attrs = "prefer-standby";
    const conn = await open(server, { ...PLAIN, host: "a.test,b.test", target_session_attrs });
    await conn.close();
    await server.finished();
  });
});

describe("connect() with TLS", () => {
  it("encrypts before it says who it is", async () => {
    const server = scripted(async (peer) => {
      await peer.expect("ssl");
      peer.send("S");
      const startup = await peer.expect("startup");
      assert(peer.tls !== null);
      assertEquals([peer.tls.hostname, peer.tls.verify], ["db.test", "none"]);
      assertEquals(startup.parameters["user"], "me");
      peer.send(trust_startup());
      await end(peer);
    });
    const conn = await open(server, TLS);
    await conn.close();
    await server.finished();
  });

  it("takes bytes behind the S for an attack, and writes no more", async () => {
    const error = await refused(async (peer) => {
      await peer.expect("ssl");
      peer.send("S", auth_ok());
      await peer.closed();
      assertEquals(peer.received.length, 1);
    }, TLS);
    assertEquals(error.sqlstate, "08P01");
  });

  it("shows nothing that was said before TLS", async () => {
    const error = await refused(async (peer) => {
      await peer.expect("ssl");
      peer.send(error_response("28000", "click here to win"));
      await peer.closed();
    }, { ...TLS, sslmode: "prefer" });
    assert(!error.message.includes("click here"));
  });

  it("is refused by require where the server has none", async () => {
    const error = await refused(async (peer) => {
      await peer.expect("ssl");
      peer.send("N");
      await peer.closed();
    }, TLS);
    assertStringIncludes(error.message, "sslmode=require");
  });

  it("goes on without under prefer, on the same socket", async () => {
    const server = scripted([honest]);
    const conn = await open(server, { ...TLS, sslmode: "prefer" });
    await conn.close();
    await server.finished();
    assertEquals(server.peers[0]!.received[0]!.tag, "ssl");
  });

  it("is tried under allow once the server refuses without", async () => {
    const server = scripted([
      async (peer) => {
        assertEquals((await peer.next())?.tag, "startup");
        peer.send(error_response("28000", "no pg_hba.conf entry, no encryption", { S: "FATAL" }));
        peer.close();
      },
      async (peer) => {
        await peer.expect("ssl");
        peer.send("S");
        await peer.expect("startup");
        peer.send(trust_startup());
        await end(peer);
      },
    ]);
    const conn = await open(server, { ...TLS, sslmode: "allow" });
    await conn.close();
    await server.finished();
  });

  it("never falls back to plaintext after a failed handshake", async () => {
    const error = await refused([async (peer) => {
      peer.tls_error = new OperationalError("the certificate is not trusted");
      await peer.expect("ssl");
      peer.send("S");
      await peer.closed();
    }], { ...TLS, sslmode: "verify-full" });
    assertStringIncludes(error.message, "not trusted");
  });

  it("is refused where the runtime cannot encrypt", async () => {
    const server = scripted(async (peer) => {
      await peer.expect("ssl");
      peer.send("S");
      await peer.closed();
    });
    const dial = server.dial.bind(server);
    const bare = {
      name: "bare",
      async dial(...call: Parameters<typeof dial>) {
        const { start_tls: _, ...socket } = await dial(...call);
        return socket;
      },
    };
    await assertRejects(() => bind_adapter(bare).connect(TLS), NotSupportedError, "bare");
    await server.finished();
  });

  it("goes the same way for a cancel", async () => {
    const server = scripted([async (peer) => {
      await peer.expect("ssl");
      peer.send("S");
      await peer.expect("startup");
      peer.send(trust_startup());
      await peer.expect_all("P", "D", "B", "E", "S");
      while (server.peers.length < 2 || !server.peers[1]!.client_closed) await turn();
      peer.send(error_response("57014", "canceling statement"), "Z\0\0\0\x05I");
      await end(peer);
    }, async (peer) => {
      await peer.expect("ssl");
      peer.send("S");
      await peer.expect("cancel");
      assert(peer.tls !== null);
      peer.close();
    }]);
    const conn = await open(server, TLS);
    const stop = new AbortController();
    const slow = conn.execute("select pg_sleep(9)", [], { signal: stop.signal });
    await turn();
    stop.abort(new Error("enough"));
    await assertRejects(() => slow, Error, "enough");
    await conn.close();
    await server.finished();
  });

  for (const sslmode of ["prefer", "allow"] as const) {
    it(`gives no key away in the clear to cancel what ${sslmode} encrypted`, async () => {
      const refuse: Script = async (peer) => {
        await peer.startup();
        peer.send(error_response("28000", "no pg_hba.conf entry, no encryption", { S: "FATAL" }));
        peer.close();
      };
      const server = scripted([...(sslmode === "allow" ? [refuse] : []), async (peer) => {
        await peer.expect("ssl");
        peer.send("S");
        await peer.expect("startup");
        peer.send(trust_startup());
        await peer.expect_all("P", "D", "B", "E", "S");
        await peer.closed();
      }, async (peer) => {
        await peer.expect("ssl");
        peer.send("N");
        await peer.closed();
        assertEquals(peer.received.map(({ tag }) => tag), ["ssl"]);
      }]);
      const conn = await open(server, { ...TLS, sslmode });
      const running = conn.execute("select pg_sleep(9)").catch((error) => error);
      await turn();
      await conn.cancel();
      assertInstanceOf(await running, OperationalError);
      await conn.close();
      await server.finished();
    });
  }
});

describe("a cancel", () => {
  it("goes to the address that the session reached, whatever its name resolves to now", async () => {
    const server = scripted([null, async (peer) => {
      await peer.start();
      await peer.expect_all("P", "D", "B", "E", "S");
      while (server.peers.length < 2 || !server.peers[1]!.client_closed) await turn();
      peer.send(error_response("57014", "canceling statement"), "Z\0\0\0\x05I");
      await end(peer);
    }, async (peer) => {
      await peer.expect("cancel");
      peer.close();
    }]);
    const remote = { hostname: "192.0.2.7", port: 2 };
    const dial = server.dial.bind(server);
    const adapter = {
      name: "resolving",
      dial: async (...call: Parameters<typeof dial>) => ({ ...await dial(...call), remote }),
    };
    const conn = await bind_adapter(adapter).connect({ ...PLAIN, host: "a.test,b.test" });
    const slow = conn.execute("select pg_sleep(9)", [], { timeout: 0.01 });
    await assertRejects(() => slow, TimeoutError);
    await conn.close();
    await server.finished();
    assertEquals(server.dialed[2], remote);
  });
});

describe("a malformed option", () => {
  it("is named, and nothing is dialed", async () => {
    const server = scripted([]);
    const typo = { ...PLAIN, sslmod: "verify-full" } as ConnectOptions;
    await assertRejects(() => open(server, typo), InterfaceError, "sslmod");
    assertEquals(server.dialed, []);
    await server.finished();
  });
});
