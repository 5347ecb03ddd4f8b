/**
 * A login's messages, from and to a line.
 *
 * Law: who hung up before any answer is told from who did so later, since the former may know
 * an older protocol.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import { decode_backend } from "../../protocol/backend.ts";
import type { HandshakeIo } from "../../protocol/handshake.ts";
import type { Line } from "../wire/line.ts";

/** The server closed before it said anything. */
export class NoAnswer extends OperationalError {}

/** What a handshake over `line` sends and receives. */
export function login_io(line: Line): HandshakeIo {
  let answered = false;
  return {
    send(bytes) {
      line.out.raw(bytes);
      line.flush();
    },
    async next() {
      while (!line.frames.next()) {
        if (!await line.read().catch(lost)) throw answered ? closed() : new NoAnswer(...CLOSED);
      }
      answered = true;
      return decode_backend(line.frames.tag, line.frames.body());
    },
  };
}

/** The first line of an error's message. */
export function first_line(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
}

/**
 * Throws the error of a connection that broke during the login, such as by TLS, where the server does
 * not take the client's certificate.
 */
export function lost(cause: unknown): never {
  throw new OperationalError("cannot connect: the connection was lost during the login", {
    sqlstate: "08006",
    detail: first_line(cause),
    safe_to_retry: true,
    cause,
  });
}

const CLOSED = ["cannot connect: the server closed the connection during the login", {
  sqlstate: "08001",
  hint: "is it a PostgreSQL server, and does it accept connections?",
  safe_to_retry: true,
}] as const;

/** For a server that hung up during the login. */
export function closed(): OperationalError {
  return new OperationalError(...CLOSED);
}
