/**
 * SCRAM-SHA-256, the client's side, with or without channel binding. No I/O.
 *
 * Law: both sides prove that they know the password, so a server that skips its
 * proof, or whose proof is wrong, is not the server. What it sends is read
 * strictly, and bounded before the password is hashed.
 *
 * Sources: RFC 5802, RFC 7677; src/interfaces/libpq/fe-auth-scram.c
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import { saslprep } from "./saslprep.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Hashing that many times takes about 0.1 s; PostgreSQL's own default is 4096. */
export const MAX_SCRAM_ITERATIONS = 100_000;
/** libpq takes no longer authentication message, in bytes. */
const MAX_LENGTH = 2000;
const NONCE_SIZE = 18; // bytes, as libpq: SCRAM_RAW_NONCE_LEN
const KEY_SIZE = 32; // bytes of a SHA-256

// Printable but for the comma; base64; a number without sign, space or leading zero.
const SERVER_FIRST = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})$/;
const SERVER_FINAL = /^v=([A-Za-z0-9+/]{43}=)$/;
const SERVER_ERROR = /^e=([A-Za-z0-9.-]{1,60})/;

const utf8 = new TextEncoder();

/** What is derived from a password, a salt and an iteration count. As secret as the password. */
export interface ScramKeys {
  /** Proves the client. */
  readonly client_key: Uint8Array<ArrayBuffer>;
  /** Proves the server. */
  readonly server_key: Uint8Array<ArrayBuffer>;
}

/**
 * Keys of logins that succeeded, so that a pool hashes its password once. A `Map`
 * will do, in memory only. The id is a hash of all that the keys are derived from:
 * a host that sends the salt of another gets nothing that was meant for that one.
 */
export interface ScramKeyCache {
  /** The keys that were derived so before. */
  get(id: string): ScramKeys | undefined;
  /** Remembers keys that the server has proven to be right. */
  set(id: string, keys: ScramKeys): unknown;
}

/**
 * How the login is tied to the TLS connection. `none`: the client cannot;
 * `unused`: it could, but was told that the server cannot; else the hash of the
 * server's certificate, for `tls-server-end-point`.
 */
export type ChannelBinding = "none" | "unused" | Uint8Array;

/** What a login by SCRAM needs. */
export interface ScramOptions {
  /** The password, as the user gave it. */
  readonly password: string;
  /** Must agree with the mechanism that the server was told. */
  readonly channel_binding: ChannelBinding;
  /** Most iterations to hash for. Default: 100,000. */
  readonly max_iterations?: number | undefined;
  /** Keys of earlier logins. */
  readonly keys?: ScramKeyCache | undefined;
  /** `n=,r=` and a nonce: for tests alone, by default random. */
  readonly first_bare?: string | undefined;
}

/** One login. The methods are called once each, in their order here. */
export class ScramExchange {
  readonly #options: ScramOptions;
  readonly #first_bare: string;
  #keys: ScramKeys | null = null;
  #keys_id = "";
  #server_signature: Bytes | null = null;

  /** @param options The password, and how to use it. */
  constructor(options: ScramOptions) {
    this.#options = options;
    this.#first_bare = options.first_bare ?? first_bare();
  }

  /** The client's first message. */
  first(): string {
    return gs2_header(this.#options.channel_binding) + this.#first_bare;
  }

  /**
   * The client's final message, with its proof.
   *
   * @param message The server's first message.
   * @throws {OperationalError} If it is malformed, not for us, or asks for too much work.
   */
  async final(message: Uint8Array): Promise<string> {
    const server_first = read(message);
    const [nonce, salt, iterations] = this.#read_first(server_first);
    const binding = this.#options.channel_binding;
    const header = utf8.encode(gs2_header(binding));
    const data = typeof binding === "string" ? [] : binding;
    const bare = `c=${base64(Uint8Array.of(...header, ...data))},r=${nonce}`;
    const signed = utf8.encode(`${this.#first_bare},${server_first},${bare}`);
    const { client_key, server_key } = await this.#derive(salt, iterations);
    const stored_key = await sha256(client_key);
    const proof = xor(client_key, await hmac(stored_key, signed));
    this.#server_signature = await hmac(server_key, signed);
    return `${bare},p=${base64(proof)}`;
  }

  /**
   * Checks the server's proof.
   *
   * @param message The server's final message.
   * @throws {OperationalError} If the server does not know the password, or reports an error.
   */
  verify(message: Uint8Array): void {
    const server_final = read(message);
    const error = SERVER_ERROR.exec(server_final)?.[1];
    if (error !== undefined) throw refused(`the server refused it with ${error}`);
    const signature = SERVER_FINAL.exec(server_final)?.[1];
    if (signature === undefined) throw malformed("the final one is not a signature");
    const expected = this.#server_signature;
    if (expected === null || !equal(unbase64(signature), expected)) {
      throw refused("the server could not prove that it knows it");
    }
    this.#options.keys?.set(this.#keys_id, this.#keys!);
  }

  #read_first(message: string): [nonce: string, salt: string, iterations: number] {
    const match = SERVER_FIRST.exec(message);
    if (match === null) throw malformed("the first one is not a nonce, a salt and a count");
    const [, nonce, salt, count] = match as unknown as [string, string, string, string];
    const ours = this.#first_bare.slice(this.#first_bare.indexOf("r=") + 2);
    if (!nonce.startsWith(ours) || nonce.length === ours.length) {
      throw malformed("its nonce does not continue the client's");
    }
    if (base64(unbase64(salt)) !== salt) throw malformed("its salt is not base64");
    const max = this.#options.max_iterations ?? MAX_SCRAM_ITERATIONS;
    const iterations = Number(count);
    if (iterations > max) {
      throw refused(
        `the server asked for ${count} iterations of at most ${max}`,
        "scram_max_iterations allows more, each of which takes time here",
      );
    }
    return [nonce, salt, iterations];
  }

  async #derive(salt: string, iterations: number): Promise<ScramKeys> {
    const { password, keys } = this.#options;
    this.#keys_id = base64(await sha256(utf8.encode(`${iterations},${salt},${password}`)));
    this.#keys = keys?.get(this.#keys_id) ??
      await derive_keys(password, unbase64(salt), iterations);
    return this.#keys;
  }
}

async function derive_keys(password: string, salt: Bytes, iterations: number): Promise<ScramKeys> {
  const secret = utf8.encode(saslprep(password));
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  const salted = new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * KEY_SIZE));
  return {
    client_key: await hmac(salted, utf8.encode("Client Key")),
    server_key: await hmac(salted, utf8.encode("Server Key")),
  };
}

/** RFC 5802, section 7: `gs2-header`. */
function gs2_header(binding: ChannelBinding): string {
  if (binding === "none") return "n,,";
  return binding === "unused" ? "y,," : "p=tls-server-end-point,,";
}

/** The user's name is left out: the server takes it from the startup message. */
function first_bare(): string {
  return `n=,r=${base64(crypto.getRandomValues(new Uint8Array(NONCE_SIZE)))}`;
}

/** The message as text, one character a byte; the grammar has ASCII only. */
function read(message: Uint8Array): string {
  if (message.length > MAX_LENGTH) {
    throw malformed(`one is longer than ${MAX_LENGTH} bytes`);
  }
  return String.fromCharCode(...message);
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const how = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, how, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

function xor(a: Bytes, b: Bytes): Bytes {
  return a.map((byte, i) => byte ^ b[i]!);
}

/** In time that tells nothing about where they differ. */
function equal(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && xor(a, b).reduce((sum, byte) => sum | byte, 0) === 0;
}

function base64(bytes: Bytes): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The bytes; none for text that is not base64, which `base64()` then does not give back. */
function unbase64(text: string): Bytes {
  if (text.length % 4 !== 0) return new Uint8Array(0);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function malformed(fact: string): OperationalError {
  return new OperationalError("cannot log in: the server's SCRAM messages are malformed", {
    detail: fact,
    sqlstate: "08P01",
  });
}

/** 28000: invalid_authorization_specification. */
function refused(fact: string, hint?: string): OperationalError {
  return new OperationalError(`cannot log in by password: ${fact}`, { hint, sqlstate: "28000" });
}
