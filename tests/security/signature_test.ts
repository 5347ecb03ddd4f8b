/** The server's signature at the end of SCRAM (GHSA-3wfh-36rx-9537: a comparison that stops early). */

import { assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { OperationalError } from "../../src/errors.ts";
import { ScramExchange } from "../../src/protocol/scram.ts";

// The conversation of RFC 7677, section 3.
const FIRST =
  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

describe("the server's signature", () => {
  it("is refused whichever of its bytes is wrong", async () => {
    const encoder = new TextEncoder();
    const exchange = new ScramExchange({
      password: "pencil",
      channel_binding: "none",
      first_bare: "n=user,r=rOprNGfwEbeRWgbNEkqO",
    });
    await exchange.final(encoder.encode(FIRST));
    const verify = (signature: string) => exchange.verify(encoder.encode(`v=${signature}`));
    verify(SIGNATURE);
    for (let at = 0; at < 32; at++) {
      const bytes = Uint8Array.from(atob(SIGNATURE), (byte) => byte.charCodeAt(0));
      bytes[at]! ^= 1;
      const wrong = btoa(String.fromCharCode(...bytes));
      assertThrows(() => verify(wrong), OperationalError, "could not prove");
    }
  });
});
