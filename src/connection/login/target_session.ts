/**
 * `target_session_attrs`: which kinds of server a session may be on.
 *
 * Servers since 14 report what is needed, so most checks cost nothing.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html, `target_session_attrs`
 *
 * @module
 */

import { scalar_row } from "../../rows/factories.ts";
import type { TargetSessionAttrs } from "../options/connect_options.ts";
import type { Session } from "../session/session.ts";

/** A demand that one pass over the hosts can meet. */
export type Wanted = Exclude<TargetSessionAttrs, "prefer-standby">;

/** Seconds for the question to a server that does not report by itself. */
const TIMEOUT = 10;

/** The passes over the hosts: who prefers a standby takes any the second time. */
export function passes(wanted: TargetSessionAttrs): readonly Wanted[] {
  return wanted === "prefer-standby" ? ["standby", "any"] : [wanted];
}

/** Whether the session is of the kind that is wanted. */
export async function is_acceptable(session: Session, wanted: Wanted): Promise<boolean> {
  switch (wanted) {
    case "any":
      return true;
    case "read-write":
      return !await is_read_only(session);
    case "read-only":
      return await is_read_only(session);
    case "primary":
      return !await is_standby(session);
    case "standby":
      return await is_standby(session);
  }
}

/**
 * Whether the server has shown since that the session is no longer of the kind that was wanted: by
 * what it reports, or by refusing to write, as one of before 14 does that was made a standby.
 */
export function has_turned(session: Session, wanted: TargetSessionAttrs): boolean {
  const is_standby = reported(session, "in_hot_standby");
  const is_read_only = reported(session, "default_transaction_read_only");
  switch (wanted) {
    case "any":
    case "prefer-standby":
      return false;
    case "primary":
      return is_standby === true || session.refused_writes;
    case "read-write":
      return is_standby === true || is_read_only === true || session.refused_writes;
    case "standby":
      return is_standby === false;
    case "read-only":
      return is_standby === false && is_read_only === false;
  }
}

async function is_standby(session: Session): Promise<boolean> {
  return reported(session, "in_hot_standby") ??
    await ask(session, "pg_catalog.pg_is_in_recovery()");
}

async function is_read_only(session: Session): Promise<boolean> {
  if (await is_standby(session)) return true;
  return reported(session, "default_transaction_read_only") ??
    await ask(session, "pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool");
}

function reported(session: Session, name: string): boolean | undefined {
  const value = session.parameters.get(name);
  return value === undefined ? undefined : value === "on";
}

async function ask(session: Session, expression: string): Promise<boolean> {
  const options = { row_factory: scalar_row, timeout: TIMEOUT };
  const { rows } = await session.query<boolean>(`select ${expression}`, [], options);
  return rows[0] === true;
}
