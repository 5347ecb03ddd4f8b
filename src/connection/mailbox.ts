/**
 * What a handle hears of its session besides answers.
 *
 * Law: it does not hold the handle, so that a pool notices when nobody else does.
 *
 * Most handles hear nothing and are asked nothing, so nothing is made before it is needed.
 *
 * @module
 */

import type { Clock } from "../adapters/socket.ts";
import type { OperationalError, PgError } from "../errors.ts";
import type { Notice } from "./connection_settings.ts";
import { NotificationQueue } from "./notifies.ts";
import type { Notification, SessionOwner } from "./session.ts";
import { warn, type WarningEvent } from "./warnings.ts";

const MAX_NOTICES = 50;

/** Notices and notifications of one handle. */
export class Mailbox implements SessionOwner {
  readonly #clock: Clock;
  readonly #on_warning: ((event: WarningEvent) => void) | undefined;
  #notices: Notice[] | null = null;
  #notifies: NotificationQueue | null = null;
  #end: PgError | null = null;

  /** @param clock For those who wait for a notification. */
  constructor(clock: Clock, on_warning: ((event: WarningEvent) => void) | undefined) {
    this.#clock = clock;
    this.#on_warning = on_warning;
  }

  /** The last 50 notices. */
  get notices(): readonly Notice[] {
    return this.#notices ??= [];
  }

  /** What LISTEN brings. */
  get notifies(): NotificationQueue {
    if (this.#notifies !== null) return this.#notifies;
    const on_overflow = (message: string) => warn(message, this.#on_warning);
    const queue = this.#notifies = new NotificationQueue(this.#clock, on_overflow);
    if (this.#end !== null) queue.end(this.#end);
    return queue;
  }

  /** No notification will come any more, for this reason; the first one counts. */
  end(reason: PgError): void {
    this.#end ??= reason;
    this.#notifies?.end(reason);
  }

  /** SessionOwner. */
  on_notice(notice: Notice): void {
    const notices = this.#notices ??= [];
    if (notices.push(notice) > MAX_NOTICES) notices.shift();
  }

  /** SessionOwner. */
  on_notification(notification: Notification): void {
    if (this.#end === null) this.notifies.put(notification);
  }

  /** SessionOwner. */
  on_lost(error: OperationalError): void {
    this.end(error);
  }
}
