/**
 * Cancels what runs on the server, so that the session can be used after it.
 *
 * Law: a cancel is over when its socket closed and the statement ended; and its
 * signal surely hits nothing that comes later. Where the statement ended by
 * itself the signal may be late: it is let hit an empty query. One that came before
 * the statement did hit nothing, so it is sent again.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Canceling Requests in Progress)
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import type { ByteWriter } from "../../bytes/writer.ts";
import { encode_query } from "../../protocol/frontend.ts";
import { within } from "../base/within.ts";
import { Exchange, type Step } from "./exchange.ts";

/** Seconds that the server has to confirm a cancel. */
const CANCEL_GRACE = 5;
/** Seconds that the statement has to end before the first further CancelRequest; then twice as long. */
const REPEAT = 0.1;
/** Seconds that an exchange has to end by itself before a CancelRequest is sent. */
const STOP_GRACE = 1;

/** What the wire lends for it. */
export interface CancelTools {
  readonly clock: Clock;
  /** Sends a CancelRequest; resolves when the server has closed that socket. */
  send_cancel(signal: AbortSignal): Promise<void>;
  /** Whether a signal hit something. */
  was_hit(): boolean;
  /** Whether nothing is left to hit. */
  is_lost(): boolean;
  /** Sends an exchange now, although others wait. */
  send(exchange: Exchange<unknown>): void;
}

/**
 * Cancels `head`; resolves when the session is usable again.
 *
 * @throws If the server does not confirm in time, or cannot be asked.
 */
export async function cancel_running(head: Exchange<unknown>, tools: CancelTools): Promise<void> {
  const { clock } = tools;
  const ended = new Promise<void>((resolve) => head.on_end = resolve);
  if (head.stop() && await within(clock, STOP_GRACE, ended)) return;
  const stop = new AbortController();
  let sent = 0;
  const send = async () => {
    for (let pause = REPEAT; !stop.signal.aborted; pause *= 2) {
      sent += 1;
      await tools.send_cancel(stop.signal);
      if (await within(clock, pause, ended)) return;
    }
  };
  try {
    const both = Promise.all([send(), ended]);
    if (!await within(clock, CANCEL_GRACE, both)) throw new Error("it did not confirm in time");
  } finally {
    stop.abort();
  }
  if (tools.is_lost() || (sent === 1 && tools.was_hit())) return;
  const barrier = new Barrier();
  tools.send(barrier);
  if (!await within(clock, CANCEL_GRACE, barrier.promise)) throw new Error("it stopped answering");
}

/** An empty query. */
class Barrier extends Exchange<void> {
  override encode(writer: ByteWriter): void {
    encode_query(writer, "");
  }

  override message(): void {}

  override ready(): Step {
    this.resolve();
    return "done";
  }
}
