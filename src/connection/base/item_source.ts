/**
 * What a caller gives one by one: parameter sets, records, chunks.
 *
 * Law: nothing is taken beyond what is asked for, and the source hears when no
 * more will be.
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { ProgrammingError } from "../../errors.ts";

/** Anything that gives items, at once or in time. */
export type Items<T> = Iterable<T> | AsyncIterable<T>;

/** Takes items from an iterable of either kind. */
export class ItemSource<T> {
  /** Whether items come in time, so that their source may depend on anything. */
  readonly is_async: boolean;
  /** What it threw; null if it has not. */
  failure: { readonly error: unknown } | null = null;
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  #ended = false;

  /**
   * @param what For the error, such as `sets of parameters`.
   * @throws {ProgrammingError} If `items` is no iterable.
   */
  constructor(items: Items<T>, what: string) {
    const either = items as Partial<Iterable<T> & AsyncIterable<T>> | null | undefined;
    const is_async = typeof either?.[Symbol.asyncIterator] === "function";
    if (
      !is_async && (typeof items === "string" || typeof either?.[Symbol.iterator] !== "function")
    ) {
      throw new ProgrammingError(
        `cannot read ${what}: they must be an iterable, but are ${kind_of(items)}`,
      );
    }
    this.is_async = is_async;
    this.#iterator = is_async ? either![Symbol.asyncIterator]!() : either![Symbol.iterator]!();
  }

  /** The next item. */
  next(): IteratorResult<T> | Promise<IteratorResult<T>> {
    try {
      const result = this.#iterator.next();
      if (result instanceof Promise) return this.#watch(result);
      if (result.done) this.#ended = true;
      return result;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /**
   * Gives items to `add` while `wants_more()`; at once, unless the source is asynchronous.
   *
   * @returns Whether there are no more.
   */
  feed(wants_more: () => boolean, add: (item: T) => void): boolean | Promise<boolean> {
    if (this.is_async) return this.#feed_in_time(wants_more, add);
    while (wants_more()) {
      const item = this.next() as IteratorResult<T>;
      if (item.done) return true;
      add(item.value);
    }
    return false;
  }

  async #feed_in_time(wants_more: () => boolean, add: (item: T) => void): Promise<boolean> {
    while (wants_more()) {
      const item = await this.next();
      if (item.done) return true;
      if (wants_more()) add(item.value); // else it was given up meanwhile
    }
    return false;
  }

  /** Tells the source that no more is wanted, unless it has ended by itself. What it answers is not of interest. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    void (async () => await this.#iterator.return?.())().catch(() => {});
  }

  async #watch(result: Promise<IteratorResult<T>>): Promise<IteratorResult<T>> {
    try {
      const item = await result;
      if (item.done) this.#ended = true;
      return item;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(error: unknown): unknown {
    this.#ended = true;
    this.failure = { error };
    return error;
  }
}
