/**
 * The PGlite database behind an adapter: the caller's, or one that is made for it.
 *
 * Law: what was made here is closed here; what the caller made stays open.
 *
 * Source: https://pglite.dev/docs/api
 *
 * @module
 */

import { NotSupportedError, OperationalError } from "../errors.ts";

/** What is used of a `PGlite`, so that any version will do that has it. */
export interface PgliteDatabase {
  /** Resolves when it can be used. */
  readonly waitReady: Promise<void>;
  /** Whether it was closed. */
  readonly closed: boolean;
  /** Runs protocol messages, and gives the answer piece by piece. */
  execProtocolRawStream(
    message: Uint8Array,
    options: { onRawData: (data: Uint8Array) => void },
  ): Promise<unknown>;
  /** Runs protocol messages for PGlite's own callers. */
  execProtocol(
    message: Uint8Array,
    options: { syncToFs: boolean; throwOnError: boolean },
  ): Promise<unknown>;
  /** Keeps its other callers out meanwhile. */
  runExclusive<T>(fn: () => Promise<T>): Promise<T>;
  /** Ends it. */
  close(): Promise<void>;
}

/**
 * A database of the caller's; or what `PGlite.create()` takes to make one: a directory, or options
 * such as `{ dataDir, loadDataDir, extensions }`.
 */
export type PgliteSource = PgliteDatabase | string | Readonly<Record<string, unknown>>;

/** Makes a database. */
export type MakePglite = (
  source: string | Readonly<Record<string, unknown>>,
) => Promise<PgliteDatabase>;

/** Opens its database when it is needed. */
export class PgliteInstance {
  readonly #source: PgliteSource;
  readonly #make: MakePglite;
  #made: Promise<PgliteDatabase> | null = null;
  #ended: Promise<void> | null = null;

  /** @param make Makes a database where `source` is none. */
  constructor(source: PgliteSource, make: MakePglite = make_pglite) {
    this.#source = source;
    this.#make = make;
  }

  /**
   * The database, ready.
   *
   * @throws {NotSupportedError} If PGlite is not installed.
   * @throws {OperationalError} If the database is closed.
   */
  async open(): Promise<PgliteDatabase> {
    const db = await this.#get();
    await db.waitReady;
    if (db.closed) throw new OperationalError("cannot connect: the PGlite instance is closed");
    return db;
  }

  /** Closes the database that was made here, once; the next `open()` makes another. */
  async close(): Promise<void> {
    this.#ended ??= this.#end();
    await this.#ended;
  }

  async #get(): Promise<PgliteDatabase> {
    const source = this.#source;
    if (is_database(source)) return source;
    this.#ended = null;
    this.#made ??= this.#make(source);
    try {
      return await this.#made;
    } catch (error) {
      this.#made = null;
      throw error;
    }
  }

  async #end(): Promise<void> {
    const made = this.#made;
    this.#made = null;
    await (await made?.catch(() => null))?.close();
  }
}

/** Whether it is a database, and not what makes one. */
export function is_database(source: unknown): source is PgliteDatabase {
  return typeof source === "object" && source !== null && "execProtocolRawStream" in source;
}

async function make_pglite(
  source: string | Readonly<Record<string, unknown>>,
): Promise<PgliteDatabase> {
  const { PGlite } = await load_pglite();
  return typeof source === "string" ? await PGlite.create(source) : await PGlite.create(source);
}

async function load_pglite(): Promise<typeof import("@electric-sql/pglite")> {
  try {
    return await import("@electric-sql/pglite");
  } catch (cause) {
    throw not_installed(cause);
  }
}

/** PGlite cannot be loaded. */
export function not_installed(cause: unknown): NotSupportedError {
  return new NotSupportedError("cannot connect: @electric-sql/pglite cannot be loaded", {
    hint: "npm install @electric-sql/pglite, or deno add npm:@electric-sql/pglite",
    cause,
  });
}
