/**
 * Answers what the server asks for before it lets the user in.
 *
 * Law: no secret leaves before the caller's rules allow the method that asks for
 * it; and a server that must prove itself, as by SCRAM, is not believed before
 * it did.
 *
 * Source: pg_fe_sendauth and check_expected_areq, src/interfaces/libpq/fe-auth.c
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { InterfaceError, OperationalError } from "../errors.ts";
import type { BackendMessage } from "./backend.ts";
import { encode_password, encode_sasl_initial, encode_sasl_response } from "./frontend.ts";
import { md5_response } from "./md5.ts";
import { ANY_AUTH, type AuthMethod, check_auth } from "./require_auth.ts";
import { type ChannelBinding, ScramExchange, type ScramKeyCache } from "./scram.ts";

const SCRAM = "SCRAM-SHA-256";
const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";

/** How far the server is trusted, and what proves the user. */
export interface AuthOptions {
  /** The password, or what gives it if the server asks for one; null: there is none. */
  readonly password: string | null | (() => string | null | Promise<string | null>);
  /** Whether the password, or its MD5, may be sent: the connection is encrypted or local. */
  readonly secret_allowed: boolean;
  /** Whether the connection is encrypted. */
  readonly encrypted: boolean;
  /** Methods that the server may use. Default: all. */
  readonly require_auth?: ReadonlySet<AuthMethod> | undefined;
  /** Whether the login is tied to the TLS connection. Default: `"prefer"`. */
  readonly channel_binding?: "disable" | "prefer" | "require" | undefined;
  /** The hash of the server's certificate, as `tls-server-end-point` has it; null: unknown. */
  readonly channel_binding_data?: Uint8Array | null | undefined;
  /** Most SCRAM iterations to hash for. Default: 100,000. */
  readonly max_scram_iterations?: number | undefined;
  /** Keys of earlier logins as the same user. */
  readonly scram_keys?: ScramKeyCache | undefined;
}

/** Talks to the server in turns. */
export interface Conversation {
  /** Sends one message. */
  send(encode: (writer: ByteWriter) => void): Promise<void>;
  /** The next message, which must be `name`: 08P01 otherwise. */
  expect<Name extends BackendMessage["name"]>(
    name: Name,
  ): Promise<Extract<BackendMessage, { name: Name }>>;
}

/**
 * Logs in; returns when the server has said AuthenticationOk.
 *
 * @param request The server's answer to the startup message.
 * @param user Who logs in.
 * @throws As `handshake()` does.
 */
export async function authenticate(
  conversation: Conversation,
  request: BackendMessage,
  user: string,
  options: AuthOptions,
): Promise<void> {
  switch (request.name) {
    case "AuthenticationOk":
      return check_method("none", options);
    case "AuthenticationCleartextPassword":
      check_method("password", options);
      return await answer(conversation, await get_password(options));
    case "AuthenticationMD5Password": {
      check_method("md5", options);
      const password = await get_password(options);
      return await answer(conversation, md5_response(user, password, request.salt));
    }
    case "AuthenticationSASL":
      return await answer_sasl(conversation, request.mechanisms, options);
    case "AuthenticationUnsupported":
      throw not_supported(request.method);
  }
  throw new OperationalError(
    `cannot log in: the server must ask who we are, but sent ${request.name}`,
    { sqlstate: "08P01" },
  );
}

/** Whether the server may use a method other than SASL. */
function check_method(method: AuthMethod, options: AuthOptions): void {
  check_auth(options.require_auth ?? ANY_AUTH, method);
  if (options.channel_binding === "require") throw not_bound(method);
  if (method === "none" || options.secret_allowed) return;
  throw refused(
    "a password must not cross a network in the clear or as MD5",
    method,
    "encrypt the connection (sslmode=verify-full), or let the server use scram-sha-256",
  );
}

async function answer(conversation: Conversation, secret: string): Promise<void> {
  await conversation.send((writer) => encode_password(writer, secret));
  await conversation.expect("AuthenticationOk");
}

async function answer_sasl(
  conversation: Conversation,
  mechanisms: readonly string[],
  options: AuthOptions,
): Promise<void> {
  check_auth(options.require_auth ?? ANY_AUTH, "scram-sha-256");
  const channel_binding = choose_binding(mechanisms, options);
  const mechanism = typeof channel_binding === "string" ? SCRAM : SCRAM_PLUS;
  const exchange = new ScramExchange({
    password: await get_password(options),
    channel_binding,
    max_iterations: options.max_scram_iterations,
    keys: options.scram_keys,
  });
  await conversation.send((writer) => encode_sasl_initial(writer, mechanism, exchange.first()));
  const first = await conversation.expect("AuthenticationSASLContinue");
  const proof = await exchange.final(first.data);
  await conversation.send((writer) => encode_sasl_response(writer, proof));
  const final = await conversation.expect("AuthenticationSASLFinal");
  exchange.verify(final.data);
  await conversation.expect("AuthenticationOk");
}

/**
 * Picks the mechanism. Who could bind but is not offered to says so (RFC 5802,
 * section 6), and the server then notices that someone cut its offer.
 */
function choose_binding(mechanisms: readonly string[], options: AuthOptions): ChannelBinding {
  const { channel_binding = "prefer", channel_binding_data } = options;
  const offered = mechanisms.includes(SCRAM_PLUS);
  const able = channel_binding !== "disable" && channel_binding_data;
  if (offered && !options.encrypted) {
    throw refused("channel binding needs TLS, and someone may have taken it away", SCRAM_PLUS);
  }
  if (offered && able) return channel_binding_data;
  if (channel_binding === "require" && able) throw not_bound(mechanisms.join(", "));
  if (channel_binding === "require") {
    throw new OperationalError(
      "cannot log in: channel_binding=require needs TLS and a hash of the server's certificate, " +
        "but there is none",
      { sqlstate: "28000" },
    );
  }
  if (!mechanisms.includes(SCRAM)) throw not_supported(mechanisms.join(", ") || "no mechanism");
  return able ? "unused" : "none";
}

async function get_password({ password }: AuthOptions): Promise<string> {
  const text = typeof password === "function" ? await password() : password;
  if (text === null || text === undefined) {
    throw new OperationalError(
      "cannot log in: the server asks for a password, but none was given",
      {
        hint: "give password or PGPASSWORD, or a passfile that nobody but its owner may use",
        sqlstate: "28000",
      },
    );
  }
  if (typeof text === "string" && !text.includes("\0") && text.isWellFormed()) return text;
  throw new InterfaceError("cannot log in: the password must be well-formed text without NUL");
}

function not_bound(asked: string): OperationalError {
  return refused("channel_binding=require needs SCRAM with channel binding", asked);
}

/** 28000: invalid_authorization_specification. */
function refused(rule: string, asked: string, hint?: string): OperationalError {
  return new OperationalError(`cannot log in: ${rule}, but the server asks for ${asked}`, {
    hint,
    sqlstate: "28000",
  });
}

function not_supported(method: string): OperationalError {
  return refused("a login is by password, md5 or scram-sha-256", method);
}
