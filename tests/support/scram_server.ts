/**
 * The server's side of a SCRAM-SHA-256 login, honest or not.
 *
 * Law: nothing of src/ is used; the hashes are `node:crypto`'s.
 *
 * Source: RFC 5802, RFC 7677
 *
 * @module
 */

import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { sasl_initial_of, text_of } from "./frontend.ts";
import { auth_sasl, auth_sasl_continue, auth_sasl_final, error_response } from "./messages.ts";
import type { Peer } from "./peer.ts";

/** How the server goes about it. */
export interface ScramSketch {
  /** What the server believes the password to be. */
  readonly password: string;
  /** Default: `["SCRAM-SHA-256"]`. */
  readonly mechanisms?: readonly string[];
  /** Default: 4096. */
  readonly iterations?: number;
  /** Default: 16 bytes. */
  readonly salt?: Uint8Array;
  /** What the server knows to be the hash of its certificate. */
  readonly certificate_hash?: Uint8Array;
  /** Replaces the first message, given the honest one. */
  readonly first?: (honest: string) => string;
  /** Replaces the final message, given the honest one. */
  readonly final?: (honest: string) => string;
}

/** What the server saw of a login. */
export interface ScramLogin {
  /** The mechanism that the client chose. */
  readonly mechanism: string;
  /** Its GS2 header, such as `"n,,"`. */
  readonly gs2_header: string;
}

/**
 * Asks for SCRAM, and goes on to the final message; AuthenticationOk is the script's to send.
 *
 * @returns What the client chose; null if its proof was wrong, and it was told so.
 */
export async function serve_scram(peer: Peer, sketch: ScramSketch): Promise<ScramLogin | null> {
  const { mechanisms = ["SCRAM-SHA-256"], iterations = 4096, salt = SALT } = sketch;
  peer.send(auth_sasl(...mechanisms));
  const initial = sasl_initial_of(await peer.expect("p"));
  const [, gs2_header, bare, nonce] = /^([nyp][^,]*,,)(n=[^,]*,r=([!-+\--~]+))$/.exec(
    initial.data,
  )! as unknown as [string, string, string, string];
  const honest = `r=${nonce}server,s=${base64(salt)},i=${iterations}`;
  const first = sketch.first?.(honest) ?? honest;
  peer.send(auth_sasl_continue(first));
  const final = text_of((await peer.expect("p")).data);
  const [, without_proof, binding, proof] = /^(c=([^,]*),r=[^,]*),p=(.*)$/.exec(
    final,
  )! as unknown as [string, string, string, string];
  const message = `${bare},${first},${without_proof}`;
  const keys = pbkdf2Sync(sketch.password, salt, iterations, 32, "sha256");
  const client_key = hmac(keys, "Client Key");
  const expected = xor(client_key, hmac(sha256(client_key), message));
  const bound = base64(
    Uint8Array.of(
      ...new TextEncoder().encode(gs2_header),
      ...(gs2_header.startsWith("p") ? sketch.certificate_hash ?? [] : []),
    ),
  );
  if (proof !== base64(expected) || binding !== bound) {
    peer.send(
      error_response("28P01", "password authentication failed", { S: "FATAL", V: "FATAL" }),
    );
    return null;
  }
  const signature = `v=${base64(hmac(hmac(keys, "Server Key"), message))}`;
  peer.send(auth_sasl_final(sketch.final?.(signature) ?? signature));
  return { mechanism: initial.mechanism, gs2_header };
}

const SALT = new Uint8Array(16).fill(5);

function hmac(key: Uint8Array, data: string): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(data).digest());
}

function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(data).digest());
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i]!);
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
