/**
 * `require_auth`: by which methods the server may let the user in.
 *
 * Law: it is asked before a secret is sent, and again when the server asks for none.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html, `require_auth`
 *
 * @module
 */

import { InterfaceError, OperationalError } from "../errors.ts";

const METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"] as const;

/** A method of authentication, as libpq names it; `none`: the server asks for nothing. */
export type AuthMethod = typeof METHODS[number];

/** All methods: what an empty `require_auth` allows. */
export const ANY_AUTH: ReadonlySet<AuthMethod> = new Set(METHODS);

/**
 * The methods that `text` allows.
 *
 * @param text Methods between commas; or methods that are not allowed, with `!` in front of each.
 * @throws {InterfaceError} If a method is unknown or named twice, or both forms are mixed.
 */
export function parse_require_auth(text: string): ReadonlySet<AuthMethod> {
  if (text === "") return ANY_AUTH;
  const items = text.split(",");
  const negative = items[0]!.startsWith("!");
  const named = new Set<AuthMethod>();
  for (const item of items) {
    if (item.startsWith("!") !== negative) {
      throw invalid(`methods with and without "!" must not be mixed`, text);
    }
    const name = negative ? item.slice(1) : item;
    const method = METHODS.find((method) => method === name);
    if (method === undefined) throw invalid(`a method must be one of ${METHODS.join(", ")}`, text);
    if (named.has(method)) throw invalid("a method must be named only once", text);
    named.add(method);
  }
  return negative ? ANY_AUTH.difference(named) : named;
}

/**
 * Refuses a method that is not allowed.
 *
 * @throws {OperationalError} 28000.
 */
export function check_auth(allowed: ReadonlySet<AuthMethod>, method: AuthMethod): void {
  if (allowed.has(method)) return;
  const asked = method === "none" ? "asked for no authentication" : `asked for ${method}`;
  throw new OperationalError(
    `cannot log in: require_auth allows ${[...allowed].join(", ")}, but the server ${asked}`,
    { sqlstate: "28000" },
  );
}

function invalid(rule: string, text: string): InterfaceError {
  return new InterfaceError(
    `cannot read require_auth: ${rule}, but it is ${JSON.stringify(text)}`,
  );
}
