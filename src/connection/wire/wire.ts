/**
 * The only owner of a socket: sends exchanges in order, hands each its answers.
 *
 *     submit() ──▶ held ──▶ sent ──▶ done at its ReadyForQuery
 *                  (behind an exclusive exchange or a cancel)
 *
 * Laws: requests leave whole and in order, all of one microtask in one write.
 * The reader never waits for a writer. A lost or lying server ends everything
 * with one error, and nothing is ever sent again.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import type { ByteWriter } from "../../bytes/writer.ts";
import { OperationalError } from "../../errors.ts";
import type { TransactionState } from "../../protocol/backend.ts";
import { encode_terminate } from "../../protocol/frontend.ts";
import { Deadlines } from "../base/deadlines.ts";
import { within } from "../base/within.ts";
import { cancel_running } from "./cancel_running.ts";
import type { Exchange, Step } from "./exchange.ts";
import { Inbound, type Listeners } from "./inbound.ts";
import type { Line } from "./line.ts";
import { Pace } from "./pace.ts";
import { SendOrder } from "./send_order.ts";
import * as errors from "./wire_errors.ts";

/** What a Wire tells its session. */
export interface WireEvents extends Listeners {
  /** Everything that was submitted is done. */
  idle(): void;
  /** The wire is dead, for the reason that every pending exchange was given. */
  lost(error: OperationalError): void;
  /** Sends a CancelRequest; resolves when the server has closed that socket, so the signal is out. */
  send_cancel(signal: AbortSignal): Promise<void>;
}

/** Seconds that the server has to close after Terminate. */
const CLOSE_GRACE = 2;

/** Runs exchanges over one socket. */
export class Wire {
  /** What the last ReadyForQuery said. */
  state: TransactionState = "I";
  /** Grows with each end of a transaction, and where none is open: while it stays, the transaction does. */
  idle_count = 0;
  /** How long what runs has been running. */
  readonly pace: Pace;
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #events: WireEvents;
  readonly #order: SendOrder;
  readonly #deadlines: Deadlines;
  readonly #inbound: Inbound;
  readonly #ended: Promise<void>;
  #ending = false; // Terminate was sent
  #lost: OperationalError | null = null;
  #cancel: Promise<void> | null = null;

  /** @param one_at_a_time Send nothing behind an unanswered Sync, as transaction poolers need. */
  constructor(line: Line, clock: Clock, events: WireEvents, one_at_a_time: boolean) {
    this.#line = line;
    this.#clock = clock;
    this.#events = events;
    this.#order = new SendOrder(this.#encode, one_at_a_time, line.socket.place);
    this.pace = new Pace(clock, this.#order);
    this.#deadlines = new Deadlines(clock, (now) => this.#expire(now));
    this.#inbound = new Inbound(line.frames, this.#order.sent, events, this.#ready);
    line.on_write_error = (cause) => void this.#write_failed(cause);
    this.#ended = this.#read();
  }

  /** Why the wire is dead; null while it lives. */
  get lost(): OperationalError | null {
    return this.#lost;
  }

  /** Whether anything submitted is not done. */
  get busy(): boolean {
    return !this.#is_quiet || this.#order.detached.size > 0;
  }

  /** Whether what was sent last has all its answers, so that a head can run once more in its place. */
  get may_repeat(): boolean {
    return this.#order.may_repeat;
  }

  /** Whether what was submitted in this turn has not left yet. */
  get is_about_to_write(): boolean {
    return this.#line.is_about_to_write;
  }

  /**
   * Runs `exchange` after all that was submitted before.
   *
   * @param timeout Seconds until its caller is told `TimeoutError`.
   */
  submit(exchange: Exchange<unknown>, timeout: number = Infinity, signal?: AbortSignal): void {
    if (exchange.settled) return;
    if (this.#lost !== null) return exchange.drop(errors.too_late(this.#lost), false);
    if (signal) {
      if (signal.aborted) return exchange.refuse(signal.reason);
      const { place } = this.#line.socket;
      exchange.watch(signal, () => this.interrupt(exchange, signal.reason), place);
    }
    const refusal = this.#order.refusal(exchange);
    if (refusal !== null) return exchange.refuse(refusal);
    const now = this.pace.submitted();
    if (timeout !== Infinity) this.limit(exchange, timeout, now);
    this.#order.push(exchange);
  }

  /** Runs `exchange` before the head, which waits for what comes of it. */
  submit_first(exchange: Exchange<unknown>, timeout: number): void {
    if (this.#lost !== null) return exchange.lose(errors.too_late(this.#lost), false);
    this.limit(exchange, timeout);
    this.#order.send_first(exchange);
  }

  /** The head has what it waited for, and looks at its answers again. */
  proceed(head: Exchange<unknown>): void {
    if (this.#order.sent.peek() === head) this.#ready(head, this.state);
  }

  /**
   * Sets the deadline of an exchange.
   *
   * @param timeout Seconds from `now`.
   */
  limit(exchange: Exchange<unknown>, timeout: number, now: number = this.#clock.now()): void {
    exchange.timeout = timeout;
    exchange.deadline = now + timeout * 1000;
    this.#deadlines.add(exchange.deadline);
  }

  /** Sends more of an exchange that is under way, such as COPY data. */
  write(encode: (writer: ByteWriter) => void): void {
    if (this.#lost === null) this.#line.write(encode);
  }

  /** Resolves when the socket takes more, or is lost. For senders of bulk. */
  drained(): Promise<void> {
    return this.#line.drained();
  }

  /** Reads no more from the socket until `resume()`: back-pressure on the server. */
  pause(): void {
    if (this.#lost === null) this.#line.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#line.resume();
  }

  /** Tells the caller of `exchange` now, and stops it on the server if it runs there. */
  interrupt(exchange: Exchange<unknown>, reason: unknown): void {
    if (exchange.settled) return;
    if (this.#order.held.remove(exchange)) return exchange.refuse(reason);
    exchange.reject(reason);
    this.#cancel_if_abandoned();
  }

  /** Cancels what runs on the server now; resolves when the session is usable again, or lost. */
  cancel(): Promise<void> {
    const head = this.#order.sent.peek();
    if (head === undefined || this.#lost !== null) return Promise.resolve();
    this.#cancel ??= this.#cancel_head(head).finally(() => {
      this.#cancel = null;
      this.#inbound.expect_cancel(null);
      this.#order.hold(-1);
      this.#cancel_if_abandoned();
      this.#idle_if_done();
    });
    return this.#cancel;
  }

  /** Tells all callers `reason` now, and stops what runs; resolves when nothing does any more. */
  async abandon(reason: unknown): Promise<void> {
    for (const exchange of [...this.#order.all()]) this.interrupt(exchange, reason);
    while (this.busy && this.#lost === null) await (this.#cancel ?? this.cancel());
  }

  /** Lets the process end, or not, while the socket is open. */
  keep_alive(alive: boolean): void {
    if (alive) this.#line.socket.ref?.();
    else this.#line.socket.unref?.();
  }

  /** Ends the session in good order: Terminate, then the server closes. Pending exchanges are rejected. */
  async close(): Promise<void> {
    if (this.#lost !== null) return;
    if (this.busy) await this.abandon(errors.user_closed()); // else the server would finish it first
    if (this.#lost !== null) return;
    this.#ending = true;
    encode_terminate(this.#line.out);
    this.#line.flush();
    await within(this.#clock, CLOSE_GRACE, this.#ended);
    this.destroy(errors.CLOSED);
  }

  /** Drops the socket now. Pending exchanges are rejected with `error`. */
  destroy(error: OperationalError = errors.was_closed()): void {
    if (this.#lost !== null) return;
    this.#lost = error;
    this.#deadlines.clear();
    this.#line.close();
    this.#order.lose(error);
    this.#events.lost(error);
  }

  /** False, with nothing written and the exchange rejected, if it cannot be encoded. */
  readonly #encode = (exchange: Exchange<unknown>): boolean => {
    const { out } = this.#line;
    const mark = out.length;
    try {
      exchange.encode(out);
    } catch (error) {
      out.truncate(mark);
      exchange.reject(error);
      return false;
    }
    this.#line.flush_soon();
    return true;
  };

  /** What the server said last, such as why it closed, may still be unread. */
  async #write_failed(cause: unknown): Promise<void> {
    await within(this.#clock, CLOSE_GRACE, this.#ended);
    this.destroy(errors.broken(cause));
  }

  async #read(): Promise<void> {
    try {
      do this.#inbound.handle(); while (this.#lost === null && await this.#line.read());
      this.destroy(this.#ending ? errors.CLOSED : errors.broken(undefined));
    } catch (error) {
      this.destroy(error instanceof OperationalError ? error : errors.broken(error));
    }
  }

  readonly #ready = (head: Exchange<unknown>, state: TransactionState): void => {
    this.state = state;
    this.pace.answered();
    if (state === "I") this.idle_count++;
    const step: Step = head.ready(state);
    if (step === "wait") return;
    if (step === "again" && !head.settled && this.#encode(head)) return;
    this.pace.done();
    if (step === "anew" && !head.settled) {
      this.#order.repeat();
    } else {
      this.#order.shift(step === "detach");
      head.end();
    }
    this.#cancel_if_abandoned();
    this.#idle_if_done();
  };

  #idle_if_done(): void {
    if (this.#is_quiet && this.#lost === null) this.#events.idle();
  }

  get #is_quiet(): boolean {
    return this.#order.is_empty && this.#cancel === null;
  }

  /** The head runs on the server although its caller was told already. */
  #cancel_if_abandoned(): void {
    if (this.#order.sent.peek()?.settled) void this.cancel();
  }

  async #cancel_head(head: Exchange<unknown>): Promise<void> {
    this.#order.hold(1);
    this.#inbound.expect_cancel(head);
    this.resume(); // or its ReadyForQuery would never be read
    try {
      await cancel_running(head, {
        clock: this.#clock,
        send_cancel: (signal) => this.#events.send_cancel(signal),
        was_hit: () => this.#inbound.canceled,
        is_lost: () => this.#lost !== null,
        send: (barrier) => this.#order.send(barrier),
      });
    } catch (cause) {
      this.destroy(errors.not_canceled(cause));
    }
  }

  #expire(now: number): number {
    let next = Infinity;
    for (const exchange of [...this.#order.all()]) {
      if (exchange.settled) continue;
      if (exchange.deadline > now) next = Math.min(next, exchange.deadline);
      else this.interrupt(exchange, errors.timed_out(exchange, this.#order.held));
    }
    return next;
  }
}
