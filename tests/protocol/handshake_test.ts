import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createHash } from "node:crypto";
import { InterfaceError, NotSupportedError, OperationalError } from "../../src/errors.ts";
import { type BackendMessage, decode_backend } from "../../src/protocol/backend.ts";
import { FrameDecoder } from "../../src/protocol/frame.ts";
import {
  handshake,
  type HandshakeIo,
  type HandshakeOptions,
  type SessionStart,
} from "../../src/protocol/handshake.ts";
import { parse_require_auth } from "../../src/protocol/require_auth.ts";
import type { ScramKeys } from "../../src/protocol/scram.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "../../src/protocol/tags.ts";
import { password_of } from "../support/frontend.ts";
import * as m from "../support/messages.ts";
import { type ScramLogin, type ScramSketch, serve_scram } from "../support/scram_server.ts";
import { type Script, scripted, type ScriptOptions } from "../support/script.ts";

const parameters = new Map([["user", "mé"], ["database", "app"], ["client_encoding", "UTF8"]]);
const password = "s3cret";
const certificate_hash = new Uint8Array(32).fill(3);
const plus = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];

/** Logs in to a script. The socket is closed on failure, as a client would. */
async function log_in(
  script: Script,
  options: Partial<HandshakeOptions> = {},
  script_options: ScriptOptions = {},
): Promise<SessionStart> {
  await using server = scripted([script], script_options);
  const socket = await server.dial({ hostname: "db", port: 5432 });
  const reader = socket.readable.getReader();
  const writer = socket.writable.getWriter();
  const decoder = new FrameDecoder();
  const io: HandshakeIo = {
    send: (bytes) => writer.write(bytes),
    async next(): Promise<BackendMessage> {
      while (!decoder.next()) {
        const { value } = await reader.read();
        if (value === undefined) throw new OperationalError("the server closed the connection");
        decoder.push(value);
      }
      return decode_backend(decoder.tag, decoder.body());
    },
  };
  try {
    return await handshake(io, {
      parameters,
      password,
      secret_allowed: true,
      encrypted: true,
      ...options,
    });
  } finally {
    socket.close();
  }
}

/** A server that sends `messages` whatever comes, and then the end, so that no client waits for ever. */
function after_startup(...messages: readonly Uint8Array[]): Script {
  return async (peer) => {
    await peer.startup();
    peer.send(...messages);
    peer.close();
    await peer.closed();
  };
}

/** A server that logs in by SCRAM. */
function scram(
  sketch: Partial<ScramSketch> = {},
  saw: (login: ScramLogin) => void = () => {},
): Script {
  return async (peer) => {
    await peer.startup();
    const login = await serve_scram(peer, { password, iterations: 10, ...sketch });
    if (login === null) return await peer.closed();
    saw(login);
    peer.send(m.auth_ok(), m.backend_key(1, new Uint8Array(32)), m.ready());
    await peer.closed();
  };
}

async function assert_refused(
  script: Script,
  fact: string,
  options: Partial<HandshakeOptions> = {},
  sqlstate = "08P01",
): Promise<void> {
  const error = await assertRejects(() => log_in(script, options), OperationalError, fact);
  assertEquals(error.sqlstate, sqlstate);
  assertEquals(error.message.includes(password), false);
}

describe("handshake()", () => {
  it("begins a session with a server that trusts the user", async () => {
    const secret_key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const start = await log_in(async (peer) => {
      const startup = await peer.startup();
      assertEquals(startup.version, PROTOCOL_3_2);
      assertEquals(startup.parameters, Object.fromEntries(parameters));
      peer.send(m.notice("before"), m.auth_ok(), m.notice("after"));
      peer.send(m.session_start({ pid: 99, secret_key, parameters: { TimeZone: "Mars" } }));
    });
    assertEquals(start.protocol_version, PROTOCOL_3_2);
    assertEquals(start.backend_pid, 99);
    assertEquals(start.secret_key, secret_key);
    assertEquals(start.parameters.get("TimeZone"), "Mars");
    assertEquals(start.notices.map((notice) => notice.message_primary), ["before", "after"]);
  });

  it("goes on with a server that sends no key and no settings", async () => {
    const start = await log_in(after_startup(m.auth_ok(), m.ready()));
    assertEquals([start.backend_pid, start.secret_key, start.parameters.size], [0, null, 0]);
  });

  it("leaves what follows ReadyForQuery alone", async () => {
    await log_in(after_startup(m.trust_startup(), m.notification(1, "a"), m.ready("T")));
  });

  it("sends the password to a server that may have it", async () => {
    for (const given of [password, () => password, () => Promise.resolve(password)]) {
      await log_in(async (peer) => {
        await peer.startup();
        peer.send(m.auth_cleartext());
        assertEquals(password_of(await peer.expect("p")), password);
        peer.send(m.trust_startup());
      }, { password: given });
    }
  });

  it("answers MD5 with a hash of the user, the password and the salt", async () => {
    const salt = Uint8Array.of(1, 2, 3, 255);
    const stored = createHash("md5").update(`${password}mé`).digest("hex");
    await log_in(async (peer) => {
      await peer.startup();
      peer.send(m.auth_md5(salt));
      const expected = createHash("md5").update(stored).update(salt).digest("hex");
      assertEquals(password_of(await peer.expect("p")), `md5${expected}`);
      peer.send(m.trust_startup());
    });
  });

  it("asks for no password that the server does not ask for", async () => {
    const password = () => {
      throw new Error("asked");
    };
    await log_in(after_startup(m.trust_startup()), { password });
    await assertRejects(
      () => log_in(after_startup(m.auth_cleartext()), { password }),
      Error,
      "asked",
    );
  });

  it("rejects without a password, or with one that cannot be sent", async () => {
    for (const script of [after_startup(m.auth_cleartext()), after_startup(m.auth_sasl(...plus))]) {
      await assert_refused(script, "but none was given", { password: null }, "28000");
      await assert_refused(script, "but none was given", { password: () => null }, "28000");
      for (const bad of ["a\0b", "\ud800", 7 as unknown as string]) {
        await assertRejects(() => log_in(script, { password: bad }), InterfaceError, "well-formed");
      }
    }
  });

  it("sends nothing if a startup parameter cannot be sent", async () => {
    const io: HandshakeIo = {
      send: () => {
        throw new Error("sent");
      },
      next: () => Promise.reject(new Error("read")),
    };
    const bad = new Map([["user", "me\0"]]);
    const options = { parameters: bad, password, secret_allowed: true, encrypted: true };
    await assertRejects(() => handshake(io, options), InterfaceError, "without NUL");
  });

  it("rejects with what the server says, whenever it says it", async () => {
    const fatal = m.error_response("53300", "too many clients", {
      S: "FATAL",
      V: "FATAL",
      H: "wait",
    });
    const scripts = [
      after_startup(fatal),
      after_startup(m.auth_cleartext(), fatal),
      after_startup(m.auth_md5(new Uint8Array(4)), fatal),
      after_startup(m.auth_sasl("SCRAM-SHA-256"), fatal),
      after_startup(m.auth_ok(), fatal),
      after_startup(m.negotiate(0x30000), fatal),
      after_startup(m.auth_ok(), m.parameter_status("a", "b"), fatal),
    ];
    for (const script of scripts) {
      const answering: Script = async (peer) => {
        peer.closed = async () => {
          while (await peer.next() !== null);
        };
        await script(peer);
      };
      const error = await assertRejects(
        () => log_in(answering),
        OperationalError,
        "too many clients",
      );
      assertEquals(error.sqlstate, "53300");
      assertEquals(error.diag?.severity, "FATAL");
      assertEquals(error.diag?.message_hint, "wait");
    }
  });

  it("reads messages however they are cut", async () => {
    const cuts = Array.from({ length: 64 }, (_, i) => i + 1);
    await Promise.all(cuts.map(async (cut) => {
      const start = await log_in(scram(), {}, { cut });
      assertEquals(start.secret_key?.length, 32);
    }));
  });

  it("rejects when the connection ends at any byte, and again when it is reset there", async () => {
    const wire = m.concat(
      m.notice("hm"),
      m.negotiate(0x30000),
      m.auth_ok(),
      m.parameter_status("client_encoding", "UTF8"),
      m.backend_key(1, new Uint8Array(4)),
      m.ready(),
    );
    for (let at = 0; at < wire.length; at++) {
      const closing: Script = async (peer) => {
        await peer.startup();
        peer.send(wire.subarray(0, at));
        peer.close();
      };
      await assertRejects(() => log_in(closing), OperationalError, "closed the connection");
      const resetting: Script = async (peer) => {
        await peer.startup();
        peer.send(wire.subarray(0, at));
        peer.reset();
      };
      await assertRejects(() => log_in(resetting), Error, "reset by peer");
    }
  });

  it("rejects when the connection ends at any byte of a SCRAM login", async () => {
    const sizes: number[] = [];
    await log_in(async (peer) => {
      const send = peer.send.bind(peer);
      peer.send = (...parts) => {
        sizes.push(m.concat(...parts).length);
        send(...parts);
      };
      await scram()(peer);
    });
    const total = sizes.reduce((sum, size) => sum + size);
    const budgets = Array.from({ length: total }, (_, i) => i);
    await Promise.all(budgets.map(async (left) => {
      const cutting: Script = async (peer) => {
        let budget = left;
        const send = peer.send.bind(peer);
        peer.send = (...parts) => {
          send(m.concat(...parts).subarray(0, Math.max(budget, 0)));
          budget -= m.concat(...parts).length;
          if (budget <= 0) peer.close();
        };
        try {
          await scram()(peer);
        } catch {
          // the client left, as it should
        }
      };
      await assertRejects(() => log_in(cutting), OperationalError, "closed the connection");
    }));
  });

  const disorder: [name: string, messages: Uint8Array[], fact: string][] = [
    ["ReadyForQuery before it asked who we are", [m.ready()], "sent ReadyForQuery"],
    ["settings before AuthenticationOk", [m.parameter_status("a", "b")], "sent ParameterStatus"],
    ["a key before AuthenticationOk", [m.backend_key(1, new Uint8Array(4))], "BackendKeyData"],
    ["a row", [m.auth_ok(), m.data_row("x")], "sent DataRow"],
    ["AuthenticationOk twice", [m.auth_ok(), m.auth_ok()], "sent AuthenticationOk"],
    ["a request for a password after AuthenticationOk", [m.auth_ok(), m.auth_cleartext()], "sent"],
    ["the end of SCRAM before its beginning", [m.auth_sasl_final("v=x")], "SASLFinal"],
    ["the middle of SCRAM before its beginning", [m.auth_sasl_continue("r=x")], "SASLContinue"],
    ["two keys", [m.auth_ok(), m.backend_key(1, new Uint8Array(4)), m.session_start()], "two"],
    ["a session in a transaction", [m.auth_ok(), m.ready("T")], "begins in a transaction"],
    ["a key of 3 bytes", [m.auth_ok(), m.backend_key(1, new Uint8Array(3))], "but is 3"],
    ["a key of 257 bytes", [m.auth_ok(), m.backend_key(1, new Uint8Array(257))], "but is 257"],
    [
      "a key of 32 bytes in protocol 3.0",
      [m.negotiate(PROTOCOL_3_0), m.auth_ok(), m.backend_key(1, new Uint8Array(32))],
      "4 to 4 bytes in protocol 3.0, but is 32",
    ],
    ["a negotiation after AuthenticationOk", [m.auth_ok(), m.negotiate(0x30000)], "sent Negotiate"],
    ["two negotiations", [m.negotiate(0x30000), m.negotiate(0x30000)], "sent Negotiate"],
    ["the version that we asked for", [m.negotiate(0x30002)], "3.2 with 3.2"],
    ["a version above ours", [m.negotiate(0x30003)], "3.2 with 3.3"],
    ["version 3.1, which never was", [m.negotiate(0x30001)], "3.2 with 3.1"],
    ["version 2", [m.negotiate(0x20000)], "3.2 with 2.0"],
    ["a negative version", [m.negotiate(-1)], "3.2 with"],
    ["options that we did not ask for", [m.negotiate(0x30000, "_pq_.x")], "support _pq_.x"],
    ["garbage", [m.concat("HTTP/1.1 400 Bad Request\r\n\r\n")], "must be 4 to 30000"],
    ["an unknown message", [m.message("!")], "0x21"],
    [
      "settings for ever",
      [m.auth_ok(), ...Array(1000).fill(m.parameter_status("a", "b"))],
      "ready",
    ],
    ["notices for ever", Array(1001).fill(m.notice("psst")), "does not become ready"],
  ];
  for (const [name, messages, fact] of disorder) {
    it(`refuses a server that sends ${name}`, async () => {
      await assert_refused(after_startup(...messages), fact);
    });
  }

  it("speaks the version that the server knows", async () => {
    const key = new Uint8Array(4);
    for (const version of [0, PROTOCOL_3_0]) {
      const script = after_startup(m.negotiate(version), m.trust_startup({ secret_key: key }));
      const start = await log_in(script);
      assertEquals([start.protocol_version, start.secret_key], [PROTOCOL_3_0, key]);
    }
    for (const version of [2, PROTOCOL_3_2]) {
      const script = after_startup(m.negotiate(version), m.trust_startup());
      const start = await log_in(script, { max_protocol_version: 0x30000 + 9999 });
      assertEquals(start.protocol_version, PROTOCOL_3_2);
    }
    await log_in(async (peer) => {
      assertEquals((await peer.startup()).version, PROTOCOL_3_0);
      peer.send(m.trust_startup({ secret_key: key }));
    }, { max_protocol_version: PROTOCOL_3_0 });
  });

  it("refuses a version that is too old for the caller", async () => {
    const options = { min_protocol_version: PROTOCOL_3_2 };
    await assertRejects(
      () => log_in(after_startup(m.negotiate(PROTOCOL_3_0)), options),
      OperationalError,
      "must be 3.2 or newer, but the server speaks 3.0",
    );
  });

  it("refuses methods that are not spoken here, by name", async () => {
    const requests: [request: Uint8Array, name: string][] = [
      [m.auth(2), "Kerberos V5"],
      [m.auth(7), "GSSAPI"],
      [m.auth(9), "SSPI"],
      [m.auth(77), "method 77"],
      [m.auth_sasl("OAUTHBEARER"), "OAUTHBEARER"],
      [m.auth_sasl("SCRAM-SHA-512", "X"), "SCRAM-SHA-512, X"],
      [m.auth_sasl(), "no mechanism"],
    ];
    for (const [request, name] of requests) {
      await assert_refused(after_startup(request), `asks for ${name}`, {}, "28000");
    }
  });

  it("refuses an encoding other than UTF8", async () => {
    for (const client_encoding of ["UTF8", "utf-8", "unicode"]) {
      await log_in(after_startup(m.trust_startup({ parameters: { client_encoding } })));
    }
    const latin1 = after_startup(m.trust_startup({ parameters: { client_encoding: "LATIN1" } }));
    await assertRejects(() => log_in(latin1), NotSupportedError, 'must be UTF8, but is "LATIN1"');
  });
});

describe("handshake() before it sends a secret", () => {
  const requests: [method: string, request: Uint8Array][] = [
    ["password", m.auth_cleartext()],
    ["md5", m.auth_md5(new Uint8Array(4))],
    ["scram-sha-256", m.auth_sasl("SCRAM-SHA-256")],
    ["none", m.auth_ok()],
  ];
  for (const [method, request] of requests) {
    it(`obeys require_auth where the server asks for ${method}`, async () => {
      for (const text of [`!${method}`, "gss", "sspi,oauth"]) {
        const require_auth = parse_require_auth(text);
        await assert_refused(after_startup(request), "require_auth", { require_auth }, "28000");
      }
    });
  }

  it("obeys require_auth where it allows the method", async () => {
    const require_auth = parse_require_auth("scram-sha-256");
    await log_in(scram(), { require_auth });
    await log_in(after_startup(m.trust_startup()), { require_auth: parse_require_auth("none") });
  });

  it("refuses to send a password, or its MD5, where the caller forbids it", async () => {
    const options = { secret_allowed: false, encrypted: false };
    for (const request of [m.auth_cleartext(), m.auth_md5(new Uint8Array(4))]) {
      await assert_refused(after_startup(request), "in the clear or as MD5", options, "28000");
    }
    await log_in(scram(), options);
    await log_in(after_startup(m.trust_startup()), options);
  });

  it("refuses everything but a bound SCRAM under channel_binding=require", async () => {
    const options = {
      channel_binding: "require",
      channel_binding_data: certificate_hash,
    } as const;
    for (const [, request] of requests) {
      await assert_refused(after_startup(request), "channel_binding=require", options, "28000");
    }
    const none = { ...options, channel_binding_data: null };
    const script = after_startup(m.auth_sasl(...plus));
    await assert_refused(script, "channel_binding=require", none, "28000");
    await log_in(scram({ mechanisms: plus, certificate_hash }), options);
  });
});

describe("handshake() by SCRAM", () => {
  const data = certificate_hash;
  const choices: [
    name: string,
    mechanisms: string[],
    options: Partial<HandshakeOptions>,
    login: ScramLogin,
  ][] = [
    [
      "binds where both can",
      plus,
      { channel_binding_data: data },
      { mechanism: "SCRAM-SHA-256-PLUS", gs2_header: "p=tls-server-end-point,," },
    ],
    [
      "binds where the server offers nothing else",
      ["SCRAM-SHA-256-PLUS"],
      { channel_binding_data: data },
      { mechanism: "SCRAM-SHA-256-PLUS", gs2_header: "p=tls-server-end-point,," },
    ],
    [
      "says that it could have, where the server does not offer to",
      ["SCRAM-SHA-256"],
      { channel_binding_data: data },
      { mechanism: "SCRAM-SHA-256", gs2_header: "y,," },
    ],
    [
      "does not bind without the certificate's hash",
      plus,
      {},
      { mechanism: "SCRAM-SHA-256", gs2_header: "n,," },
    ],
    [
      "does not bind where the caller forbids it",
      plus,
      { channel_binding_data: data, channel_binding: "disable" },
      { mechanism: "SCRAM-SHA-256", gs2_header: "n,," },
    ],
    [
      "passes over mechanisms that it does not know",
      ["OAUTHBEARER", "SCRAM-SHA-256"],
      { encrypted: false },
      { mechanism: "SCRAM-SHA-256", gs2_header: "n,," },
    ],
  ];
  for (const [name, mechanisms, options, expected] of choices) {
    it(name, async () => {
      const logins: ScramLogin[] = [];
      const script = scram({ mechanisms, certificate_hash }, (login) => logins.push(login));
      await log_in(script, options);
      assertEquals(logins, [expected]);
    });
  }

  it("is let in by nobody who knows another certificate", async () => {
    const script = scram({ mechanisms: plus, certificate_hash: new Uint8Array(32) });
    const options = { channel_binding_data: data };
    await assert_refused(script, "password authentication failed", options, "28P01");
  });

  it("refuses an offer to bind where there is no TLS", async () => {
    const script = after_startup(m.auth_sasl(...plus));
    await assert_refused(script, "may have taken it away", { encrypted: false }, "28000");
  });

  it("refuses a server that offers only to bind where it cannot", async () => {
    const script = after_startup(m.auth_sasl("SCRAM-SHA-256-PLUS"));
    await assert_refused(script, "asks for SCRAM-SHA-256-PLUS", {}, "28000");
  });

  it("hashes the password once for all logins that share their keys", async () => {
    const scram_keys = new Map<string, ScramKeys>();
    await log_in(scram(), { scram_keys });
    const [[, keys]] = [...scram_keys] as [[string, ScramKeys]];
    scram_keys.set = () => scram_keys; // nothing new
    await log_in(scram(), { scram_keys });
    keys.client_key.fill(0); // to see that they were used
    await assert_refused(scram(), "authentication failed", { scram_keys }, "28P01");
  });

  it("bounds the iterations", async () => {
    const options = { max_scram_iterations: 9 };
    await assert_refused(scram_until_proof(), "10 iterations of at most 9", options, "28000");
  });

  it("refuses a server that cannot prove that it knows the password", async () => {
    const final = () => `v=${btoa("\0".repeat(32))}`;
    await assert_refused(scram_until_end({ final }), "could not prove", {}, "28000");
    const error = () => "e=invalid-encoding";
    await assert_refused(scram_until_end({ final: error }), "invalid-encoding", {}, "28000");
  });

  it("refuses a server that does not continue our nonce", async () => {
    const first = (honest: string) => `r=x${honest.slice(2)}`;
    await assert_refused(scram_until_proof({ first }), "does not continue");
  });

  const skips: [name: string, script: Script, fact: string][] = [
    [
      "says OK instead of beginning",
      answering_sasl(m.trust_startup()),
      "must send AuthenticationSASLContinue, but sent AuthenticationOk",
    ],
    [
      "ends before it began",
      answering_sasl(m.auth_sasl_final("v=x")),
      "but sent AuthenticationSASLFinal",
    ],
    ["begins anew", answering_sasl(m.auth_sasl("SCRAM-SHA-256")), "but sent AuthenticationSASL"],
    ["asks for the password instead", answering_sasl(m.auth_cleartext()), "CleartextPassword"],
    [
      "says OK instead of proving itself",
      answering_proof(m.trust_startup()),
      "must send AuthenticationSASLFinal, but sent AuthenticationOk",
    ],
    ["is ready instead of proving itself", answering_proof(m.ready()), "but sent ReadyForQuery"],
    ["asks for the password after the proof", answering_proof(m.auth_cleartext()), "Cleartext"],
    [
      "proves itself twice",
      async (peer) => {
        await peer.startup();
        await serve_scram(peer, { password, iterations: 10 });
        peer.send(m.auth_sasl_final("v=x"), m.trust_startup());
        await peer.closed();
      },
      "must send AuthenticationOk, but sent AuthenticationSASLFinal",
    ],
    [
      "is ready without AuthenticationOk",
      async (peer) => {
        await peer.startup();
        await serve_scram(peer, { password, iterations: 10 });
        peer.send(m.session_start());
        await peer.closed();
      },
      "must send AuthenticationOk, but sent ParameterStatus",
    ],
  ];
  for (const [name, script, fact] of skips) {
    it(`refuses a server that ${name}`, async () => {
      await assert_refused(script, fact);
    });
  }
});

/** A server that the client leaves before its proof. */
function scram_until_proof(sketch: Partial<ScramSketch> = {}): Script {
  return async (peer) => {
    await peer.startup();
    const served = serve_scram(peer, { password, iterations: 10, ...sketch });
    await assertRejects(() => served, Error, "has closed");
  };
}

/** A server that the client leaves after the final message. */
function scram_until_end(sketch: Partial<ScramSketch>): Script {
  return async (peer) => {
    await peer.startup();
    assert(await serve_scram(peer, { password, iterations: 10, ...sketch }) !== null);
    await peer.closed();
  };
}

/** A server that answers the client's first message with `answer`. */
function answering_sasl(answer: Uint8Array): Script {
  return async (peer) => {
    await peer.startup();
    peer.send(m.auth_sasl("SCRAM-SHA-256"));
    await peer.expect("p");
    peer.send(answer);
    await peer.closed();
  };
}

/** A server that answers the client's proof with `answer`: it knows no password. */
function answering_proof(answer: Uint8Array): Script {
  return async (peer) => {
    await peer.startup();
    peer.send(m.auth_sasl("SCRAM-SHA-256"));
    const { data } = await peer.expect("p");
    const nonce = /r=(.*)$/.exec(new TextDecoder().decode(data))![1];
    peer.send(m.auth_sasl_continue(`r=${nonce}more,s=${btoa("salt")},i=1`));
    await peer.expect("p");
    peer.send(answer);
    await peer.closed();
  };
}
