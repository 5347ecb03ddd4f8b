/**
 * CancelRequest, on a socket of its own.
 *
 * Law: it goes to the address that the session really reached, encrypted no less
 * than the session, and is over when the server has closed: the signal is out then.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Canceling Requests in Progress)
 *
 * @module
 */

import { ByteWriter } from "../../bytes/writer.ts";
import { NotSupportedError } from "../../errors.ts";
import { encode_cancel_request } from "../../protocol/frontend.ts";
import type { Channel } from "./encrypt.ts";

/**
 * Sends the request and waits for the server to close.
 *
 * @param open Opens a channel as the session's was.
 * @param secret_key As the server gave it; null: it gave none, so nothing can be cancelled.
 */
export async function send_cancel(
  open: (signal: AbortSignal) => Promise<Channel>,
  pid: number,
  secret_key: Uint8Array | null,
  signal: AbortSignal,
): Promise<void> {
  if (secret_key === null) {
    throw new NotSupportedError("cannot cancel: the server gave no key to do it with");
  }
  const request = new ByteWriter(512);
  encode_cancel_request(request, pid, secret_key);
  const { socket } = await open(signal);
  const close = () => socket.close();
  signal.addEventListener("abort", close);
  try {
    await socket.writable.getWriter().write(request.take());
    const reader = socket.readable.getReader();
    while (!(await reader.read().catch(CLOSED)).done);
  } finally {
    signal.removeEventListener("abort", close);
    socket.close();
  }
}

/** A reset is as good as an end. */
const CLOSED = (): { readonly done: true } => ({ done: true });
