/**
 * What every dial shares: it can be abandoned at any moment.
 *
 * Law: a socket that opens after its caller left is closed at once.
 *
 * @module
 */

import { dial_error } from "./failure.ts";
import type { Address, Socket } from "./socket.ts";

/**
 * Runs one attempt to open a socket.
 *
 * @param attempt Opens the socket; may stop early when `signal` aborts, but need not.
 * @throws {OperationalError} If the attempt fails; its cause is the runtime's own error.
 * @throws The signal's reason, if it aborts first.
 */
export function dialing(
  address: Address,
  signal: AbortSignal | undefined,
  attempt: () => Promise<Socket>,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abandon = () => reject(signal?.reason);
    signal?.addEventListener("abort", abandon);
    attempt().then(
      (socket) => signal?.aborted ? socket.close() : resolve(socket),
      (cause) => reject(dial_error(address, cause)),
    ).finally(() => signal?.removeEventListener("abort", abandon));
  });
}
