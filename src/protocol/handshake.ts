/**
 * From the startup message to the first ReadyForQuery. No socket, no clock.
 *
 * Law: nothing out of its order is taken for good, and what the server makes us
 * keep is bounded.
 *
 * WebCrypto is asynchronous everywhere, so this is a function that awaits rather
 * than a machine that is fed; a deadline is the caller's, who makes `next()` reject.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Start-up)
 * and pqGetNegotiateProtocolVersion3, src/interfaces/libpq/fe-protocol3.c
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import { type Diagnostic, NotSupportedError, OperationalError } from "../errors.ts";
import { server_message } from "../server_error.ts";
import { authenticate, type AuthOptions, type Conversation } from "./authenticate.ts";
import type { BackendMessage } from "./backend.ts";
import { encode_startup } from "./frontend.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "./tags.ts";

/** Far more than a server sends before it is ready. */
const MAX_MESSAGES = 1000;

/** Where the handshake's messages go, and come from. */
export interface HandshakeIo {
  /** Sends whole messages. */
  send(bytes: Uint8Array): Promise<void> | void;
  /** The next message; rejects when the connection is lost, or the caller gave up. */
  next(): Promise<BackendMessage>;
}

/** Who logs in, and how. */
export interface HandshakeOptions extends AuthOptions {
  /** `user`, `database` and settings of the startup message. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The version to ask for. Default: 3.2. */
  readonly max_protocol_version?: number | undefined;
  /** The oldest version to go on with. Default: 3.0. */
  readonly min_protocol_version?: number | undefined;
}

/** What the server said of the session it began. */
export interface SessionStart {
  /** The version spoken from now on. */
  readonly protocol_version: number;
  /** The server's settings, by name. */
  readonly parameters: Map<string, string>;
  /** The server process; 0 where the server sent no key. */
  readonly backend_pid: number;
  /** What a CancelRequest must show; null where the server sent none. */
  readonly secret_key: Uint8Array | null;
  /** What the server remarked. */
  readonly notices: Diagnostic[];
  /** What came of a LISTEN and a NOTIFY in an event trigger on login. */
  readonly notifications: (BackendMessage & { name: "NotificationResponse" })[];
}

/**
 * Begins a session.
 *
 * @throws {OperationalError} If the server refuses the login, whatever its SQLSTATE; if it
 * breaks the caller's rules or wants a method that is not spoken here (28000); if it breaks the
 * protocol (08P01) or speaks one that is too old (08001); or if no password was given.
 * @throws {NotSupportedError} If its text is not UTF-8.
 * @throws {InterfaceError} If a startup parameter or the password cannot be sent.
 */
export async function handshake(io: HandshakeIo, options: HandshakeOptions): Promise<SessionStart> {
  const { parameters, max_protocol_version = PROTOCOL_3_2 } = options;
  const turns = new Turns(io);
  await turns.send((writer) => encode_startup(writer, max_protocol_version, parameters));
  let protocol_version = max_protocol_version;
  let request = await turns.next();
  if (request.name === "NegotiateProtocolVersion") {
    protocol_version = negotiate(request, max_protocol_version, options.min_protocol_version);
    request = await turns.next();
  }
  await authenticate(turns, request, parameters.get("user") ?? "", options);
  return await begin_session(turns, protocol_version);
}

/** As libpq: the server may only take away, and only what was asked for. */
function negotiate(
  { version, unsupported_options }: Extract<BackendMessage, { name: "NegotiateProtocolVersion" }>,
  asked: number,
  oldest = PROTOCOL_3_0,
): number {
  if (unsupported_options.length > 0) {
    throw out_of_order(`it does not support ${unsupported_options.join(", ")}, not asked for`);
  }
  const never_was = version === PROTOCOL_3_0 + 1;
  if (version >= asked || version < PROTOCOL_3_0 || never_was) {
    throw out_of_order(`it answers a request for ${show(asked)} with ${show(version)}`);
  }
  if (version >= oldest) return version;
  throw new OperationalError(
    `cannot log in: the protocol must be ${show(oldest)} or newer, but the server speaks ` +
      show(version),
    { sqlstate: "08001" },
  );
}

async function begin_session(turns: Turns, protocol_version: number): Promise<SessionStart> {
  const parameters = new Map<string, string>();
  const notifications: SessionStart["notifications"] = [];
  let key: Extract<BackendMessage, { name: "BackendKeyData" }> | null = null;
  for (;;) {
    const message = await turns.next();
    switch (message.name) {
      case "ParameterStatus":
        parameters.set(message.parameter, message.value);
        break;
      case "NotificationResponse":
        notifications.push(message);
        break;
      case "BackendKeyData":
        if (key !== null) throw out_of_order("it sent two cancel keys");
        check_key(message.secret_key, protocol_version);
        key = message;
        break;
      case "ReadyForQuery":
        if (message.state !== "I") throw out_of_order("the session begins in a transaction");
        check_encoding(parameters.get("client_encoding"));
        return {
          protocol_version,
          parameters,
          backend_pid: key?.pid ?? 0,
          secret_key: key?.secret_key ?? null,
          notices: turns.notices,
          notifications,
        };
      default:
        throw out_of_order(`it must send settings and become ready, but sent ${message.name}`);
    }
  }
}

class Turns implements Conversation {
  readonly #io: HandshakeIo;
  readonly notices: Diagnostic[] = [];
  #received = 0; // messages

  constructor(io: HandshakeIo) {
    this.#io = io;
  }

  async send(encode: (writer: ByteWriter) => void): Promise<void> {
    const writer = new ByteWriter(1024);
    encode(writer);
    await this.#io.send(writer.take());
  }

  /** The next message that is not a remark or a refusal, which may come at any time. */
  async next(): Promise<BackendMessage> {
    for (;;) {
      const message = await this.#io.next();
      this.#received += 1;
      if (this.#received > MAX_MESSAGES) throw out_of_order("it does not become ready");
      if (message.name === "ErrorResponse") {
        throw new OperationalError(server_message(message.diag, null), {
          diag: message.diag,
          safe_to_retry: true,
        });
      }
      if (message.name !== "NoticeResponse") return message;
      this.notices.push(message.diag);
    }
  }

  async expect<Name extends BackendMessage["name"]>(
    name: Name,
  ): Promise<Extract<BackendMessage, { name: Name }>> {
    const message = await this.next();
    if (message.name !== name) {
      throw out_of_order(`it must send ${name}, but sent ${message.name}`);
    }
    return message as Extract<BackendMessage, { name: Name }>;
  }
}

function check_key(key: Uint8Array, protocol_version: number): void {
  const longest = protocol_version >= PROTOCOL_3_2 ? 256 : 4; // bytes
  if (key.length >= 4 && key.length <= longest) return;
  throw out_of_order(
    `its cancel key must be 4 to ${longest} bytes in protocol ${show(protocol_version)}, ` +
      `but is ${key.length}`,
  );
}

/** Some servers do not say; they were asked for UTF8. */
function check_encoding(encoding = "UTF8"): void {
  if (/^(utf-?8|unicode)$/i.test(encoding)) return;
  throw new NotSupportedError(
    `cannot log in: client_encoding must be UTF8, but is ${JSON.stringify(encoding)}`,
  );
}

function show(version: number): string {
  return `${version >> 16}.${version & 0xffff}`;
}

function out_of_order(fact: string): OperationalError {
  return new OperationalError("cannot log in: the server broke the protocol", {
    detail: fact,
    sqlstate: "08P01",
    safe_to_retry: true,
  });
}
