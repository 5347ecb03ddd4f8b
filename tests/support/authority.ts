/**
 * Certificates of every kind, made while a test runs, with WebCrypto alone.
 *
 * Law: they are valid from 2000 to 2126, so that no test depends on the day. All RSA keys are one and the
 * same, which lies in `certs/`, since making one takes a second.
 *
 * Sources: RFC 5280 (X.509), RFC 4055 (RSA), RFC 5758 (ECDSA), RFC 8410 (Ed25519).
 *
 * @module
 */

import { readFileSync } from "node:fs";

type Bytes = Uint8Array<ArrayBuffer>;

/** How an authority signs: the kind of its key, and the hash. */
export type Signature =
  | "rsa-sha256"
  | "rsa-sha384"
  | "rsa-sha512"
  | "rsa-pss-sha384"
  | "ecdsa-sha256"
  | "ecdsa-sha384"
  | "ecdsa-sha512"
  | "ed25519";

/** Whom a certificate is for. */
export interface Subject {
  /** The common name. */
  readonly name: string;
  /** Host names that it is valid for. */
  readonly dns?: readonly string[];
  /** IPv4 addresses that it is valid for. */
  readonly ips?: readonly string[];
  /** The kind of its key. Default: EC on P-256. */
  readonly key?: "ec" | "rsa" | "ed25519";
}

/** A certificate and its key, PEM. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

/** Who signs certificates. */
export interface Authority {
  /** Its own certificate, PEM. */
  readonly pem: string;
  /** Makes a key and a certificate for it. */
  issue(subject: Subject): Promise<Credentials>;
}

/** Makes an authority that signs in this way. */
export async function make_authority(
  signature: Signature = "ecdsa-sha256",
  name: string = "edgepg test authority",
): Promise<Authority> {
  const how = SIGNATURES[signature];
  const keys = await generate(how.generate);
  const sign = (subject: Subject, key: CryptoKey, is_authority: boolean) =>
    certificate(how, keys.privateKey, name, subject, key, is_authority);
  return {
    pem: pem("CERTIFICATE", await sign({ name }, keys.publicKey, true)),
    async issue(subject) {
      const { publicKey, privateKey } = await generate(KEYS[subject.key ?? "ec"]);
      const exported = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
      return {
        cert: pem("CERTIFICATE", await sign(subject, publicKey, false)),
        key: pem("PRIVATE KEY", exported),
      };
    },
  };
}

type KeyKind = RsaHashedKeyGenParams | EcKeyGenParams | { readonly name: "Ed25519" };

interface SignatureKind {
  readonly generate: KeyKind;
  readonly sign: AlgorithmIdentifier | EcdsaParams | RsaPssParams;
  /** DER of the AlgorithmIdentifier. */
  readonly id: Bytes;
}

const NULL = Uint8Array.of(5, 0);
const EC: KeyKind = { name: "ECDSA", namedCurve: "P-256" };
const ED25519: KeyKind = { name: "Ed25519" };

function rsa(name: string, hash: string): RsaHashedKeyGenParams {
  return { name, hash, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
}

const KEYS: Record<"ec" | "rsa" | "ed25519", KeyKind> = {
  ec: EC,
  rsa: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  ed25519: ED25519,
};

const SHA384 = "2.16.840.1.101.3.4.2.2";
const RSASSA_PSS = "1.2.840.113549.1.1.10";

const SIGNATURES: Readonly<Record<Signature, SignatureKind>> = {
  "rsa-sha256": pkcs1("SHA-256", "1.2.840.113549.1.1.11"),
  "rsa-sha384": pkcs1("SHA-384", "1.2.840.113549.1.1.12"),
  "rsa-sha512": pkcs1("SHA-512", "1.2.840.113549.1.1.13"),
  "rsa-pss-sha384": pss_sha384(),
  "ecdsa-sha256": ecdsa("SHA-256", "1.2.840.10045.4.3.2"),
  "ecdsa-sha384": ecdsa("SHA-384", "1.2.840.10045.4.3.3"),
  "ecdsa-sha512": ecdsa("SHA-512", "1.2.840.10045.4.3.4"),
  ed25519: { generate: ED25519, sign: ED25519, id: sequence(oid("1.3.101.112")) },
};

function pkcs1(hash: string, id: string): SignatureKind {
  const name = "RSASSA-PKCS1-v1_5";
  return { generate: rsa(name, hash), sign: name, id: sequence(oid(id), NULL) };
}

function pss_sha384(): SignatureKind {
  const hash = sequence(oid(SHA384), NULL);
  const mask = sequence(oid("1.2.840.113549.1.1.8"), hash);
  const parameters = sequence(
    tagged(0xa0, hash),
    tagged(0xa1, mask),
    tagged(0xa2, tagged(2, Uint8Array.of(48))), // bytes of salt
  );
  return {
    generate: rsa("RSA-PSS", "SHA-384"),
    sign: { name: "RSA-PSS", saltLength: 48 },
    id: sequence(oid(RSASSA_PSS), parameters),
  };
}

function ecdsa(hash: string, id: string): SignatureKind {
  return { generate: EC, sign: { name: "ECDSA", hash }, id: sequence(oid(id)) };
}

async function generate(kind: KeyKind): Promise<CryptoKeyPair> {
  if (!("modulusLength" in kind)) {
    return await crypto.subtle.generateKey(kind, true, ["sign", "verify"]) as CryptoKeyPair;
  }
  const text = readFileSync(new URL("certs/rsa.key", import.meta.url), "utf8");
  const der = Uint8Array.from(atob(text.replace(/-.*-|\s/g, "")), (byte) => byte.charCodeAt(0));
  const privateKey = await crypto.subtle.importKey("pkcs8", der, kind, true, ["sign"]);
  const { kty, n, e } = await crypto.subtle.exportKey("jwk", privateKey) as JsonWebKey;
  const half = { kty, n, e } as JsonWebKey;
  return {
    privateKey,
    publicKey: await crypto.subtle.importKey("jwk", half, kind, true, ["verify"]),
  };
}

async function certificate(
  how: SignatureKind,
  signer: CryptoKey,
  issuer: string,
  subject: Subject,
  key: CryptoKey,
  is_authority: boolean,
): Promise<Bytes> {
  const body = sequence(
    tagged(0xa0, tagged(2, Uint8Array.of(2))), // version 3
    tagged(2, Uint8Array.of(1, ...crypto.getRandomValues(new Uint8Array(8)))), // serial number
    how.id,
    distinguished(issuer),
    sequence(text(0x17, "000101000000Z"), text(0x18, "21260101000000Z")),
    distinguished(subject.name),
    new Uint8Array(await crypto.subtle.exportKey("spki", key)),
    tagged(0xa3, sequence(...extensions(subject, is_authority))),
  );
  const raw = new Uint8Array(await crypto.subtle.sign(how.sign, signer, body));
  const signature = how.generate.name === "ECDSA" ? pair(raw) : raw;
  return sequence(body, how.id, tagged(3, Uint8Array.of(0, ...signature)));
}

function extensions({ dns = [], ips = [] }: Subject, is_authority: boolean): Bytes[] {
  const constraints = is_authority ? sequence(tagged(1, Uint8Array.of(0xff))) : sequence();
  const names = [
    ...dns.map((name) => text(0x82, name)),
    ...ips.map((ip) => tagged(0x87, Uint8Array.from(ip.split("."), Number))),
  ];
  return [
    sequence(oid("2.5.29.19"), tagged(1, Uint8Array.of(0xff)), tagged(4, constraints)), // critical
    ...names.length > 0 ? [sequence(oid("2.5.29.17"), tagged(4, sequence(...names)))] : [],
  ];
}

function distinguished(common_name: string): Bytes {
  return sequence(tagged(0x31, sequence(oid("2.5.4.3"), text(0x0c, common_name))));
}

/** An ECDSA signature: WebCrypto has two numbers side by side, X.509 a sequence of them. */
function pair(raw: Bytes): Bytes {
  const half = raw.length / 2;
  return sequence(number(raw.subarray(0, half)), number(raw.subarray(half)));
}

/** A positive integer, without leading zeros but for the one that keeps it positive. */
function number(bytes: Bytes): Bytes {
  const start = Math.max(0, bytes.findIndex((byte) => byte !== 0));
  const digits = bytes.subarray(start);
  return tagged(2, digits[0]! >= 0x80 ? Uint8Array.of(0, ...digits) : digits);
}

function oid(dotted: string): Bytes {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes = rest.flatMap((part) => {
    const groups = [part & 0x7f]; // 7 bits each, the last without the high bit
    while ((part >>>= 7) > 0) groups.unshift(part & 0x7f | 0x80);
    return groups;
  });
  return tagged(6, Uint8Array.of(first! * 40 + second!, ...bytes));
}

function text(tag: number, content: string): Bytes {
  return tagged(tag, new TextEncoder().encode(content));
}

function sequence(...parts: readonly Uint8Array[]): Bytes {
  return tagged(0x30, Uint8Array.from(parts.flatMap((part) => [...part])));
}

function tagged(tag: number, content: Uint8Array): Bytes {
  const { length } = content;
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return Uint8Array.of(tag, ...size, ...content);
}

function pem(label: string, der: Bytes): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
