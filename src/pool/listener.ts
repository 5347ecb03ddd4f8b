/**
 * LISTEN on a connection of its own, which is replaced when it is lost.
 *
 * Laws: whatever may have been missed is told by a `gap`, at its place among the
 * notifications, and only when what follows it will not be missed: who reads the
 * tables anew at a gap misses nothing. What nobody reads is bounded.
 *
 * Source: https://www.postgresql.org/docs/current/sql-listen.html
 *
 * @module
 */

import type { Clock, Place } from "../adapters/socket.ts";
import { Fifo } from "../connection/base/fifo.ts";
import { check_place } from "../connection/base/place.ts";
import { listen_statement } from "../connection/handle/channels.ts";
import { MAX_WAITING } from "../connection/handle/notifies.ts";
import type { Session } from "../connection/session/session.ts";
import type { Notification } from "../connection/session/session_owner.ts";
import { object_row } from "../rows/factories.ts";
import type { OpenSession } from "./context.ts";
import { pool_closed } from "./refusals.ts";

/** Notifications may have been missed here. */
export interface Gap {
  /** Tells it from a notification, which has none: `"gap" in event`. */
  readonly gap: true;
  /** The channels concerned: all of the listener's. */
  readonly channels: readonly string[];
  /** From when on; nothing before was missed. */
  readonly since: Date;
}

/** What a listener needs of its pool. */
export interface ListenerHost {
  /** Time for its pauses and probes. */
  readonly clock: Clock;
  /** From 0 to 1, for its pauses. */
  readonly random: () => number;
  /** Seconds for LISTEN to be confirmed. */
  readonly timeout: number;
  /** Where it listens; undefined: everywhere. */
  readonly place: Place | undefined;
  /** Hears, once, that a connection was lost and cannot be replaced yet. */
  on_trouble(message: string): void;
  /** The listener has ended. */
  on_closed(listener: Listener): void;
}

/** Seconds of silence after which the connection is asked whether it still works. */
const PROBE_AFTER = 30;
/** Seconds for the answer. */
const PROBE_LIMIT = 10;
/** Seconds before the second attempt to connect again; the first is made at once. */
const FIRST_PAUSE = 0.1;
/** Most seconds between attempts. */
const LONGEST_PAUSE = 10;
/** Seconds that a connection must live, or else the next but one is made after a pause. */
const STEADY = 5;
const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** What a listener yields. */
export type ListenerEvent = Notification | Gap;
type Reader = (result: IteratorResult<ListenerEvent, undefined>) => void;

/** Notifications of some channels, and where some may be missing. `Pool.listen()` makes it; its user closes it. */
export class Listener implements AsyncIterable<ListenerEvent>, AsyncDisposable {
  /** What it listens to. */
  readonly channels: readonly string[];
  readonly #open: OpenSession;
  readonly #host: ListenerHost;
  readonly #stop: AbortController = new AbortController();
  readonly #items: Fifo<ListenerEvent> = new Fifo();
  readonly #readers: Fifo<Reader> = new Fifo();
  #session: Session | null = null;
  #good_at = Date.now(); // nothing was missed until then
  #unread_since = 0; // when the first that nobody has read came, at the latest
  #connected_at = 0; // on the host's clock, in milliseconds
  #short_lives = 0; // connections that were lost at once, in a row
  #overflowed: Date | null = null; // items have been dropped, from then on
  #work: Promise<void> = Promise.resolve(); // connecting; never rejects
  #closed: Promise<void> | null = null;
  #stop_timer: () => void = () => {};

  /**
   * Listeners are made by `Pool.listen()`.
   *
   * @param open Opens each of its connections.
   */
  constructor(channels: readonly string[], open: OpenSession, host: ListenerHost) {
    this.channels = channels;
    this.#open = open;
    this.#host = host;
  }

  /** For the pool: begins to listen. */
  async start(): Promise<void> {
    const connecting = this.#connect(null);
    this.#work = connecting.catch(() => {});
    await connecting;
  }

  /** Whether it has ended. */
  get closed(): boolean {
    return this.#closed !== null;
  }

  /** Ends it, and its connection; what nobody has read is dropped. Closing again does nothing. */
  async close(): Promise<void> {
    if (this.#closed === null) check_place(this.#host.place, "close the listener");
    await (this.#closed ??= this.#close());
  }

  /** `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Yields notifications as they come, and gaps. It ends when the listener is closed, and never throws;
   * but where its connection cannot be used, it is an `InterfaceError`.
   * Leaving the loop does not close the listener.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ListenerEvent> {
    const pending = new Set<Reader>();
    const iterator: AsyncIterableIterator<ListenerEvent> = {
      next: () =>
        new Promise((resolve) => {
          const reader: Reader = (result) => {
            pending.delete(reader);
            resolve(result);
          };
          pending.add(reader);
          this.#read(reader);
        }),
      return: () => {
        for (const reader of pending) {
          this.#readers.remove(reader);
          reader(DONE);
        }
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #read(reader: Reader): void {
    if (this.closed) return reader(DONE);
    if (this.#items.size === 0) check_place(this.#host.place, "wait for a notification");
    const since = this.#overflowed;
    this.#overflowed = null;
    const item = since === null ? this.#items.shift() : this.#gap(since);
    if (item === undefined) this.#readers.push(reader);
    else reader({ done: false, value: item });
  }

  #put(item: ListenerEvent): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader({ done: false, value: item });
    if (this.#items.size === 0) this.#unread_since = Date.now();
    this.#items.push(item);
    if (this.#items.size <= MAX_WAITING) return;
    const dropped = this.#items.shift()!;
    this.#overflowed ??= "gap" in dropped ? dropped.since : new Date(this.#unread_since);
  }

  #gap(since: Date): Gap {
    return { gap: true, channels: this.channels, since };
  }

  async #connect(missing_since: Date | null): Promise<void> {
    const { signal } = this.#stop;
    const session = await this.#open(signal);
    const early: Notification[] = []; // they belong behind the gap
    session.owner = { on_notification: (notification) => void early.push(notification) };
    try {
      const { timeout } = this.#host;
      const sql = this.channels.map(listen_statement).join("; ");
      await session.simple(sql, { row_factory: object_row, timeout, signal });
      if (session.wire.lost !== null) throw session.wire.lost;
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#session = session;
    this.#connected_at = this.#host.clock.now();
    session.owner = {
      on_notification: (notification) => this.#hear(notification),
      on_lost: () => this.#lost(session),
    };
    if (missing_since !== null) this.#put(this.#gap(missing_since));
    for (const notification of early) this.#put(notification);
    if (!this.closed) this.#is_good();
  }

  #hear(notification: Notification): void {
    this.#put(notification);
    this.#good_at = Date.now();
  }

  /** Nothing is missing; asks again after a while, as a silent connection may be dead. */
  #is_good(): void {
    this.#good_at = Date.now();
    this.#stop_timer = this.#host.clock.set_timer(PROBE_AFTER * 1000, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    const session = this.#session!;
    try {
      await session.simple("", { row_factory: object_row, timeout: PROBE_LIMIT });
      if (this.#session === session) this.#is_good();
    } catch {
      session.terminate();
      this.#lost(session);
    }
  }

  #lost(session: Session): void {
    if (this.#session !== session || this.closed) return;
    this.#session = null;
    this.#stop_timer();
    const lived = this.#host.clock.now() - this.#connected_at;
    this.#short_lives = lived < STEADY * 1000 ? this.#short_lives + 1 : 0;
    this.#work = this.#reconnect(new Date(this.#good_at));
  }

  async #reconnect(missing_since: Date): Promise<void> {
    const let_go = hold_process();
    if (this.#short_lives > 1) await this.#pause(this.#short_lives - 2);
    for (let failures = 0; !this.closed; failures++) {
      try {
        await this.#connect(missing_since);
        break;
      } catch (error) {
        if (this.closed) break;
        if (failures === 0) this.#host.on_trouble(trouble(this.channels, error));
        await this.#pause(failures);
      }
    }
    let_go();
  }

  #pause(failures: number): Promise<void> {
    const seconds = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures);
    const jittered = seconds * (0.5 + this.#host.random() / 2); // so that not all who listen come at once
    return new Promise((resolve) => {
      const cancel = this.#host.clock.set_timer(jittered * 1000, resolve);
      this.#stop_timer = () => {
        cancel();
        resolve();
      };
    });
  }

  async #close(): Promise<void> {
    this.#stop.abort(pool_closed()); // heard only by `Pool.listen()`, which still waits
    this.#items.take();
    for (const reader of this.#readers.take()) reader(DONE);
    this.#stop_timer();
    await this.#work;
    await this.#session?.close();
    this.#host.on_closed(this);
  }
}

/** A clock's timers let the process end, but who listens wants it to live until the connection is back. */
function hold_process(): () => void {
  const timer = setInterval(() => {}, 0x7fffffff);
  return () => clearInterval(timer);
}

function trouble(channels: readonly string[], error: unknown): string {
  const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
  return `a listener (${
    channels.join(", ")
  }) lost its connection and cannot connect yet: ${reason}`;
}
