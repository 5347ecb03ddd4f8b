/**
 * First in, first out, at constant cost: `Array.shift()` moves what is left.
 *
 * @module
 */

const COMPACT_AT = 64; // dead slots before they are cut off, where half of all are dead

/** A queue that can also be walked and lose a member from its middle. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  /** How many are queued. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Joins at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Joins in front of all. */
  unshift(item: T): void {
    if (this.#head > 0) this.#items[--this.#head] = item;
    else this.#items.unshift(item);
  }

  /** The first, which stays. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Takes the first. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head]!;
    this.#head++;
    if (this.#head === this.#items.length) {
      for (; this.#head > 0; this.#head--) this.#items.pop(); // keeps the room, as `length = 0` does not
    } else if (this.#head >= COMPACT_AT && 2 * this.#head >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    } else {
      (this.#items as (T | undefined)[])[this.#head - 1] = undefined; // let it be collected
    }
    return item;
  }

  /** Whether `item` is queued. */
  has(item: T): boolean {
    return this.#items.indexOf(item, this.#head) >= 0;
  }

  /** Takes `item` wherever it stands; false if it is not here. */
  remove(item: T): boolean {
    const at = this.#items.indexOf(item, this.#head);
    if (at < 0) return false;
    if (at === this.#head) this.shift();
    else this.#items.splice(at, 1);
    return true;
  }

  /** Takes all. */
  take(): T[] {
    const items = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return items;
  }

  /** Whether `holds` is true of all. */
  every(holds: (item: T) => boolean): boolean {
    for (let i = this.#head; i < this.#items.length; i++) {
      if (!holds(this.#items[i]!)) return false;
    }
    return true;
  }

  /** Walks from first to last. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i]!;
  }
}
