/**
 * Certificates and keys for TLS, from files or as they are.
 *
 * Law: a file that was named and cannot be used is an error, for going on
 * without it would be less than what was asked for.
 *
 * Source: initialize_SSL, src/interfaces/libpq/fe-secure-openssl.c
 *
 * @module
 */

import type { Adapter } from "../../adapters/socket.ts";
import type { SslMode } from "./connect_options.ts";
import type { Settings } from "./given.ts";
import { path_in, read_first } from "./sources.ts";

/** What TLS is to be set up with; PEM texts, null where there is none. */
export interface TlsFiles {
  /** Roots to trust; null: the runtime's own. */
  readonly ca: string | null;
  /** The client's certificate. */
  readonly cert: string | null;
  /** Its key. */
  readonly key: string | null;
}

const NONE: TlsFiles = { ca: null, cert: null, key: null };
const PEM = "-----BEGIN ";
/** What each holds, as PEM ends the name of it. Runtimes do not all say that it is missing. */
const CONTENTS = { sslrootcert: "CERTIFICATE", sslcert: "CERTIFICATE", sslkey: "PRIVATE KEY" };

/**
 * Reads what `sslrootcert`, `sslcert` and `sslkey` name, or their default files.
 *
 * @throws {InterfaceError} If one that was named cannot be read, one holds something else, or a certificate has no key.
 * @throws {NotSupportedError} If the key is encrypted.
 */
export async function read_tls_files(
  settings: Settings,
  sslmode: SslMode,
  adapter: Adapter,
): Promise<TlsFiles> {
  if (sslmode === "disable") return NONE;
  const ca = await read_roots(settings, sslmode, adapter);
  if (settings.value("sslcertmode") === "disable") return { ...NONE, ca };
  const cert = await read_pem(settings, "sslcert", "postgresql.crt", adapter);
  if (cert === null) return { ...NONE, ca };
  const key = await read_pem(settings, "sslkey", "postgresql.key", adapter);
  if (key === null) throw settings.invalid("sslkey", "must be given with sslcert", "is not");
  if (key.includes("ENCRYPTED")) throw settings.unsupported("sslkey", "it must not be encrypted");
  return { ca, cert, key };
}

async function read_roots(
  settings: Settings,
  sslmode: SslMode,
  adapter: Adapter,
): Promise<string | null> {
  const named = settings.text("sslrootcert");
  if (named === "system") return null;
  // What is optional verifies nothing, so it needs no roots.
  if (named === null && (sslmode === "allow" || sslmode === "prefer")) return null;
  return await read_pem(settings, "sslrootcert", "root.crt", adapter);
}

async function read_pem(
  settings: Settings,
  name: keyof typeof CONTENTS,
  default_file: string,
  adapter: Adapter,
): Promise<string | null> {
  const text = await read_text(settings, name, default_file, adapter);
  const content = CONTENTS[name];
  if (text === null || text.includes(`${content}-----`)) return text;
  throw settings.invalid(name, `must have a ${content.toLowerCase()} in PEM`, "has none");
}

async function read_text(
  settings: Settings,
  name: keyof typeof CONTENTS,
  default_file: string,
  adapter: Adapter,
): Promise<string | null> {
  const named = settings.text(name);
  if (named?.includes(PEM)) return named;
  const secret = name === "sslkey";
  const paths = named !== null ? [named] : [
    path_in(adapter, "HOME", `.postgresql/${default_file}`),
    path_in(adapter, "APPDATA", `postgresql/${default_file}`),
  ];
  const text = await read_first(adapter, paths, secret);
  if (text !== null || named === null) return text;
  const owner = secret ? " that only its owner may use" : "";
  throw settings.invalid(
    name,
    `must be a PEM text, or the path of a file${owner}`,
    "cannot be read",
  );
}
