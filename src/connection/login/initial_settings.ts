/**
 * Settings of the startup message for a session that began before it, as an in-process server has.
 *
 * Law: such a session has what a new one would have: from its first statement on, and again after
 * every reset.
 *
 * Source: process_startup_options, src/backend/utils/init/postinit.c
 *
 * @module
 */

import { DatabaseError, OperationalError } from "../../errors.ts";
import { object_row } from "../../rows/factories.ts";
import { quote_literal } from "../../sql/quote.ts";
import type { Session } from "../session/session.ts";

/** What is in the startup message and no setting, or one that such a session does not need. */
const NO_SETTINGS: ReadonlySet<string> = new Set([
  "user",
  "database",
  "replication",
  "client_encoding",
]);
/** One word of `options`: a backslash keeps a space in it. */
const WORD = /(?:\\[^]|[^\s\\])+/g;
/** `-c name=value`, `-cname=value` or `--name=value`, where `-c` is at the end of the word before. */
const SETTING = /^(?:-c|--)?([\w.-]+)=([^]*)$/;

/**
 * Statements that set what `startup` sets; empty if that is nothing.
 *
 * @param startup The parameters of the startup message.
 */
export function settings_sql(startup: ReadonlyMap<string, string>): string {
  const settings: (readonly [string, string])[] = [];
  for (const [name, value] of startup) {
    if (name === "options") settings.push(...settings_of(value));
    else if (!NO_SETTINGS.has(name)) settings.push([name, value]);
  }
  return settings.map(([name, value]) =>
    `SELECT pg_catalog.set_config(${quote_literal(name)}, ${quote_literal(value)}, false)`
  ).join("; ");
}

/** Runs `session.initial_settings`, as a part of connecting. */
export async function apply_settings(session: Session, signal: AbortSignal): Promise<void> {
  if (session.initial_settings === "") return;
  try {
    await session.simple(session.initial_settings, {
      row_factory: object_row,
      timeout: Infinity,
      signal,
    });
  } catch (error) {
    session.terminate();
    if (!(error instanceof DatabaseError) || error.diag === null) throw error;
    throw new OperationalError(error.message, { diag: error.diag });
  }
}

function* settings_of(options: string): Iterable<readonly [string, string]> {
  for (const [word] of options.matchAll(WORD)) {
    const match = SETTING.exec(word.replaceAll(/\\([^])/g, "$1"));
    if (match !== null) yield [match[1]!.replaceAll("-", "_"), match[2]!];
  }
}
