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

import type { Clock } from "../adapters/socket.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { type Diagnostic, InterfaceError, OperationalError, TimeoutError } from "../errors.ts";
import { type BackendMessage, decode_backend, type TransactionState } from "../protocol/backend.ts";
import { encode_query, encode_terminate } from "../protocol/frontend.ts";
import { BackendTag } from "../protocol/tags.ts";
import { server_message } from "../server_error.ts";
import { Deadlines } from "./deadlines.ts";
import { Exchange, type Step, unexpected } from "./exchange.ts";
import { Fifo } from "./fifo.ts";
import type { Line } from "./line.ts";
import { within } from "./within.ts";

/** What a Wire tells its session. */
export interface WireEvents {
  /** NoticeResponse. */
  notice(diag: Diagnostic): void;
  /** NotificationResponse. */
  notification(message: BackendMessage & { name: "NotificationResponse" }): void;
  /** ParameterStatus. */
  parameter(name: string, value: string): void;
  /** Everything that was submitted is done. */
  idle(): void;
  /** The wire is dead, for the reason that every pending exchange was given. */
  lost(error: OperationalError): void;
  /** Sends a CancelRequest; resolves when the server has closed that socket, so the signal is out. */
  send_cancel(signal: AbortSignal): Promise<void>;
}

/** Seconds that the server has to confirm a cancel before its connection is given up. */
const CANCEL_GRACE = 5;
/** Seconds that an exchange has to end by itself before a CancelRequest is sent. */
const STOP_GRACE = 1;
/** Seconds that the server has to close after Terminate. */
const CLOSE_GRACE = 2;
const QUERY_CANCELED = "57014";

/** Runs exchanges over one socket. */
export class Wire {
  /** What the last ReadyForQuery said. */
  state: TransactionState = "I";
  /** How often a ReadyForQuery said that no transaction is open: while it stays, the transaction does. */
  idle_count = 0;
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #events: WireEvents;
  readonly #one_at_a_time: boolean;
  readonly #sent = new Fifo<Exchange<unknown>>();
  readonly #held = new Fifo<Exchange<unknown>>();
  readonly #deadlines: Deadlines;
  readonly #ended: Promise<void>;
  #holds = 0; // reasons to send nothing more
  #lost: OperationalError | null = null;
  #cancel: Promise<void> | null = null;
  #canceled = false; // the head got 57014
  #tenant: Exchange<unknown> | null = null; // the last sent that occupies the wire

  /** @param one_at_a_time Send nothing behind an unanswered Sync, as transaction poolers need. */
  constructor(line: Line, clock: Clock, events: WireEvents, one_at_a_time: boolean) {
    this.#line = line;
    this.#clock = clock;
    this.#events = events;
    this.#one_at_a_time = one_at_a_time;
    this.#deadlines = new Deadlines(clock, (now) => this.#expire(now));
    line.on_write_error = (cause) => void this.#write_failed(cause);
    this.#ended = this.#read();
  }

  /** Why the wire is dead; null while it lives. */
  get lost(): OperationalError | null {
    return this.#lost;
  }

  /** Whether anything submitted is not done. */
  get busy(): boolean {
    return this.#sent.size > 0 || this.#held.size > 0 || this.#cancel !== null;
  }

  /**
   * Runs `exchange` after all that was submitted before.
   *
   * @param timeout Seconds until its caller is told `TimeoutError`.
   */
  submit(exchange: Exchange<unknown>, timeout: number = Infinity, signal?: AbortSignal): void {
    if (exchange.settled) return;
    if (this.#lost !== null) return exchange.lose(too_late(this.#lost), false);
    if (signal !== undefined) {
      if (signal.aborted) return exchange.reject(signal.reason);
      exchange.watch(signal, () => this.interrupt(exchange, signal.reason));
    }
    if (this.#is_taken(exchange)) return exchange.reject(occupied(this.#tenant!.occupies!));
    if (timeout !== Infinity) this.limit(exchange, timeout);
    if (this.#held.size === 0 && this.#may_send(exchange)) return this.#send(exchange);
    this.#held.push(exchange);
  }

  /** Runs `exchange` before the head, which waits for what comes of it. */
  submit_first(exchange: Exchange<unknown>, timeout: number): void {
    if (this.#lost !== null) return exchange.lose(too_late(this.#lost), false);
    this.limit(exchange, timeout);
    if (this.#encode(exchange)) this.#sent.unshift(exchange);
  }

  /** The head has what it waited for, and looks at its answers again. */
  proceed(head: Exchange<unknown>): void {
    if (this.#sent.peek() === head) this.#ready(head, this.state);
  }

  /**
   * Sets the deadline of an exchange.
   *
   * @param timeout Seconds from now.
   */
  limit(exchange: Exchange<unknown>, timeout: number): void {
    exchange.timeout = timeout;
    exchange.deadline = this.#clock.now() + timeout * 1000;
    this.#deadlines.add(exchange.deadline);
  }

  /** Sends more of an exchange that is under way, such as COPY data. */
  write(encode: (writer: ByteWriter) => void): void {
    if (this.#lost !== null) return;
    const { out } = this.#line;
    const mark = out.length;
    try {
      encode(out);
    } catch (error) {
      out.truncate(mark);
      throw error;
    }
    this.#line.flush_soon();
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
    exchange.reject(reason);
    if (this.#held.remove(exchange)) return this.#ended_one(exchange);
    this.#cancel_if_abandoned();
  }

  /** Cancels what runs on the server now; resolves when the session is usable again, or lost. */
  cancel(): Promise<void> {
    const head = this.#sent.peek();
    if (head === undefined || this.#lost !== null) return Promise.resolve();
    this.#cancel ??= this.#cancel_head(head).finally(() => {
      this.#cancel = null;
      this.#hold(-1);
      this.#cancel_if_abandoned();
      this.#idle_if_done();
    });
    return this.#cancel;
  }

  /** Tells all callers `reason` now, and stops what runs; resolves when nothing does any more. */
  async abandon(reason: unknown): Promise<void> {
    for (const exchange of [...this.#sent, ...this.#held]) this.interrupt(exchange, reason);
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
    const running = this.busy;
    const reason = new InterfaceError("cannot go on with the statement: the connection was closed");
    for (const exchange of [...this.#sent, ...this.#held]) exchange.reject(reason);
    if (running) await this.cancel(); // else the server would finish it first
    if (this.#lost !== null) return;
    encode_terminate(this.#line.out);
    this.#line.flush();
    await within(this.#clock, CLOSE_GRACE, this.#ended);
    this.destroy();
  }

  /** Drops the socket now. Pending exchanges are rejected with `error`. */
  destroy(error: OperationalError = new OperationalError("the connection was closed")): void {
    if (this.#lost !== null) return;
    this.#lost = error;
    this.#deadlines.clear();
    this.#line.close();
    for (const exchange of this.#sent.take()) this.#give_up(exchange, error, true);
    for (const exchange of this.#held.take()) this.#give_up(exchange, too_late(error), false);
    this.#events.lost(error);
  }

  #give_up(exchange: Exchange<unknown>, error: OperationalError, sent: boolean): void {
    exchange.lose(error, sent);
    this.#ended_one(exchange);
  }

  #ended_one(exchange: Exchange<unknown>): void {
    const on_end = exchange.on_end;
    exchange.on_end = null;
    on_end?.();
  }

  #send(exchange: Exchange<unknown>): void {
    if (!this.#encode(exchange)) return this.#ended_one(exchange);
    this.#sent.push(exchange);
    if (exchange.occupies !== null) this.#take(exchange);
    if (exchange.exclusive || this.#one_at_a_time) {
      exchange.exclusive = true;
      this.#holds++;
    }
  }

  /** Gives the wire to an exchange; what waits behind it would wait for its caller. */
  #take(tenant: Exchange<unknown>): void {
    this.#tenant = tenant;
    tenant.exclusive = true;
    for (const exchange of this.#held.take()) {
      exchange.reject(occupied(tenant.occupies!));
      this.#ended_one(exchange);
    }
  }

  /** Whether `exchange` would wait for the caller of another. */
  #is_taken(exchange: Exchange<unknown>): boolean {
    const tenant = this.#tenant;
    if (tenant === null || tenant === exchange) return false;
    return !tenant.settled && tenant.occupies !== null;
  }

  /** False, with nothing written and the exchange rejected, if it cannot be encoded. */
  #encode(exchange: Exchange<unknown>): boolean {
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
  }

  #hold(change: number): void {
    this.#holds += change;
    this.#send_held();
  }

  #send_held(): void {
    while (this.#held.size > 0 && this.#may_send(this.#held.peek()!)) {
      this.#send(this.#held.shift()!);
    }
  }

  #may_send(exchange: Exchange<unknown>): boolean {
    return this.#holds === 0 && (!exchange.alone || this.#sent.size === 0);
  }

  /** What the server said last, such as why it closed, may still be unread. */
  async #write_failed(cause: unknown): Promise<void> {
    await within(this.#clock, CLOSE_GRACE, this.#ended);
    this.destroy(broken(cause));
  }

  async #read(): Promise<void> {
    try {
      do this.#handle_frames(); while (this.#lost === null && await this.#line.read());
      this.destroy(broken(undefined));
    } catch (error) {
      this.destroy(error instanceof OperationalError ? error : broken(error));
    }
  }

  #handle_frames(): void {
    const frames = this.#line.frames;
    while (frames.next()) {
      const head = this.#sent.peek();
      if (frames.tag === BackendTag.DataRow) {
        if (head === undefined) throw unexpected("DataRow");
        if (!head.settled) head.data_row(frames.bytes, frames.view, frames.start, frames.end);
      } else if (frames.tag === BackendTag.CopyData) {
        if (head === undefined) throw unexpected("CopyData");
        if (!head.settled) head.copy_data(frames.bytes, frames.view, frames.start, frames.end);
      } else {
        this.#handle(decode_backend(frames.tag, frames.body()), head);
      }
    }
  }

  #handle(message: BackendMessage, head: Exchange<unknown> | undefined): void {
    switch (message.name) {
      case "NoticeResponse":
        return this.#events.notice(message.diag);
      case "NotificationResponse":
        return this.#events.notification(message);
      case "ParameterStatus":
        return this.#events.parameter(message.parameter, message.value);
      case "ErrorResponse":
        this.#check_fatal(message.diag);
        this.#canceled ||= message.diag.sqlstate === QUERY_CANCELED;
        break;
      case "ReadyForQuery":
        if (head === undefined) break;
        return this.#ready(head, message.state);
    }
    if (head === undefined) throw unexpected(message.name);
    head.message(message);
  }

  /** The server ends the session, whatever was asked. */
  #check_fatal(diag: Diagnostic): void {
    if (diag.severity !== "FATAL" && diag.severity !== "PANIC") return;
    throw new OperationalError(server_message(diag, null), { diag });
  }

  #ready(head: Exchange<unknown>, state: TransactionState): void {
    this.state = state;
    if (state === "I") this.idle_count++;
    const step: Step = head.ready(state);
    if (step === "wait") return;
    if (step === "again" && !head.settled && this.#encode(head)) return;
    this.#sent.shift();
    if (this.#tenant === head) this.#tenant = null;
    if (head.exclusive) this.#hold(-1);
    else this.#send_held();
    this.#ended_one(head);
    this.#cancel_if_abandoned();
    this.#idle_if_done();
  }

  #idle_if_done(): void {
    if (!this.busy && this.#lost === null) this.#events.idle();
  }

  /** The head runs on the server although its caller was told already. */
  #cancel_if_abandoned(): void {
    if (this.#sent.peek()?.settled) void this.cancel();
  }

  /** A cancel is over when its socket closed, and its signal surely hit nothing but the head. */
  async #cancel_head(head: Exchange<unknown>): Promise<void> {
    this.#hold(1);
    this.#canceled = false;
    const stop = new AbortController();
    const ended = new Promise<void>((resolve) => head.on_end = resolve);
    this.resume(); // or its ReadyForQuery would never be read
    try {
      if (head.stop() && await within(this.#clock, STOP_GRACE, ended)) return;
      const both = Promise.all([this.#events.send_cancel(stop.signal), ended]);
      if (!await within(this.#clock, CANCEL_GRACE, both)) {
        throw new Error("it did not confirm in time");
      }
      if (!this.#canceled && this.#lost === null) await this.#absorb_signal();
    } catch (cause) {
      this.destroy(
        new OperationalError(
          "the connection was given up: a statement on it could not be cancelled",
          {
            cause,
          },
        ),
      );
    } finally {
      stop.abort();
    }
  }

  /** The head ended by itself, so the signal may be late: let it hit an empty query. */
  async #absorb_signal(): Promise<void> {
    const barrier = new Barrier();
    this.#send(barrier);
    if (!await within(this.#clock, CANCEL_GRACE, barrier.promise)) {
      throw new Error("it stopped answering");
    }
  }

  #expire(now: number): number {
    let next = Infinity;
    for (const exchange of [...this.#sent, ...this.#held]) {
      if (exchange.settled) continue;
      if (exchange.deadline > now) next = Math.min(next, exchange.deadline);
      else this.interrupt(exchange, timed_out(exchange.timeout));
    }
    return next;
  }
}

/** An empty query. */
class Barrier extends Exchange<void> {
  encode(writer: ByteWriter): void {
    encode_query(writer, "");
  }
  message(): void {}
  ready(): Step {
    this.resolve();
    return "done";
  }
}

function broken(cause: unknown): OperationalError {
  return new OperationalError("the connection to the server was lost", {
    sqlstate: "08006",
    ...(cause === undefined ? { detail: "the server closed it" } : { cause }),
  });
}

/** For what would wait for the caller of `tenant`, which may wait for this in turn. */
function occupied(tenant: string): InterfaceError {
  return new InterfaceError(
    `cannot run the statement: one connection runs one thing at a time, but ${tenant} is open on it`,
    {
      hint: "use a second connection, or in the case of a stream a transaction",
      safe_to_retry: true,
    },
  );
}

/** For what was not sent when the wire was lost. */
function too_late(cause: OperationalError): OperationalError {
  return new OperationalError("cannot run the statement: the connection is lost", {
    sqlstate: cause.sqlstate,
    safe_to_retry: true,
    cause,
  });
}

function timed_out(seconds: number): TimeoutError {
  return new TimeoutError(
    `cannot finish the statement: it must end within ${seconds} s, but has not`,
  );
}
