/**
 * What the startup message says of the session: who, where, and settings.
 *
 * Law: nothing is sent that was not asked for, since poolers refuse settings
 * they do not know; only `client_encoding` is always there.
 *
 * Source: build_startup_packet, src/interfaces/libpq/fe-protocol3.c
 *
 * @module
 */

import type { Adapter } from "../../adapters/socket.ts";
import type { Settings } from "./given.ts";

/** What has an option of its own, and would change who logs in, or how. */
const RESERVED = ["user", "database", "dbname", "options", "replication", "client_encoding"];
const REPLICATION = new Map([
  ...["true", "on", "yes", "1"].map((word): [string, string] => [word, "true"]),
  ...["false", "off", "no", "0"].map((word): [string, string] => [word, ""]),
  ["database", "database"],
]);

/**
 * The startup message's parameters, by name.
 *
 * @throws {InterfaceError} If a server setting has no plain name or value, or an option of its own.
 */
export function startup_parameters(
  settings: Settings,
  user: string,
  dbname: string,
  adapter: Adapter,
): ReadonlyMap<string, string> {
  const parameters = new Map([["user", user], ["database", dbname], ["client_encoding", "UTF8"]]);
  const replication = REPLICATION.get(settings.text("replication")?.toLowerCase() ?? "off");
  if (replication === undefined) {
    throw settings.invalid("replication", "must be true, false or database");
  }
  const own: Record<string, string | null | undefined> = {
    replication,
    timezone: adapter.env?.("PGTZ"),
    datestyle: adapter.env?.("PGDATESTYLE"),
    geqo: adapter.env?.("PGGEQO"),
    application_name: settings.text("fallback_application_name"),
    ...server_settings(settings),
    options: settings.text("options"),
  };
  own["application_name"] = settings.text("application_name") ?? own["application_name"];
  for (const [name, value] of Object.entries(own)) {
    if (value) parameters.set(name, value);
  }
  return parameters;
}

function server_settings(settings: Settings): Record<string, string> {
  const rule = "must be an object of texts, numbers and booleans";
  const given = settings.object<Record<string, unknown>>(
    "server_settings",
    rule,
    (value) => typeof value === "object" && !Array.isArray(value),
  );
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined) continue;
    if (!/^[\w.]+$/.test(name) || name.startsWith("_pq_.")) {
      throw settings.invalid("server_settings", "must have names of settings", "has another name");
    }
    if (RESERVED.includes(name.toLowerCase())) {
      throw settings.invalid("server_settings", `must not have ${name}`, "does");
    }
    if (!["string", "number", "boolean"].includes(typeof value) || String(value).includes("\0")) {
      throw settings.invalid("server_settings", rule, `${name} is none`);
    }
    values[name] = String(value);
  }
  return values;
}
