/** What a server may answer to the question for TLS (CVE-2021-23222, CVE-2024-10977). */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ConnectOptions } from "../../src/connection/options/connect_options.ts";
import { bind_adapter } from "../../src/entries/core.ts";
import { OperationalError } from "../../src/errors.ts";
import { auth_ok, error_response, type Part } from "../support/messages.ts";
import { scripted } from "../support/script.ts";

const OPTIONS = { host: "db.test", user: "me", dbname: "db", password: "s3cret" };
const ANSWERS: readonly [name: string, parts: readonly Part[]][] = [
  ["G, as for GSSAPI", ["G"]],
  ["an error", [error_response("28000", "click here to win")]],
  ["the first byte of an error", ["E"]],
  ["a byte that means nothing", ["\0"]],
  ["S twice", ["SS"]],
  ["S and a login", ["S", auth_ok()]],
  ["N and a login", ["N", auth_ok()]],
  ["S in small letters", ["s"]],
];

describe("the answer to the question for TLS", () => {
  for (const [name, parts] of ANSWERS) {
    it(`must be S or N alone, and not ${name}: nothing more is sent then`, async () => {
      for (const sslmode of ["prefer", "require", "verify-ca", "verify-full"] as const) {
        const server = scripted(async (peer) => {
          await peer.expect("ssl");
          peer.send(...parts);
          await peer.closed();
          assertEquals(peer.received.map(({ tag }) => tag), ["ssl"]);
          assertEquals(peer.tls, null);
        });
        const options: ConnectOptions = { ...OPTIONS, sslmode };
        const open = () => bind_adapter(server).connect(options);
        const error = await assertRejects(open, OperationalError, "one byte, S or N");
        assertEquals(error.sqlstate, "08P01");
        assertEquals(error.message.includes("click here"), false);
        await server.finished();
      }
    });
  }

  it("may be the end, which is no reason to go on without", async () => {
    for (const sslmode of ["prefer", "require", "verify-full"] as const) {
      const server = scripted(async (peer) => {
        await peer.expect("ssl");
        peer.close();
        await peer.closed();
      });
      const open = () => bind_adapter(server).connect({ ...OPTIONS, sslmode });
      const error = await assertRejects(open, OperationalError);
      assertStringIncludes(error.message, "the server closed the connection during the login");
      await server.finished();
      assertEquals(server.dialed.length, 1);
    }
  });

  it("N is refused by require and more, and no secret is sent", async () => {
    for (const sslmode of ["require", "verify-ca", "verify-full"] as const) {
      const server = scripted(async (peer) => {
        await peer.expect("ssl");
        peer.send("N");
        await peer.closed();
        assertEquals(peer.received.length, 1);
      });
      const open = () => bind_adapter(server).connect({ ...OPTIONS, sslmode });
      await assertRejects(open, OperationalError, `sslmode=${sslmode} needs TLS`);
      await server.finished();
    }
  });
});
