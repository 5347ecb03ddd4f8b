/**
 * What LISTEN brought to a connection, in order.
 *
 * Laws: what arrived is read before the end of the connection is told. It is
 * bounded: the server cannot be made to wait, as answers come the same way, so
 * what nobody reads is dropped, the oldest first, with a warning.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import { InterfaceError, type PgError, TimeoutError } from "../../errors.ts";
import type { CallOptions } from "../base/call_options.ts";
import { check_signal, check_timeout } from "../base/checks.ts";
import { system_clock } from "../base/clock.ts";
import { Fifo } from "../base/fifo.ts";
import { at_call } from "../base/stacks.ts";
import type { Notification } from "../session/session_owner.ts";

/** Notifications that wait to be read, at most. */
export const MAX_WAITING = 65_536;

interface Reader {
  readonly serve: (notification: Notification) => void;
  readonly fail: (reason: unknown) => void;
}

/** A queue of notifications. It ends with its connection. */
export class NotificationQueue implements AsyncIterable<Notification> {
  readonly #clock: Clock;
  readonly #on_overflow: (message: string) => void;
  readonly #items: Fifo<Notification> = new Fifo();
  readonly #readers: Set<Reader> = new Set();
  readonly #before_wait: () => void;
  #end: PgError | null = null;
  #overflowed = false;

  /**
   * Made by its connection.
   *
   * @param on_overflow Told once, when the first notification is dropped.
   * @param before_wait Throws where nobody can wait.
   */
  constructor(
    clock: Clock = system_clock,
    on_overflow: (message: string) => void = console.warn,
    before_wait: () => void = () => {},
  ) {
    this.#clock = clock;
    this.#on_overflow = on_overflow;
    this.#before_wait = before_wait;
  }

  /**
   * The next notification; waits until there is one.
   *
   * @param options `timeout` in seconds; by default it waits for ever.
   * @throws {TimeoutError} If none came in time.
   * @throws {OperationalError} If the connection was lost and nothing is left.
   * @throws {InterfaceError} If it was closed or released and nothing is left.
   */
  async get(options: CallOptions = {}): Promise<Notification> {
    const timeout = check_timeout(options.timeout ?? Infinity);
    const signal = check_signal(options.signal);
    signal?.throwIfAborted();
    try {
      return this.get_nowait() ?? await this.#wait(timeout, signal);
    } catch (error) {
      throw at_call(error);
    }
  }

  /** The next notification, or null if none is queued. Throws as `get()` does. */
  get_nowait(): Notification | null {
    const item = this.#items.shift();
    if (item === undefined && this.#end !== null) throw this.#ended();
    return item ?? null;
  }

  /** Whether none is queued. */
  empty(): boolean {
    return this.#items.size === 0;
  }

  /** How many are queued. */
  qsize(): number {
    return this.#items.size;
  }

  /** Ends the queue; the connection goes on. */
  close(): void {
    this.end(new InterfaceError("cannot wait for a notification: the queue was closed"));
  }

  /** Yields notifications as they come. Ends when the queue or its connection is closed, throws when it is lost. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Notification> {
    const stop = new AbortController();
    const done = { done: true, value: undefined } as const;
    const iterator: AsyncIterableIterator<Notification> = {
      next: async () => {
        try {
          return { done: false, value: await this.get({ signal: stop.signal }) };
        } catch (error) {
          const is_closed = this.#end !== null && error instanceof InterfaceError;
          if (stop.signal.aborted || is_closed) return done;
          throw error;
        }
      },
      return() {
        stop.abort();
        return Promise.resolve(done);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** For the connection: one more. */
  put(notification: Notification): void {
    if (this.#end !== null) return;
    const [reader] = this.#readers;
    if (reader !== undefined) return reader.serve(notification);
    this.#items.push(notification);
    if (this.#items.size > MAX_WAITING) this.#drop_oldest();
  }

  /** For the connection: no more will come, for this reason. */
  end(reason: PgError): void {
    if (this.#end !== null) return;
    this.#end = reason;
    for (const reader of this.#readers) reader.fail(this.#ended());
  }

  /** Of its own for each who is told, as its stack is theirs. */
  #ended(): PgError {
    const { message, sqlstate, diag, cause, constructor } = this.#end!;
    return new (constructor as typeof PgError)(message, { sqlstate, diag, cause });
  }

  #wait(timeout: number, signal: AbortSignal | undefined): Promise<Notification> {
    this.#before_wait();
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#readers.delete(reader);
        signal?.removeEventListener("abort", abort);
        stop_timer?.();
      };
      const reader: Reader = {
        serve(notification) {
          leave();
          resolve(notification);
        },
        fail(reason) {
          leave();
          reject(reason);
        },
      };
      const abort = () => reader.fail(signal!.reason);
      const stop_timer = timeout === Infinity
        ? null
        : this.#clock.set_timer(timeout * 1000, () => reader.fail(too_late(timeout)));
      this.#readers.add(reader);
      signal?.addEventListener("abort", abort);
    });
  }

  #drop_oldest(): void {
    this.#items.shift();
    if (this.#overflowed) return;
    this.#overflowed = true;
    this.#on_overflow(
      `notifications were dropped: at most ${MAX_WAITING} may wait in notifies, but nobody read them`,
    );
  }
}

function too_late(seconds: number): TimeoutError {
  return new TimeoutError(
    `cannot get a notification: one must come within ${seconds} s, but none has`,
  );
}
