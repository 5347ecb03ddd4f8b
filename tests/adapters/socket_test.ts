/**
 * The adapter of the runtime at hand, over each transport.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import process from "node:process";
import { socket_contract } from "./contract.ts";
import { adapter, listen, listen_tls, pem } from "./peer.ts";

describe(`${adapter.name} socket`, () => {
  let escaped = 0;
  const escape = () => escaped++;

  beforeAll(() => {
    process.on("unhandledRejection", escape);
    process.on("uncaughtException", escape);
  });

  afterAll(() => {
    process.off("unhandledRejection", escape);
    process.off("uncaughtException", escape);
    assertEquals(escaped, 0, "errors escaped");
  });

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
