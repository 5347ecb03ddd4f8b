/**
 * First in, first out, at constant cost: `Array.shift()` moves what is left.
 *
 * A ring, so that a queue which is emptied again and again makes no garbage.
 *
 * @module
 */

const KEPT = 64; // places that are kept when it is empty

/** A queue that can also be walked and lose a member from its middle. */
export class Fifo<T> {
  #ring: (T | undefined)[] = [undefined]; // as long as some power of two
  #head = 0;
  #size = 0;

  /** How many are queued. */
  get size(): number {
    return this.#size;
  }

  /** Joins at the end. */
  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[this.#place(this.#size++)] = item;
  }

  /** Joins in front of all. */
  unshift(item: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#head = this.#place(-1);
    this.#ring[this.#head] = item;
    this.#size++;
  }

  /** The first, which stays. */
  peek(): T | undefined {
    return this.#ring[this.#head];
  }

  /** Takes the first. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined; // let it be collected
    this.#head = this.#place(1);
    this.#size--;
    if (this.#size === 0 && this.#ring.length > KEPT) this.#clear();
    return item;
  }

  /** Whether `item` is queued. */
  has(item: T): boolean {
    return this.#index_of(item) >= 0;
  }

  /** Takes `item` wherever it stands; false if it is not here. */
  remove(item: T): boolean {
    const at = this.#index_of(item);
    if (at < 0) return false;
    for (let i = at; i > 0; i--) this.#ring[this.#place(i)] = this.#ring[this.#place(i - 1)];
    this.shift();
    return true;
  }

  /** Takes all. */
  take(): T[] {
    const items = [...this];
    this.#clear();
    return items;
  }

  /** Whether `holds` is true of all. */
  every(holds: (item: T) => boolean): boolean {
    for (let i = 0; i < this.#size; i++) {
      if (!holds(this.#ring[this.#place(i)]!)) return false;
    }
    return true;
  }

  /** Walks from first to last. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.#size; i++) yield this.#ring[this.#place(i)]!;
  }

  /** Where the member is that stands at `index`, from 0. */
  #place(index: number): number {
    return (this.#head + index) & (this.#ring.length - 1);
  }

  #index_of(item: T): number {
    for (let i = 0; i < this.#size; i++) {
      if (this.#ring[this.#place(i)] === item) return i;
    }
    return -1;
  }

  #grow(): void {
    this.#ring = [...this, ...new Array<undefined>(this.#size).fill(undefined)];
    this.#head = 0;
  }

  #clear(): void {
    this.#ring = [undefined];
    this.#head = this.#size = 0;
  }
}
