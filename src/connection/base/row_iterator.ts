/**
 * Rows one by one, from a source that has them in batches.
 *
 * Law: a row that is there costs one promise, which the protocol of asynchronous
 * iteration demands. The source is closed however the iteration ends, and asked
 * for one batch at a time.
 *
 * An iterator that is dropped in the middle, without `break`, `return()` or
 * disposal, keeps what its source holds until the connection is released or closed.
 *
 * @module
 */

import { check_signal } from "./checks.ts";
import { at_call } from "./stacks.ts";

/** Where the rows come from. */
export interface BatchSource<R> {
  /** The next rows; null at the end. */
  next_batch(): Promise<readonly R[] | null>;
  /** Ends it early. Never rejects. */
  close(): Promise<void>;
}

/** An iterator that must be run to its end, or closed. */
export class RowIterator<R> implements AsyncIterableIterator<R>, AsyncDisposable {
  readonly #source: BatchSource<R>;
  readonly #signal: AbortSignal | undefined;
  #rows: readonly R[] = [];
  #at = 0;
  #ended = false;
  #waiting = 0; // calls of next() that have no row yet
  #last: Promise<void> = Promise.resolve(); // resolves when the last of them has settled

  /**
   * Made by `stream()` and its kin.
   *
   * @param signal Rows that are there already are not given any more when it aborts.
   */
  constructor(source: BatchSource<R>, signal?: AbortSignal) {
    this.#source = source;
    this.#signal = check_signal(signal);
  }

  /** The next row. Calls made at once are served in their order. */
  next(): Promise<IteratorResult<R, undefined>> {
    if (this.#waiting === 0 && this.#at < this.#rows.length && !this.#signal?.aborted) {
      return Promise.resolve({ done: false, value: this.#rows[this.#at++]! });
    }
    const before = this.#waiting === 0 ? null : this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise; // not made of the result: engines trace errors to its only awaiter
    return this.#next(before, resolve);
  }

  /** Ends the iteration; resolves when the source is closed. */
  async return(): Promise<IteratorResult<R, undefined>> {
    if (!this.#ended) {
      this.#end();
      await this.#source.close();
    }
    return { done: true, value: undefined };
  }

  /** Ends the iteration as `return()` does, and rejects with `error`. */
  async throw(error: unknown): Promise<IteratorResult<R, undefined>> {
    await this.return();
    throw error;
  }

  /** As `return()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  async #next(
    before: Promise<void> | null,
    settled: () => void,
  ): Promise<IteratorResult<R, undefined>> {
    this.#waiting++;
    try {
      if (before !== null) await before;
      while (!this.#ended) {
        this.#signal?.throwIfAborted();
        if (this.#at < this.#rows.length) {
          return { done: false, value: this.#rows[this.#at++]! };
        }
        await this.#load();
      }
      return { done: true, value: undefined };
    } catch (error) {
      if (this.#ended) return { done: true, value: undefined }; // what return() stopped
      await this.return();
      throw error === this.#signal?.reason ? error : at_call(error);
    } finally {
      this.#waiting--;
      settled();
    }
  }

  async #load(): Promise<void> {
    const rows = await this.#source.next_batch();
    if (this.#ended) return;
    if (rows === null) return this.#end();
    this.#rows = rows;
    this.#at = 0;
  }

  #end(): void {
    this.#ended = true;
    this.#rows = [];
    this.#at = 0;
  }
}
