/**
 * Password files: `host:port:database:user:password`, one line each.
 *
 * Law: a password goes to no other host, port, database or user than its line says.
 *
 * Source: passwordFromFile, src/interfaces/libpq/fe-connect.c, and
 * https://www.postgresql.org/docs/current/libpq-pgpass.html
 *
 * @module
 */

/** Where the password would be sent. */
export interface PassfileKey {
  /** The host as the user named it: a name, an address, or the directory of a Unix socket. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The database. */
  readonly dbname: string;
  /** The user. */
  readonly user: string;
}

/** Where servers of most distributions listen; passfiles call it `localhost`. */
const SOCKET_DIRECTORIES = ["/var/run/postgresql", "/run/postgresql"];

/**
 * The password of the first line that matches; null if none does.
 *
 * @param text The whole file. `*` as a field matches everything, and a backslash
 * makes the next character an ordinary one.
 */
export function find_password(text: string, key: PassfileKey): string | null {
  const host = SOCKET_DIRECTORIES.includes(key.host) ? "localhost" : key.host;
  const wanted = [host, String(key.port), key.dbname, key.user];
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const fields = line.replace(/\r+$/, "").match(FIELD) ?? [];
    const password = fields[wanted.length];
    if (password === undefined) continue;
    if (
      wanted.every((value, index) => fields[index] === "*" || unescape(fields[index]!) === value)
    ) {
      return unescape(password);
    }
  }
  return null;
}

/** What stands between colons: everything but a colon and a backslash, or a backslash and what it escapes. */
const FIELD = /(?<=^|:)(?:[^:\\]|\\.|\\$)*/gs;

function unescape(field: string): string {
  return field.replace(/\\(.)/gs, "$1");
}
