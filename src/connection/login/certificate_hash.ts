/**
 * The hash of a certificate that ties a login to its TLS connection.
 *
 * Law: a certificate whose signature names no hash (Ed25519) has none here either;
 * guessing one would make the server see an attack where there is none.
 *
 * Source: RFC 5929, section 4 (`tls-server-end-point`), and pgtls_get_peer_certificate_hash,
 * src/interfaces/libpq/fe-secure-openssl.c
 *
 * @module
 */

const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;
const CONTEXT_0 = 0xa0;

/** By DER of the signature algorithm's object id, in hex. MD5 and SHA-1 are replaced, as the RFC says. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ["2a864886f70d010104", "SHA-256"], // md5WithRSAEncryption
  ["2a864886f70d010105", "SHA-256"], // sha1WithRSAEncryption
  ["2a864886f70d01010b", "SHA-256"], // sha256WithRSAEncryption
  ["2a864886f70d01010c", "SHA-384"], // sha384WithRSAEncryption
  ["2a864886f70d01010d", "SHA-512"], // sha512WithRSAEncryption
  ["2a8648ce3d0401", "SHA-256"], // ecdsa-with-SHA1
  ["2a8648ce3d040302", "SHA-256"], // ecdsa-with-SHA256
  ["2a8648ce3d040303", "SHA-384"], // ecdsa-with-SHA384
  ["2a8648ce3d040304", "SHA-512"], // ecdsa-with-SHA512
  ["2b0e03021a", "SHA-256"], // sha1, in RSASSA-PSS parameters
  ["608648016503040201", "SHA-256"], // sha256, likewise
  ["608648016503040202", "SHA-384"],
  ["608648016503040203", "SHA-512"],
]);
const RSASSA_PSS = "2a864886f70d01010a";

/** The hash, or null where the certificate's signature has no hash that WebCrypto knows. */
export async function certificate_hash(der: Uint8Array): Promise<Uint8Array | null> {
  const name = signature_hash(der);
  if (name === null) return null;
  return new Uint8Array(await crypto.subtle.digest(name, der.slice()));
}

function signature_hash(der: Uint8Array): string | null {
  const certificate = element(der, SEQUENCE);
  const body = certificate && element(certificate.value, SEQUENCE); // tbsCertificate
  const algorithm = body && element(body.rest, SEQUENCE);
  const id = algorithm && element(algorithm.value, OBJECT_ID);
  if (!id) return null;
  if (hex(id.value) !== RSASSA_PSS) return HASHES.get(hex(id.value)) ?? null;
  const parameters = element(id.rest, SEQUENCE);
  const tagged = parameters && element(parameters.value, CONTEXT_0);
  if (!tagged) return "SHA-256"; // the default is SHA-1
  const hash = element(tagged.value, SEQUENCE);
  const hash_id = hash && element(hash.value, OBJECT_ID);
  return hash_id ? HASHES.get(hex(hash_id.value)) ?? null : null;
}

interface Element {
  readonly value: Uint8Array;
  readonly rest: Uint8Array;
}

/** The first element of `bytes`, if it has this tag and is whole. */
function element(bytes: Uint8Array, tag: number): Element | null {
  if (bytes.length < 2 || bytes[0] !== tag) return null;
  let at = 2;
  let length = bytes[1]!;
  if (length >= 0x80) {
    const size = length & 0x7f;
    if (size < 1 || size > 4) return null;
    length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + (bytes[at++] ?? 0);
  }
  if (at + length > bytes.length) return null;
  return { value: bytes.subarray(at, at + length), rest: bytes.subarray(at + length) };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
