/**
 * Moving all the data of a COPY between streams.
 *
 * Law: the caller's stream is unlocked and open afterwards, and hears of a failure only where it
 * is the source: then no more is taken from it.
 *
 * @module
 */

import type { CopyReadable } from "./copy_to.ts";
import type { CopyWritable } from "./copy_from.ts";
import type { Items } from "./item_source.ts";
import { ItemSource } from "./item_source.ts";

/** Returns the number of rows. */
export async function pour_in(
  source: Items<Uint8Array>,
  target: CopyWritable,
): Promise<number> {
  const chunks = new ItemSource(source, "data");
  const writer = target.getWriter();
  writer.closed.catch(() => {}); // write() and close() tell
  try {
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) break;
      await writer.write(value);
    }
    await writer.close();
    return target.rowcount;
  } catch (error) {
    chunks.close();
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

/** Returns the number of rows. */
export async function pour_out(
  source: CopyReadable,
  target: WritableStream<Uint8Array>,
): Promise<number> {
  const writer = target.getWriter();
  writer.closed.catch(() => {}); // ready and write() tell
  try {
    await writer.ready;
    for await (const chunk of source) await writer.write(chunk); // pipeTo() hides what fails the last
    return source.rowcount;
  } finally {
    writer.releaseLock();
  }
}
