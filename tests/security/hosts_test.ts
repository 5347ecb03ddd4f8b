/** What belongs to one host never reaches another (CVE-2018-10915, CVE-2020-25694). */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ConnectOptions } from "../../src/connection/options/connect_options.ts";
import { bind_adapter } from "../../src/entries/core.ts";
import { OperationalError } from "../../src/errors.ts";
import { type Frontend, password_of } from "../support/frontend.ts";
import { auth_cleartext, auth_ok, error_response, session_start } from "../support/messages.ts";
import type { Peer } from "../support/peer.ts";
import { scripted } from "../support/script.ts";

const HOSTS: ConnectOptions = {
  host: "a.test,b.test",
  hostaddr: "127.0.0.1,127.0.0.1",
  port: "1,2",
  user: "me",
  dbname: "db",
};
const PASSFILE = "a.test:1:db:me:password of a\nb.test:2:db:me:password of b\n";

async function encrypt(peer: Peer): Promise<Frontend<"startup">> {
  await peer.expect("ssl");
  peer.send("S");
  return await peer.expect("startup");
}

async function ask_password(peer: Peer): Promise<string> {
  peer.send(auth_cleartext());
  return password_of(await peer.expect("p"));
}

describe("connect() to several hosts", () => {
  it("gives each host its own password, name to verify and TLS", async () => {
    const seen: unknown[] = [];
    const options = { ...HOSTS, sslmode: "verify-full", passfile: "/passfile" } as const;
    const server = scripted([async (peer) => {
      await encrypt(peer);
      seen.push([peer.tls?.hostname, peer.tls?.verify, await ask_password(peer)]);
      peer.send(error_response("57P03", "the database system is starting up", { S: "FATAL" }));
      peer.close();
    }, async (peer) => {
      await encrypt(peer);
      seen.push([peer.tls?.hostname, peer.tls?.verify, await ask_password(peer)]);
      peer.send(auth_ok(), session_start());
      await peer.expect("X");
      peer.close();
    }], { read_text: () => Promise.resolve(PASSFILE) });
    const conn = await bind_adapter(server).connect(options);
    await conn.close();
    await server.finished();
    assertEquals(seen, [
      ["a.test", "full", "password of a"],
      ["b.test", "full", "password of b"],
    ]);
  });

  it("demands of each host what was demanded of the first", async () => {
    const options: ConnectOptions = {
      ...HOSTS,
      sslmode: "require",
      require_auth: "scram-sha-256",
      password: "s3cret",
    };
    const server = scripted([null, async (peer) => {
      await encrypt(peer);
      peer.send(auth_cleartext());
      await peer.closed();
    }]);
    await assertRejects(
      () => bind_adapter(server).connect(options),
      OperationalError,
      "require_auth",
    );
    await server.finished();
  });
});
