/**
 * Who hears what a session is told besides answers.
 *
 * @module
 */

import type { Diagnostic, OperationalError } from "../../errors.ts";

/** What LISTEN brings. */
export interface Notification {
  /** The channel. */
  readonly channel: string;
  /** What NOTIFY gave with it; empty if nothing. */
  readonly payload: string;
  /** The server process that sent it. */
  readonly pid: number;
}

/** The handle that a session is lent to, or the pool. */
export interface SessionOwner {
  /** The server remarks. */
  on_notice?(notice: Diagnostic): void;
  /** What LISTEN brings. */
  on_notification?(notification: Notification): void;
  /** The session is dead. */
  on_lost?(error: OperationalError): void;
  /** Everything submitted is done. */
  on_idle?(): void;
}
