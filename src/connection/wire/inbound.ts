/**
 * Gives each message that comes in to whom it is for.
 *
 * Law: an answer is for the first exchange that was sent and is not done; where
 * there is none, the server answers what was not asked, and is given up. Notices,
 * notifications and settings may come at any time.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Asynchronous Operations)
 *
 * @module
 */

import type { Diagnostic } from "../../errors.ts";
import {
  type BackendMessage,
  decode_backend,
  type TransactionState,
} from "../../protocol/backend.ts";
import type { FrameDecoder } from "../../protocol/frame.ts";
import { BackendTag } from "../../protocol/tags.ts";
import type { Fifo } from "../base/fifo.ts";
import { type Exchange, unexpected } from "./exchange.ts";
import { fatal } from "./wire_errors.ts";

const QUERY_CANCELED = "57014";

/** Who hears of what comes at any time, and of what fails. */
export interface Listeners {
  /** NoticeResponse. */
  notice(diag: Diagnostic): void;
  /** NotificationResponse. */
  notification(message: BackendMessage & { name: "NotificationResponse" }): void;
  /** ParameterStatus. */
  parameter(name: string, value: string): void;
  /** ErrorResponse, beside who is answered by it. */
  failed(diag: Diagnostic): void;
}

/** The way from frames to exchanges. */
export class Inbound {
  #canceled = false;
  #target: Exchange<unknown> | null = null;
  readonly #frames: FrameDecoder;
  readonly #sent: Fifo<Exchange<unknown>>;
  readonly #listeners: Listeners;
  readonly #ready: (head: Exchange<unknown>, state: TransactionState) => void;

  /**
   * @param sent What waits for answers, in the order in which they come.
   * @param ready Told of ReadyForQuery, and whose it is.
   */
  constructor(
    frames: FrameDecoder,
    sent: Fifo<Exchange<unknown>>,
    listeners: Listeners,
    ready: (head: Exchange<unknown>, state: TransactionState) => void,
  ) {
    this.#frames = frames;
    this.#sent = sent;
    this.#listeners = listeners;
    this.#ready = ready;
  }

  /** Whether some statement failed because it was cancelled, since a cancel was to be expected. */
  get canceled(): boolean {
    return this.#canceled;
  }

  /** A cancel is about to be sent that is meant for `target`; null: none will hit any more. */
  expect_cancel(target: Exchange<unknown> | null): void {
    this.#canceled = false;
    this.#target = target;
  }

  /** Handles all frames that are whole. Throws where the server breaks the protocol or ends the session. */
  handle(): void {
    const frames = this.#frames;
    while (frames.next()) {
      const head = this.#sent.peek();
      if (frames.tag === BackendTag.DataRow) {
        if (head === undefined) throw unexpected("DataRow");
        if (!head.settled) head.data_row(frames.bytes, frames.view, frames.start, frames.end);
      } else if (frames.tag === BackendTag.CopyData) {
        if (head === undefined) throw unexpected("CopyData");
        if (!head.settled) head.copy_data(frames.bytes, frames.view, frames.start, frames.end);
      } else {
        const { tag, bytes, start, end, view } = frames;
        this.#message(decode_backend(tag, bytes, start, end, view), head);
      }
    }
  }

  #message(message: BackendMessage, head: Exchange<unknown> | undefined): void {
    switch (message.name) {
      case "NoticeResponse":
        return this.#listeners.notice(message.diag);
      case "NotificationResponse":
        return this.#listeners.notification(message);
      case "ParameterStatus":
        return this.#listeners.parameter(message.parameter, message.value);
      case "ErrorResponse":
        if (is_fatal(message.diag)) throw fatal(message.diag);
        if (message.diag.sqlstate === QUERY_CANCELED) this.#note_cancel(head);
        this.#listeners.failed(message.diag);
        break;
      case "ReadyForQuery":
        if (head === undefined) break;
        return this.#ready(head, message.state);
    }
    if (head === undefined) throw unexpected(message.name);
    head.message(message);
  }

  #note_cancel(head: Exchange<unknown> | undefined): void {
    this.#canceled = true;
    if (head !== undefined && this.#target !== null) head.was_bystander = head !== this.#target;
  }
}

function is_fatal({ severity }: Diagnostic): boolean {
  return severity === "FATAL" || severity === "PANIC";
}
