/** TLS to a real server from workerd, which always verifies: what works, and why the rest does not. */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { ConnectOptions } from "../../../mod.ts";
import { TlsCluster } from "../../support/tls_cluster.ts";
import type { TlsOutcome } from "./tls_worker.ts";
import { start_workerd, type Workerd } from "./workerd.ts";

const worker = "tests/runtimes/workerd/tls_worker.ts";
const HBA = [
  "hostssl all tls_only all trust",
  "hostnossl all plain_only all trust",
  "host all either all trust",
  "hostssl all scram all scram-sha-256",
];
const ROLES = [
  ...["tls_only", "plain_only", "either"].map((role) => `create role ${role} login`),
  "create role scram login password 'secret'",
];

describe("TLS from workerd", () => {
  let tls: TlsCluster;
  let workerd: Workerd; // trusts who signed the server's certificate
  let wary: Workerd; // trusts nobody

  beforeAll(async () => {
    tls = await TlsCluster.start(HBA, ROLES.join("; "));
    workerd = await start_workerd({ worker, roots: tls.authority.pem });
    wary = await start_workerd({ worker });
  });
  afterAll(async () => {
    await workerd[Symbol.asyncDispose]();
    await wary[Symbol.asyncDispose]();
    await tls[Symbol.asyncDispose]();
  });

  async function ask(user: string, more: ConnectOptions, by = workerd): Promise<TlsOutcome> {
    const body = JSON.stringify(tls.options(user, more));
    const response = await fetch(by.url, { method: "POST", body });
    const outcome: TlsOutcome = await response.json();
    assertEquals(outcome.escaped, 0);
    return outcome;
  }

  const WORKS: readonly [user: string, ConnectOptions, encrypted: boolean][] = [
    ["either", { sslmode: "disable" }, false],
    ["either", { sslmode: "allow" }, false],
    ["either", { sslmode: "prefer" }, true],
    ["either", { sslmode: "require" }, true],
    ["either", { sslmode: "verify-ca" }, true],
    ["either", { sslmode: "verify-full" }, true],
    ["either", { sslmode: "verify-full", host: "localhost" }, true],
    ["either", { sslrootcert: "system" }, true],
    ["plain_only", { sslmode: "prefer" }, false],
    ["tls_only", { sslmode: "allow" }, true],
    ["scram", { sslmode: "require", password: "secret" }, true],
  ];

  for (const [user, options, encrypted] of WORKS) {
    it(`connects and cancels: ${user} with ${JSON.stringify(options)}`, async () => {
      const outcome = await ask(user, options);
      assertEquals([outcome.encrypted, outcome.message], [encrypted, undefined]);
    });
  }

  const REFUSED: readonly [why: RegExp, user: string, ConnectOptions][] = [
    [
      /workerd offers no protocol by ALPN, as sslnegotiation=direct needs$/,
      "either",
      { sslmode: "require", sslnegotiation: "direct" },
    ],
    [
      /workerd takes no roots of one's own$/,
      "either",
      { sslmode: "require", sslrootcert: "-----BEGIN CERTIFICATE-----" },
    ],
    [
      /workerd takes no client certificate$/,
      "either",
      {
        sslmode: "require",
        sslcert: "-----BEGIN CERTIFICATE-----",
        sslkey: "-----BEGIN PRIVATE KEY-----",
      },
    ],
    [
      /workerd verifies the name that it dialled, 127.0.0.1$/,
      "either",
      { sslmode: "verify-full", host: "localhost", hostaddr: "127.0.0.1" },
    ],
    [/workerd has no Unix sockets$/, "either", { host: "/tmp" }],
    [/passfile.*there are no files on workerd/, "scram", { passfile: "/home/me/.pgpass" }],
  ];

  for (const [why, user, options] of REFUSED) {
    it(`refuses what it cannot do: ${Object.keys(options).at(-1)}`, async () => {
      const { error, message } = await ask(user, options);
      assertEquals(error, "NotSupportedError", message);
      assertMatch(message!, why);
    });
  }

  it("refuses a login that must be tied to a certificate which is not shown", async () => {
    const options = { sslmode: "require", password: "secret", channel_binding: "require" } as const;
    const { error, message } = await ask("scram", options);
    assertEquals(error, "OperationalError", message);
    assertMatch(message!, /needs TLS and a hash of the server's certificate, but there is none$/);
  });

  for (const sslmode of ["prefer", "require", "verify-full"] as const) {
    it(`says that it is TLS, and says it at once: no trust, ${sslmode}`, async () => {
      check_failure(await ask("either", { sslmode }, wary));
      assert(wary.log().includes("UnknownIssuer"), "the hint names the log");
    });
  }

  it("says that it is TLS, and says it at once: another name", async () => {
    await tls.present(await tls.authority.issue({ name: "db.example", dns: ["db.example"] }));
    for (const sslmode of ["prefer", "require", "verify-ca", "verify-full"] as const) {
      check_failure(await ask("either", { sslmode }));
    }
    assert(workerd.log().includes("certificate not valid for name"), "the hint names the log");
    await tls.present(tls.credentials);
  });
});

function check_failure({ error, message, seconds }: TlsOutcome): void {
  assertEquals(error, "OperationalError", message);
  assertMatch(message!, /^cannot start TLS with 127.0.0.1: .* its certificate cannot be verified/);
  assertMatch(message!, /\nHINT: workerd verifies in every sslmode but disable/);
  assertLess(seconds, 5);
}
