/**
 * One request and all its answers, up to its ReadyForQuery.
 *
 * Law: its promise settles at ReadyForQuery, never before: an error may follow
 * CommandComplete (deferred constraints). Only an interruption or the loss of
 * the wire settles it earlier; what the server still sends is then swallowed.
 *
 * @module
 */

import type { Place } from "../../adapters/socket.ts";
import type { ByteWriter } from "../../bytes/writer.ts";
import { OperationalError } from "../../errors.ts";
import type { BackendMessage, TransactionState } from "../../protocol/backend.ts";
import { here } from "../base/place.ts";

/**
 * What the Wire does after a ReadyForQuery: go on with the next exchange; the same, although the
 * caller of this one waits for something else; send the next step of this one, which must be
 * exclusive; leave the wire to it until it sends more by itself; or run it once more, as
 * `SendOrder.repeat()` does.
 */
export type Step = "done" | "detach" | "again" | "wait" | "anew";

/** Base of everything that a Wire runs. */
export abstract class Exchange<T> {
  /** Settles with the outcome. */
  readonly promise: Promise<T>;
  /** On the wire's clock, in milliseconds; the caller is told by then. */
  deadline: number = Infinity;
  /** The seconds that the deadline was made of, for the message. */
  timeout: number = Infinity;
  /** Nothing may be sent behind it before it is done. */
  exclusive: boolean = false;
  /** It was done within `QUICK_MS` when it last ran, and leaves no transaction open. */
  quick: boolean = false;
  /** It failed by a cancel that was meant for one before it. */
  was_bystander: boolean = false;
  /** It is sent before the head of the wire, which waits for it. */
  goes_first: boolean = false;
  /** It is sent when all before it is done, so that it can look at the transaction's state. */
  alone: boolean = false;
  /**
   * What it is, such as `a stream`, if its end depends on its caller: what is submitted after it
   * is then refused, as waiting for the caller might never end. Such an exchange is exclusive.
   */
  occupies: string | null = null;
  /** Whether `promise` has its outcome. */
  settled: boolean = false;
  /** Called by the wire when the last answer is in, or will never come. */
  on_end: (() => void) | null = null;
  /** Called when `promise` has its outcome. */
  on_settle: (() => void) | null = null;

  #resolve!: (value: never) => void; // `never` keeps the class covariant in T
  #reject!: (error: unknown) => void;
  #signal: AbortSignal | null = null;
  #on_abort: (() => void) | null = null;

  /** Makes a pending promise. */
  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Writes the whole request, or of each step. A throw rejects the exchange; nothing is sent. */
  abstract encode(writer: ByteWriter): void;

  /** Takes a message other than DataRow, CopyData, ReadyForQuery and those that may come at any time. */
  abstract message(message: BackendMessage): void;

  /** The answers are complete, or those to one of several steps. */
  abstract ready(state: TransactionState): Step;

  /** Takes the row whose DataRow body is `bytes[start, end)`, valid during the call. */
  data_row(_bytes: Uint8Array, _view: DataView, _start: number, _end: number): void {
    throw unexpected("DataRow");
  }

  /** Takes the CopyData body `bytes[start, end)`, valid during the call. */
  copy_data(_bytes: Uint8Array, _view: DataView, _start: number, _end: number): void {
    throw unexpected("CopyData");
  }

  /**
   * It is to end although its answers are not complete: called before a CancelRequest is sent.
   * Where it is the server that waits, this sends what makes it be ready.
   *
   * @returns Whether a CancelRequest may then be spared.
   */
  stop(): boolean {
    return false;
  }

  /** The wire is lost. `sent`: whether any byte of the request left. */
  lose(error: OperationalError, _sent: boolean): void {
    this.reject(error);
  }

  /** For the wire: `lose()`, and no answer will come. */
  drop(error: OperationalError, sent: boolean): void {
    this.lose(error, sent);
    this.end();
  }

  /** For the wire: it will not be sent. */
  refuse(reason: unknown): void {
    this.reject(reason);
    this.end();
  }

  /** For the wire: the last answer is in, or will never come. */
  end(): void {
    const on_end = this.on_end;
    this.on_end = null;
    on_end?.();
  }

  /** Calls `interrupt` when `signal` aborts before the outcome: in `place`, wherever that is done. */
  watch(signal: AbortSignal, interrupt: () => void, place?: Place): void {
    this.#signal = signal;
    this.#on_abort = place === undefined ? interrupt : here(interrupt);
    signal.addEventListener("abort", this.#on_abort, { once: true });
  }

  /** Settles `promise`; later calls do nothing. */
  resolve(value: T): void {
    if (this.settled) return;
    this.#settle();
    this.#resolve(value as never);
  }

  /** Settles `promise`; later calls do nothing. */
  reject(error: unknown): void {
    if (this.settled) return;
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.settled = true;
    this.on_settle?.();
    if (this.#on_abort === null) return;
    this.#signal!.removeEventListener("abort", this.#on_abort);
    this.#on_abort = this.#signal = null;
  }
}

/** For messages that have no place where they came. */
export function unexpected(name: string): OperationalError {
  return new OperationalError(
    `cannot go on with the connection: the server sent ${name} where it has no place`,
    { sqlstate: "08P01", hint: "a proxy between may have mixed up two conversations" },
  );
}

/** Whether an error says that the conversation itself went wrong. */
export function is_protocol_error(error: unknown): error is OperationalError {
  return error instanceof OperationalError && error.sqlstate === "08P01";
}
