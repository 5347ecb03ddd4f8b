/**
 * What `start_tls()` verifies, shows and offers, and how it fails.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { X509Certificate } from "node:crypto";
import { connect, type Socket as Net } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Socket, TlsOptions } from "../../src/adapters/socket.ts";
import { OperationalError } from "../../src/errors.ts";
import { adapter } from "./here.ts";
import { listen, listen_tls, no_escapes, type Peer, pem, stalled } from "./peer.ts";

const CA = [pem("ca.pem")];
const OTHER = [pem("other.pem")];

const UNVERIFIED = "its certificate cannot be verified\n" +
  "HINT: sslrootcert names the authorities to trust; the certificate's dates must hold, too";

const REASONS = {
  name: "its certificate is for another name",
  issuer: UNVERIFIED,
  date: adapter.name === "deno" ? UNVERIFIED : "its certificate has expired",
};

interface Verdict {
  readonly options: Partial<TlsOptions>;
  /** The certificate that the server shows. */
  readonly shows?: "expired.pem";
  /** Why it must be refused; else it must be accepted. */
  readonly refused?: keyof typeof REASONS;
}

const VERDICTS: Record<string, Verdict> = {
  "full, name right": { options: { verify: "full", ca: CA } },
  "full, one of several roots": { options: { verify: "full", ca: [...OTHER, ...CA] } },
  "full, roots in one text": { options: { verify: "full", ca: [OTHER.concat(CA).join("\n")] } },
  "full, address for a name": { options: { verify: "full", ca: CA, hostname: "127.0.0.1" } },
  "full, IPv6 address for a name": { options: { verify: "full", ca: CA, hostname: "::1" } },
  "full, other name": {
    options: { verify: "full", ca: CA, hostname: "db.example" },
    refused: "name",
  },
  "full, other address": {
    options: { verify: "full", ca: CA, hostname: "127.0.0.9" },
    refused: "name",
  },
  "full, other root": { options: { verify: "full", ca: OTHER }, refused: "issuer" },
  "full, the runtime's roots": { options: { verify: "full" }, refused: "issuer" },
  "full, expired": {
    options: { verify: "full", ca: CA },
    shows: "expired.pem",
    refused: "date",
  },
  "ca, name right": { options: { verify: "ca", ca: CA } },
  "ca, other name": { options: { verify: "ca", ca: CA, hostname: "db.example" } },
  "ca, other root": { options: { verify: "ca", ca: OTHER }, refused: "issuer" },
  "ca, other root and other name": {
    options: { verify: "ca", ca: OTHER, hostname: "db.example" },
    refused: "issuer",
  },
  "ca, the runtime's roots": { options: { verify: "ca" }, refused: "issuer" },
  "ca, expired": { options: { verify: "ca", ca: CA }, shows: "expired.pem", refused: "date" },
  "ca, expired and other name": {
    options: { verify: "ca", ca: CA, hostname: "db.example" },
    shows: "expired.pem",
    refused: "date",
  },
  "none, the runtime's roots": { options: { verify: "none" } },
  "none, other name": { options: { verify: "none", hostname: "db.example" } },
  "none, other root": { options: { verify: "none", ca: OTHER } },
  "none, other root and other name": {
    options: { verify: "none", ca: OTHER, hostname: "db.example" },
  },
  "none, expired": { options: { verify: "none", ca: CA }, shows: "expired.pem" },
};

/** Tells the client what the server learnt of it. */
function report(net: Net): void {
  const tls = net as TLSSocket & { readonly servername?: string | false };
  net.write(JSON.stringify({
    alpn: tls.alpnProtocol,
    sni: tls.servername || null,
    client: (tls.getPeerCertificate() as { subject?: { CN: string } } | null)?.subject?.CN ?? null,
  }));
}

describe("Socket.start_tls()", () => {
  no_escapes();
  let peer: Peer | undefined;
  let plain: Socket | undefined;
  let secure: Socket | undefined;

  async function start(options: Partial<TlsOptions>): Promise<Socket> {
    plain = await adapter.dial(peer!.address);
    return secure = await plain.start_tls!({ hostname: "localhost", verify: "full", ...options });
  }

  async function read_report(): Promise<unknown> {
    const { value } = await secure!.readable.getReader().read();
    return JSON.parse(new TextDecoder().decode(value));
  }

  afterEach(async () => {
    plain?.close();
    secure?.close();
    await peer?.[Symbol.asyncDispose]();
    plain = secure = peer = undefined;
  });

  describe("judges a certificate", () => {
    for (const [name, { options, shows, refused }] of Object.entries(VERDICTS)) {
      it(`${name}: ${refused === undefined ? "accepted" : "refused"}`, async () => {
        peer = await listen_tls(report, shows && { cert: pem(shows) });
        if (refused === undefined) {
          await start(options);
          await read_report();
          return;
        }
        const error = await assertRejects(() => start(options), OperationalError);
        const host = options.hostname ?? "localhost";
        assertEquals(error.message, `cannot start TLS with ${host}: ${REASONS[refused]}`);
        assert(error.safe_to_retry);
        await peer.deserted(0);
      });
    }
  });

  it("shows the server's certificate, verified or not", async () => {
    peer = await listen_tls(report);
    const der = new Uint8Array(new X509Certificate(pem("server.pem")).raw);
    for (const verify of ["full", "ca", "none"] as const) {
      const { peer_certificate } = await start({ verify, ca: CA, want_certificate: true });
      assertEquals(peer_certificate, der);
      assertEquals(plain!.peer_certificate, null);
      secure!.close();
    }
  });

  it("shows its own certificate, offers protocols, and names the server", async () => {
    peer = await listen_tls(report, {
      requestCert: true,
      ca: CA,
      ALPNProtocols: ["postgresql"],
    });
    await start({
      ca: CA,
      cert: pem("client.pem"),
      key: pem("client.key"),
      alpn: ["other", "postgresql"],
    });
    assertEquals(await read_report(), {
      alpn: "postgresql",
      sni: "localhost",
      client: "edgepg_test",
    });
  });

  it("takes a server that picks no protocol only if it need not", async () => {
    const options = { ca: CA, alpn: ["postgresql"] };
    peer = await listen_tls(report);
    await start(options);
    await read_report();
    secure!.close();
    const error = await assertRejects(
      () => start({ ...options, alpn_required: true }),
      OperationalError,
    );
    assertStringIncludes(error.message, "localhost: it must pick postgresql by ALPN, but does not");
    await peer.deserted();
    await peer[Symbol.asyncDispose]();

    peer = await listen_tls(report, { ALPNProtocols: ["postgresql"] });
    await start({ ...options, alpn_required: true });
    await read_report();
  });

  it("leads where the plain socket led", async () => {
    peer = await listen_tls(report);
    await start({ ca: CA });
    assertEquals(secure!.remote, peer.address);
  });

  it("follows a conversation in the clear", async () => {
    await using inner = await listen_tls(report);
    peer = await listen((net) => {
      net.once("data", () => {
        net.write("S");
        const onward = connect((inner.address as { port: number }).port, "127.0.0.1");
        onward.on("error", () => {});
        net.on("close", () => onward.destroy());
        net.pipe(onward).pipe(net);
      });
    });
    plain = await adapter.dial(peer.address);
    const writer = plain.writable.getWriter();
    const reader = plain.readable.getReader();
    await writer.write(Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47)); // SSLRequest
    assertEquals((await reader.read()).value, Uint8Array.of(0x53));
    reader.releaseLock();
    writer.releaseLock();
    secure = await plain.start_tls!({ hostname: "localhost", verify: "full", ca: CA });
    await read_report();
  });

  it("leaves the plain socket able to close, and no more", async () => {
    peer = await listen_tls(report);
    await start({ ca: CA });
    await read_report();
    assert((await plain!.readable.getReader().read()).done);
    plain!.close();
    await peer.deserted();
  });

  const OBSTACLES: Record<string, { serve: (net: Net) => void; before?: () => Promise<void> }> = {
    "the server closes instead": { serve: (net) => net.resume().end() },
    "the server closes when it hears of TLS": { serve: (net) => net.once("data", () => net.end()) },
    "the server answers something else": {
      serve: (net) => net.once("data", () => net.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
    },
    "the server spoke before": {
      serve: (net) => net.resume().write("no silence"),
      before: () => stalled(),
    },
  };

  for (const [obstacle, { serve, before }] of Object.entries(OBSTACLES)) {
    it(`rejects and closes when ${obstacle}`, async () => {
      peer = await listen(serve);
      plain = await adapter.dial(peer.address);
      await before?.();
      const error = await assertRejects(
        () => plain!.start_tls!({ hostname: "localhost", verify: "none" }),
        OperationalError,
      );
      assertStringIncludes(error.message, "cannot start TLS");
      await peer.deserted();
    });
  }

  it("rejects and closes when a root is no certificate", async () => {
    peer = await listen_tls(report);
    await assertRejects(() => start({ ca: ["no PEM"] }), OperationalError, "cannot start TLS");
    await peer.deserted(0);
  });

  it("rejects and closes when the key is not the certificate's, and says what to look at", async () => {
    peer = await listen_tls(report);
    const own = { cert: pem("client.pem"), key: pem("server.key") };
    const error = await assertRejects(() => start({ ca: CA, ...own }), OperationalError);
    assertStringIncludes(error.message, "\nHINT: sslkey must be the key of sslcert");
    await peer.deserted(0);
  });

  it("rejects when the socket is closed meanwhile", async () => {
    peer = await listen((net) => net.resume()); // never answers
    plain = await adapter.dial(peer.address);
    const started = assertRejects(
      () => plain!.start_tls!({ hostname: "localhost", verify: "full" }),
      OperationalError,
      "cannot start TLS",
    );
    await stalled();
    plain.close();
    await started;
    await peer.deserted();
  });
});
