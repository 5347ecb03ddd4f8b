/**
 * What a handle hears of its session besides answers.
 *
 * Law: it does not hold the handle, so that a pool notices when nobody else does.
 *
 * Most handles hear nothing and are asked nothing, so nothing is made before it is needed.
 *
 * @module
 */

import type { OperationalError, PgError } from "../../errors.ts";
import { check_place } from "../base/place.ts";
import { warn, type WarningEvent } from "../base/warnings.ts";
import type { Session } from "../session/session.ts";
import type { Notification, SessionOwner } from "../session/session_owner.ts";
import type { Notice } from "./connection_settings.ts";
import { NotificationQueue } from "./notifies.ts";

const MAX_NOTICES = 50;

/** Notices and notifications of one handle. */
export class Mailbox implements SessionOwner {
  readonly #session: Session;
  readonly #on_warning: ((event: WarningEvent) => void) | undefined;
  #notices: Notice[] | null = null;
  #notifies: NotificationQueue | null = null;
  #end: PgError | null = null;

  /** @param session Where those are who wait for a notification; what it heard before is taken over. */
  constructor(session: Session, on_warning: ((event: WarningEvent) => void) | undefined) {
    this.#session = session;
    this.#on_warning = on_warning;
    const { notices, notifications } = session.unheard;
    if (notices.length + notifications.length === 0) return;
    for (const notice of notices.splice(0)) this.on_notice(notice);
    for (const { channel, payload, pid } of notifications.splice(0)) {
      this.on_notification({ channel, payload, pid });
    }
  }

  /** The last 50 notices. */
  get notices(): readonly Notice[] {
    return this.#notices ??= [];
  }

  /** What LISTEN brings. */
  get notifies(): NotificationQueue {
    if (this.#notifies !== null) return this.#notifies;
    const { clock, place } = this.#session;
    const queue = this.#notifies = new NotificationQueue(
      clock,
      (message) => warn(message, this.#on_warning),
      () => check_place(place, "wait for a notification"),
    );
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
