/**
 * Where connection parameters come from, and which one counts.
 *
 * Law: the options override the dsn, the dsn overrides the service file, the
 * service file overrides the environment.
 *
 * Source: conninfo_add_defaults, src/interfaces/libpq/fe-connect.c
 *
 * @module
 */

import type { Adapter } from "../../adapters/socket.ts";
import { InterfaceError } from "../../errors.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { parse_dsn } from "./dsn.ts";
import { type Given, Settings } from "./given.ts";
import { keyword, KEYWORDS } from "./keywords.ts";
import { find_service, SERVICE_SOURCE } from "./service_file.ts";

/**
 * Gathers all parameters.
 *
 * @throws {InterfaceError} If one is unknown, the dsn is malformed, or the service does not exist.
 */
export async function gather(
  dsn: string | URL | ConnectOptions | undefined,
  options: ConnectOptions | undefined,
  adapter: Adapter,
): Promise<Settings> {
  const given = new Map<string, Given>();
  add_options(given, options);
  if (typeof dsn === "string" || dsn instanceof URL) add(given, parse_dsn(String(dsn)), "the dsn");
  else add_options(given, dsn);
  await add_service(given, adapter);
  add_environment(given, adapter);
  return new Settings(given);
}

/** Files of the user or the system, the first that can be read. */
export async function read_first(
  adapter: Adapter,
  paths: readonly (string | null)[],
  secret = false,
): Promise<string | null> {
  for (const path of paths) {
    const text = path === null ? undefined : await adapter.read_text?.(path, { secret });
    if (text !== undefined) return text;
  }
  return null;
}

/** A file in a directory that an environment variable names; null where it is unset. */
export function path_in(adapter: Adapter, variable: string, file: string): string | null {
  const directory = adapter.env?.(variable);
  return directory ? `${directory}/${file}` : null;
}

/** Adds what no stronger source gave. */
function add(given: Map<string, Given>, values: Iterable<[string, unknown]>, source: string): void {
  for (const [name, value] of values) {
    if (!given.has(name)) given.set(name, { value, source });
  }
}

function add_options(given: Map<string, Given>, options: ConnectOptions | undefined): void {
  if (options === undefined || options === null) return;
  if (typeof options !== "object") {
    throw new InterfaceError(
      `cannot read the options: they must be an object, but are of type ${typeof options}`,
    );
  }
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    const name = keyword(key, "the options", false);
    if (values.has(name)) {
      throw new InterfaceError(
        "cannot read the options: a parameter must have one name, but dbname and database are given",
      );
    }
    values.set(name, value);
  }
  add(given, values, "the options");
}

async function add_service(given: Map<string, Given>, adapter: Adapter): Promise<void> {
  const settings = new Settings(given);
  const service = given.has("service") ? settings.text("service") : adapter.env?.("PGSERVICE");
  if (!service) return;
  const named = settings.text("servicefile") ?? adapter.env?.("PGSERVICEFILE");
  const paths = [
    named || path_in(adapter, "HOME", ".pg_service.conf"),
    named ? null : path_in(adapter, "APPDATA", "postgresql/.pg_service.conf"),
    path_in(adapter, "PGSYSCONFDIR", "pg_service.conf"),
  ];
  for (const path of paths) {
    const text = await read_first(adapter, [path]);
    const values = text === null ? null : find_service(text, service);
    if (values === null) continue;
    add(given, values, SERVICE_SOURCE);
    return;
  }
  throw new InterfaceError(
    "cannot read the service file: it must have the service that was named, but none has it",
  );
}

function add_environment(given: Map<string, Given>, adapter: Adapter): void {
  for (const [name, variable] of KEYWORDS) {
    if (variable === null || given.has(name)) continue;
    const value = adapter.env?.(variable);
    if (value) given.set(name, { value, source: variable }); // an empty one is as good as unset
  }
  // libpq's old name for one choice.
  if (!given.has("sslmode") && adapter.env?.("PGREQUIRESSL")?.startsWith("1")) {
    given.set("sslmode", { value: "require", source: "PGREQUIRESSL" });
  }
}
