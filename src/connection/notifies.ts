/**
 * What LISTEN brought to a connection, in order.
 *
 * Law: what arrived is read before the loss of the connection is told.
 *
 * @module
 */

import { InterfaceError, type PgError } from "../errors.ts";
import type { Notification } from "./session.ts";

interface Reader {
  readonly resolve: (notification: Notification) => void;
  readonly reject: (error: PgError) => void;
}

/** A queue of notifications. It ends with its connection. */
export class NotificationQueue implements AsyncIterable<Notification> {
  readonly #items: Notification[] = [];
  readonly #readers: Set<Reader> = new Set();
  #end: PgError | null = null;

  /**
   * The next notification; waits until there is one.
   *
   * @throws {OperationalError} If the connection was lost and nothing is left.
   * @throws {InterfaceError} If it was closed or released and nothing is left.
   */
  get(options: { readonly signal?: AbortSignal } = {}): Promise<Notification> {
    const { signal } = options;
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#end !== null) return Promise.reject(this.#end);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#readers.delete(reader);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => {
        leave();
        reject(signal!.reason);
      };
      const reader: Reader = {
        resolve: (notification) => (leave(), resolve(notification)),
        reject: (error) => (leave(), reject(error)),
      };
      this.#readers.add(reader);
      signal?.addEventListener("abort", abort);
    });
  }

  /** The next notification, or null if none is queued. Throws as `get()` does. */
  get_nowait(): Notification | null {
    const item = this.#items.shift();
    if (item === undefined && this.#end !== null) throw this.#end;
    return item ?? null;
  }

  /** Whether none is queued. */
  empty(): boolean {
    return this.#items.length === 0;
  }

  /** How many are queued. */
  qsize(): number {
    return this.#items.length;
  }

  /** Ends the queue; the connection goes on. */
  close(): void {
    this.end(new InterfaceError("cannot wait for a notification: the queue was closed"));
  }

  /** Yields notifications as they come. Ends when the queue or its connection is closed, throws when it is lost. */
  async *[Symbol.asyncIterator](): AsyncIterator<Notification> {
    for (;;) {
      try {
        yield await this.get();
      } catch (error) {
        if (error instanceof InterfaceError) return;
        throw error;
      }
    }
  }

  /** For the connection: one more. */
  put(notification: Notification): void {
    if (this.#end !== null) return;
    const [reader] = this.#readers;
    if (reader === undefined) this.#items.push(notification);
    else reader.resolve(notification);
  }

  /** For the connection: no more will come, for this reason. */
  end(reason: PgError): void {
    if (this.#end !== null) return;
    this.#end = reason;
    for (const reader of this.#readers) reader.reject(reason);
  }
}
