/**
 * LISTEN, UNLISTEN and NOTIFY, with the server's bounds checked before it cuts names silently.
 *
 * Source: https://www.postgresql.org/docs/current/sql-notify.html
 *
 * @module
 */

import { quote_identifier } from "../../sql/quote.ts";
import { Sql } from "../../sql/template.ts";
import { check_bytes, MAX_NAME } from "../base/checks.ts";

/** Bytes: NOTIFY_PAYLOAD_MAX_LENGTH - 1, src/backend/commands/async.c. */
const MAX_PAYLOAD = 7999;

/** @throws {ProgrammingError | DataError} If `channel` cannot be the name of one. */
export function listen_statement(channel: string): string {
  return `LISTEN ${quote_channel(channel)}`;
}

/** @param channel All, if there is none. */
export function unlisten_statement(channel?: string): string {
  return channel === undefined ? "UNLISTEN *" : `UNLISTEN ${quote_channel(channel)}`;
}

/** @throws {ProgrammingError | DataError} If channel or payload are out of bounds. */
export function notify_statement(channel: string, payload: string): Sql {
  quote_channel(channel);
  check_bytes("notify", "the payload", payload, MAX_PAYLOAD);
  return new Sql(["select pg_catalog.pg_notify(", ", ", ")"], [channel, payload]);
}

function quote_channel(channel: string): string {
  const quoted = quote_identifier(channel);
  check_bytes("use the channel", "its name", channel, MAX_NAME);
  return quoted;
}
