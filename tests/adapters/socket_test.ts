/**
 * The adapter of the runtime at hand, over each transport.
 *
 * @module
 */

import { describe } from "@std/testing/bdd";
import { socket_contract } from "./contract.ts";
import { adapter } from "./here.ts";
import { listen, listen_tls, no_escapes, pem } from "./peer.ts";

describe(`${adapter.name} socket`, () => {
  no_escapes();

  describe("over TCP", () =>
    socket_contract({
      kind: "tcp",
      listen: (serve) => listen(serve),
      open: (address) => adapter.dial(address),
    }));

  describe("over a Unix socket", () =>
    socket_contract({
      kind: "unix",
      listen: (serve) => listen(serve, "unix"),
      open: (address) => adapter.dial(address),
    }));

  describe("over TLS", () =>
    socket_contract({
      kind: "tcp",
      listen: (serve) => listen_tls(serve),
      open: async (address) => {
        const plain = await adapter.dial(address);
        return await plain.start_tls!({
          hostname: "localhost",
          verify: "full",
          ca: [pem("ca.pem")],
        });
      },
    }));
});
