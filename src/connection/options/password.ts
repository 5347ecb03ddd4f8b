/**
 * The password, from whoever has it.
 *
 * Law: it stays inside the function that is returned here.
 *
 * @module
 */

import type { Adapter } from "../../adapters/socket.ts";
import { InterfaceError } from "../../errors.ts";
import type { Settings } from "./given.ts";
import type { Host } from "./hosts.ts";
import { find_password } from "./passfile.ts";
import { path_in, read_first } from "./sources.ts";

/**
 * What gives the password for a host: the one that was given, or what the function gives at that
 * moment, or what the passfile has; null if there is none.
 *
 * @throws {InterfaceError} If `password` is neither a text nor a function.
 */
export function password_reader(
  settings: Settings,
  adapter: Adapter,
  user: string,
  dbname: string,
): (host: Host) => Promise<string | null> {
  const given = settings.value("password");
  if (typeof given === "function") return async () => check_password(await given());
  const password = settings.text("password");
  if (password !== null) return () => Promise.resolve(password);
  const named = settings.text("passfile");
  if (named !== null && adapter.read_text === undefined) {
    const refusal = settings.unsupported("passfile", `there are no files on ${adapter.name}`);
    return () => Promise.reject(refusal); // only a server that asks for a password needs it
  }
  const paths = named !== null ? [named] : [
    path_in(adapter, "HOME", ".pgpass"),
    path_in(adapter, "APPDATA", "postgresql/pgpass.conf"),
  ];
  return async ({ host, port }) => {
    const text = await read_first(adapter, paths, true);
    return text === null ? null : find_password(text, { host, port, dbname, user }) || null;
  };
}

function check_password(password: unknown): string {
  if (typeof password === "string" && !password.includes("\0")) return password;
  throw new InterfaceError(
    "cannot log in: the password function must return a text without NUL, but does not",
  );
}
