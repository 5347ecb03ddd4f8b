import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createHash } from "node:crypto";
import { md5, md5_response } from "../../src/protocol/md5.ts";

/** RFC 1321, appendix A.5. */
const vectors: [text: string, digest: string][] = [
  ["", "d41d8cd98f00b204e9800998ecf8427e"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72"],
  [
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "57edf4a22be3c955ac49da2e2107b67a",
  ],
];

describe("md5()", () => {
  for (const [text, digest] of vectors) {
    it(`of ${JSON.stringify(text)} is the RFC's`, () => {
      assertEquals(md5(new TextEncoder().encode(text)), digest);
    });
  }

  it("agrees with node:crypto at every length around a block's end", () => {
    for (let length = 0; length <= 130; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => 255 - 7 * i);
      assertEquals(md5(bytes), createHash("md5").update(bytes).digest("hex"), `${length} bytes`);
    }
  });
});

describe("md5_response()", () => {
  it("hashes the stored hash with the salt", () => {
    const salt = Uint8Array.of(0xff, 0, 0x80, 1);
    const stored = createHash("md5").update("sécretmé").digest("hex");
    const digest = createHash("md5").update(stored).update(salt).digest("hex");
    assertEquals(md5_response("mé", "sécret", salt), `md5${digest}`);
  });
});
