import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { OperationalError } from "../../src/errors.ts";
import { ScramExchange, type ScramKeys, type ScramOptions } from "../../src/protocol/scram.ts";

// RFC 7677, section 3.
const first_bare = "n=user,r=rOprNGfwEbeRWgbNEkqO";
const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
const server_first = `r=${nonce},s=${salt},i=4096`;
const client_final = `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

const utf8 = new TextEncoder();

function exchange(options: Partial<ScramOptions> = {}): ScramExchange {
  return new ScramExchange({ password: "pencil", channel_binding: "none", first_bare, ...options });
}

const hostile_first: [name: string, message: string, fact: string][] = [
  ["nothing", "", "malformed"],
  ["a nonce that is not ours", `r=other${nonce},s=${salt},i=4096`, "does not continue"],
  ["our nonce alone", `r=rOprNGfwEbeRWgbNEkqO,s=${salt},i=4096`, "does not continue"],
  ["a part of our nonce", `r=rOprNGfwEb,s=${salt},i=4096`, "does not continue"],
  ["no nonce", `s=${salt},i=4096`, "malformed"],
  ["a nonce with a space", `r=${nonce} ,s=${salt},i=4096`, "malformed"],
  ["a nonce with a byte beyond ASCII", `r=${nonce}é,s=${salt},i=4096`, "malformed"],
  ["attributes in another order", `s=${salt},r=${nonce},i=4096`, "malformed"],
  ["an attribute twice", `r=${nonce},s=${salt},i=4096,i=1`, "malformed"],
  ["an extension that must be known", `m=x,r=${nonce},s=${salt},i=4096`, "malformed"],
  ["an extension", `r=${nonce},s=${salt},i=4096,x=y`, "malformed"],
  ["an error", "e=other-error", "malformed"],
  ["no salt", `r=${nonce},s=,i=4096`, "malformed"],
  ["a salt that is not base64", `r=${nonce},s=W22Z!!==,i=4096`, "malformed"],
  ["a salt of the wrong length", `r=${nonce},s=W22Za,i=4096`, "not base64"],
  ["a salt with stray bits", `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gR==,i=4096`, "not base64"],
  ["a salt with a line break", `r=${nonce},s=W22Z\nJ0SNY7so,i=4096`, "malformed"],
  ["no iterations", `r=${nonce},s=${salt},i=`, "malformed"],
  ["0 iterations", `r=${nonce},s=${salt},i=0`, "malformed"],
  ["-1 iterations", `r=${nonce},s=${salt},i=-1`, "malformed"],
  ["+1 iterations", `r=${nonce},s=${salt},i=+1`, "malformed"],
  ["iterations with a space", `r=${nonce},s=${salt},i= 4096`, "malformed"],
  ["iterations with a letter", `r=${nonce},s=${salt},i=4096x`, "malformed"],
  ["iterations in hexadecimal", `r=${nonce},s=${salt},i=0x10`, "malformed"],
  ["iterations with a line break", `r=${nonce},s=${salt},i=4096\n`, "malformed"],
  ["100,001 iterations", `r=${nonce},s=${salt},i=100001`, "asked for 100001 iterations of at most"],
  ["2^31 iterations", `r=${nonce},s=${salt},i=2147483648`, "asked for 2147483648 iterations"],
  ["2^64 iterations", `r=${nonce},s=${salt},i=18446744073709551616`, "malformed"],
  ["a nonce of a megabyte", `r=${nonce}${"x".repeat(1 << 20)},s=${salt},i=1`, "longer than 2000"],
  ["a salt of a megabyte", `r=${nonce},s=${"AAAA".repeat(1 << 18)},i=1`, "longer than 2000"],
];

const hostile_final: [name: string, message: string, fact: string][] = [
  ["nothing", "", "malformed"],
  ["a wrong signature", `v=7${server_final.slice(3)}`, "could not prove"],
  ["a short signature", "v=6rri", "malformed"],
  ["an empty signature", "v=", "malformed"],
  ["a signature and more", `${server_final},x=y`, "malformed"],
  ["a signature and a line break", `${server_final}\n`, "malformed"],
  ["an error", "e=invalid-proof", "refused it with invalid-proof"],
  ["an error that tells tales", "e=<script>", "malformed"],
  ["a megabyte", `v=${"A".repeat(1 << 20)}`, "longer than 2000"],
];

describe("ScramExchange", () => {
  it("speaks as RFC 7677 does", async () => {
    const scram = exchange();
    assertEquals(scram.first(), `n,,${first_bare}`);
    assertEquals(await scram.final(utf8.encode(server_first)), client_final);
    scram.verify(utf8.encode(server_final));
  });

  it("sends no user name, and a nonce of its own each time", () => {
    const firsts = [0, 1].map(() => exchange({ first_bare: undefined }).first());
    assertMatch(firsts[0]!, /^n,,n=,r=[A-Za-z0-9+/]{24}$/);
    assertEquals(new Set(firsts).size, 2);
  });

  const bindings: [ScramOptions["channel_binding"], header: string, bound: string][] = [
    ["none", "n,,", "biws"],
    ["unused", "y,,", "eSws"],
    [Uint8Array.of(0, 255), "p=tls-server-end-point,,", btoa("p=tls-server-end-point,,\0\xff")],
  ];
  for (const [channel_binding, header, bound] of bindings) {
    it(`binds to the channel with ${header}`, async () => {
      const scram = exchange({ channel_binding });
      assertEquals(scram.first(), header + first_bare);
      const final = await scram.final(utf8.encode(server_first));
      assertEquals(final.slice(0, final.indexOf(",")), `c=${bound}`);
    });
  }

  it("prepares the password", async () => {
    const scram = exchange({ password: "pen\u00adcil" });
    assertEquals(await scram.final(utf8.encode(server_first)), client_final);
  });

  it("takes an empty password", async () => {
    assertMatch(await exchange({ password: "" }).final(utf8.encode(server_first)), /,p=.{44}$/);
  });

  for (const [name, message, fact] of hostile_first) {
    it(`.final() refuses ${name}`, async () => {
      const scram = exchange();
      await assertRejects(() => scram.final(utf8.encode(message)), OperationalError, fact);
    });
  }

  for (const [name, message, fact] of hostile_final) {
    it(`.verify() refuses ${name}`, async () => {
      const scram = exchange();
      await scram.final(utf8.encode(server_first));
      assertThrows(() => scram.verify(utf8.encode(message)), OperationalError, fact);
    });
  }

  it(".verify() refuses a signature that comes before the proof", () => {
    assertThrows(() => exchange().verify(utf8.encode(server_final)), OperationalError, "not prove");
  });

  it("takes as many iterations as it is told", async () => {
    const scram = exchange({ max_iterations: 4095 });
    await assertRejects(() => scram.final(utf8.encode(server_first)), OperationalError, "4095");
    await exchange({ max_iterations: 4096 }).final(utf8.encode(server_first));
  });

  it("remembers keys that were proven right, and uses them again", async () => {
    const keys = new Map<string, ScramKeys>();
    const first = exchange({ keys });
    await first.final(utf8.encode(server_first));
    assertEquals(keys.size, 0);
    first.verify(utf8.encode(server_final));
    assertEquals(keys.size, 1);
    const [[id, right]] = [...keys] as [[string, ScramKeys]];

    const again = exchange({ keys });
    assertEquals(await again.final(utf8.encode(server_first)), client_final);
    keys.set(id, { ...right, client_key: new Uint8Array(32) }); // to see that it is used
    assertNotEquals(await exchange({ keys }).final(utf8.encode(server_first)), client_final);
  });

  it("uses remembered keys for no other password, salt or iteration count", async () => {
    const asked: string[] = [];
    const keys = {
      get(id: string) {
        asked.push(id);
        return undefined;
      },
      set() {},
    };
    const other_salt = server_first.replace(salt, btoa("other"));
    const other_count = server_first.replace("i=4096", "i=4095");
    for (const message of [server_first, server_first, other_salt, other_count]) {
      await exchange({ keys }).final(utf8.encode(message));
    }
    await exchange({ keys, password: "pen" }).final(utf8.encode(server_first));
    assertEquals(asked[0], asked[1]);
    assertEquals(new Set(asked).size, 4);
    assertEquals(asked.some((id) => id.includes("pen") || id.includes(salt)), false);
  });

  it("shows no password in an error or when inspected", async () => {
    const scram = exchange({ password: "s3cret" });
    const error = await assertRejects(() => scram.final(utf8.encode("x")), OperationalError);
    assertEquals(`${error.stack}${JSON.stringify([scram, error])}`.includes("s3cret"), false);
  });
});
