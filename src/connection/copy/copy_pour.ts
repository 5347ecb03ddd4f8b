/**
 * Moving all the data of a COPY between streams.
 *
 * Laws: the caller's stream is unlocked and open afterwards, and hears of a failure only where it
 * is the source: then no more is taken from it. The deadline is for the whole, the caller's stream
 * included, which may stand still for ever.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import { TimeoutError } from "../../errors.ts";
import { type Items, ItemSource } from "../base/item_source.ts";
import { unless_aborted, within } from "../base/within.ts";
import type { CopyWritable } from "./copy_from.ts";
import type { CopyReadable } from "./copy_to.ts";

/** How long it may take. */
export interface PourLimits {
  readonly clock: Clock;
  /** Seconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Seconds for the server to confirm that nothing is kept. */
const ABORT_GRACE = 1;

/** Returns the number of rows. */
export async function pour_in(
  source: Items<Uint8Array>,
  target: CopyWritable,
  limits: PourLimits,
): Promise<number> {
  const chunks = new ItemSource(source, "data");
  const writer = target.getWriter();
  try {
    await limited(limits, writer.closed, async () => {
      for (;;) {
        const { done, value } = await chunks.next();
        if (done) break;
        await writer.write(value);
      }
      await writer.close();
    });
    return target.rowcount;
  } catch (error) {
    chunks.close();
    await within(limits.clock, ABORT_GRACE, writer.abort(error).catch(() => {}));
    throw error;
  }
}

/** Returns the number of rows. */
export async function pour_out(
  source: CopyReadable,
  target: WritableStream<Uint8Array<ArrayBuffer>>,
  limits: PourLimits,
): Promise<number> {
  const reader = source.getReader();
  const writer = target.getWriter();
  writer.closed.catch(() => {}); // ready and write() tell
  try {
    await limited(limits, reader.closed, async () => {
      await writer.ready;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        await writer.write(value); // pipeTo() would hide what fails the last
      }
    });
    return source.rowcount;
  } catch (error) {
    await within(limits.clock, ABORT_GRACE, reader.cancel(error).catch(() => {}));
    throw error;
  } finally {
    writer.releaseLock();
  }
}

/** Runs `work` unless the time is over, or `ours` rejects, before. */
async function limited(
  { clock, timeout, signal }: PourLimits,
  ours: Promise<unknown>,
  work: () => Promise<void>,
): Promise<void> {
  ours.catch(() => {}); // also where nothing is begun
  const failed = () => new Promise<never>((_, reject) => ours.catch(reject));
  const either = () => Promise.race([work(), failed()]);
  const finished = unless_aborted(either, signal);
  if (timeout === Infinity || await within(clock, timeout, finished)) return await finished;
  throw new TimeoutError(`cannot copy: it must end within ${timeout} s, but has not`);
}
