/**
 * Bytes that show where they belong: a long pattern, repeated.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";

/** One round of the pattern, of a length that no buffer's size divides. */
export const PATTERN: Uint8Array<ArrayBuffer> = pattern(251 * 1024);

/** Sends the repeated pattern up to `end`, one write after another; stops early when one fails. */
export async function send_pattern(
  write: (chunk: Uint8Array) => Promise<unknown>,
  end: number,
  start = 0,
): Promise<void> {
  try {
    for (let at = start; at < end;) {
      const from = at % PATTERN.length;
      const chunk = PATTERN.slice(from, from + end - at);
      await write(chunk);
      at += chunk.length;
    }
  } catch {
    // The reader will miss what was not sent.
  }
}

/** Reads `size` bytes or a little more; they must be the pattern from `at` on. Returns where it ended. */
export async function assert_pattern(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  size: number,
  start = 0,
): Promise<number> {
  let at = start;
  while (at < start + size) {
    const { done, value } = await reader.read();
    assert(!done, `the stream ended ${start + size - at} bytes early`);
    at = check_pattern(value, at);
  }
  return at;
}

/** Fails unless the chunk is the pattern from `at` on. Returns where it ended. */
export function check_pattern(chunk: Uint8Array, at: number): number {
  for (let i = 0; i < chunk.length;) {
    const from = (at + i) % PATTERN.length;
    const size = Math.min(chunk.length - i, PATTERN.length - from);
    const same = Buffer.compare(chunk.subarray(i, i + size), PATTERN.subarray(from, from + size));
    assertEquals(same, 0, `other bytes than expected from ${at + i} on`);
    i += size;
  }
  return at + chunk.length;
}

function pattern(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31) ^ (i >> 8));
}
