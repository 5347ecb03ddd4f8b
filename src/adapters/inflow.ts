/**
 * The reading side of a socket that pushes: chunks from a callback in, a
 * stream out.
 *
 * Law: what arrived is read before the news that the connection is lost, and
 * a reader that stops stops the sender: at most `BOUND` bytes and one chunk
 * wait here.
 *
 * A default stream, not a byte stream: the chunks already lie in buffers of
 * their own, so BYOB would only copy them, and a byte stream costs 5 to 10 µs
 * more a round trip on Node and Bun.
 *
 * @module
 */

/** Unread bytes from which the source is paused; a socket's receive buffer is as large. */
const BOUND = 128 * 1024;

/** What an Inflow asks of its source. */
export interface Source {
  /** Deliver no more, until `resume()`. */
  pause(): void;
  /** Deliver again. */
  resume(): void;
  /** Nobody will read any more. */
  close(): void;
}

/** A readable stream, fed by callbacks. */
export class Inflow {
  /** The stream. Cancelling it closes the source. */
  readonly readable: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #source: Source;
  #paused = false;
  #ended = false;
  #failure: { readonly reason: unknown } | null = null; // waits until all is read

  /** @param source Paused, resumed and closed as the reader demands. */
  constructor(source: Source) {
    this.#source = source;
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => {
        this.#ended = true;
        source.close();
      },
    }, { highWaterMark: BOUND, size: (chunk) => chunk.byteLength });
  }

  /** How many bytes wait to be read. */
  get unread(): number {
    const room = this.#controller.desiredSize ?? BOUND; // null: errored, and so empty
    const is_closed = room === 0 && this.#ended && this.#failure === null;
    return is_closed ? 0 : BOUND - room;
  }

  /** Takes a chunk, which belongs to the reader from then on. */
  push(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return;
    this.#controller.enqueue(chunk);
    if (this.#paused || this.#controller.desiredSize! > 0) return;
    this.#paused = true;
    this.#source.pause();
  }

  /** The server will send no more: the stream ends when all is read. Only the first ending counts. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#controller.close();
  }

  /** The connection is lost: the stream errors when all is read. Only the first ending counts. */
  fail(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = { reason };
    this.#pull();
  }

  // Called by the stream after every read.
  #pull(): void {
    if (this.#failure !== null) {
      if (this.unread === 0) this.#controller.error(this.#failure.reason);
      return;
    }
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.#source.resume();
  }
}
