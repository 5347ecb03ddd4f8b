/**
 * The body of an Authentication message, whose first four bytes say which it is.
 *
 * Law: a method that is not spoken here is read by its name alone; to refuse it
 * is up to who authenticates.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 *
 * @module
 */

import type { ByteReader } from "../bytes/reader.ts";

/** An Authentication message. What asks for a method that is not spoken here names it. */
export type AuthenticationMessage =
  | { readonly name: "AuthenticationOk" }
  | { readonly name: "AuthenticationCleartextPassword" }
  | { readonly name: "AuthenticationMD5Password"; readonly salt: Uint8Array }
  | { readonly name: "AuthenticationSASL"; readonly mechanisms: readonly string[] }
  | { readonly name: "AuthenticationSASLContinue"; readonly data: Uint8Array }
  | { readonly name: "AuthenticationSASLFinal"; readonly data: Uint8Array }
  | { readonly name: "AuthenticationUnsupported"; readonly method: string };

/**
 * Reads the body of an Authentication message.
 *
 * @throws {OperationalError} 08P01 if it is malformed.
 */
export function read_authentication(reader: ByteReader): AuthenticationMessage {
  const code = reader.i32();
  switch (code) {
    case 0:
      return { name: "AuthenticationOk" };
    case 3:
      return { name: "AuthenticationCleartextPassword" };
    case 5:
      return { name: "AuthenticationMD5Password", salt: reader.raw(4).slice() };
    case 10:
      return { name: "AuthenticationSASL", mechanisms: read_texts(reader) };
    case 11:
      return { name: "AuthenticationSASLContinue", data: reader.rest().slice() };
    case 12:
      return { name: "AuthenticationSASLFinal", data: reader.rest().slice() };
  }
  reader.rest(); // unknown, so not ours to check
  return {
    name: "AuthenticationUnsupported",
    method: unsupported_methods.get(code) ?? `method ${code}`,
  };
}

/** AUTH_REQ_*, src/include/libpq/protocol.h. */
const unsupported_methods: ReadonlyMap<number, string> = new Map([
  [1, "Kerberos V4"],
  [2, "Kerberos V5"],
  [4, "crypt"],
  [6, "SCM credentials"],
  [7, "GSSAPI"],
  [8, "GSSAPI"], // its continuation
  [9, "SSPI"],
]);

/** Texts up to an empty one. */
function read_texts(reader: ByteReader): string[] {
  const texts: string[] = [];
  for (let text = reader.cstring(); text !== ""; text = reader.cstring()) texts.push(text);
  return texts;
}
