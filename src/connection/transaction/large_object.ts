/**
 * A large object, read and written in pieces.
 *
 * Laws: it lives in the transaction that opened it, and is never taken for one
 * of another. No piece is longer than a mebibyte, and none that the server
 * returns is longer than what was asked for.
 *
 * Source: https://www.postgresql.org/docs/current/lo-funcs.html and
 * psycopg2's lobject, https://www.psycopg.org/docs/extensions.html#psycopg2.extensions.lobject
 *
 * @module
 */

import { kind_of } from "../../codecs/kinds.ts";
import { InterfaceError, ProgrammingError } from "../../errors.ts";
import { type Sql, sql } from "../../sql/template.ts";
import type { CallOptions } from "../base/call_options.ts";
import type { SessionControl } from "../handle/session_control.ts";
import type { Scopes } from "../session/scopes.ts";
import type { Session } from "../session/session.ts";
import { Tenure } from "../session/tenure.ts";
import { unexpected } from "../wire/exchange.ts";

/** Most bytes in one piece. */
const CHUNK = 1 << 20;
/** Flags of lo_open: src/include/libpq/libpq-fs.h. */
const INV_WRITE = 0x20000;
const INV_READ = 0x40000;
const FLAGS: Readonly<Record<string, number>> = {
  r: INV_READ,
  w: INV_WRITE,
  rw: INV_READ | INV_WRITE,
  n: 0,
};

/** Where a large object is opened. */
export interface LargeObjectHost {
  readonly connection: SessionControl;
  readonly session: Session;
  readonly scopes: Scopes;
}

/**
 * Opens a large object, or makes one where `oid` is 0.
 *
 * @param mode `r`, `w` or `rw`; `n` does not open it; a `b` or `t` behind is accepted.
 */
export async function open_large_object(
  host: LargeObjectHost,
  oid: number,
  mode: string,
  options: CallOptions,
): Promise<LargeObject> {
  const flags = parse_mode(mode);
  if (!Number.isInteger(oid) || oid < 0) {
    const fact = typeof oid === "number" ? oid : kind_of(oid);
    throw new ProgrammingError(
      `cannot open a large object: the oid must be a whole number, 0 for a new one, but is ${fact}`,
    );
  }
  if (!host.scopes.in_transaction && !host.connection.closed) {
    throw new ProgrammingError("cannot open a large object: it must be in a transaction", {
      hint: "use begin() or transaction()",
    });
  }
  const { connection } = host;
  const known = oid !== 0
    ? oid
    : Number(await connection.fetchval(sql`select pg_catalog.lo_create(0)`, null, options));
  const fd = flags === 0
    ? null
    : await connection.fetchval(sql`select pg_catalog.lo_open(${known}, ${flags})`, null, options);
  return new LargeObject(host, known, mode, fd === null ? null : Number(fd));
}

/** An open large object. It ends with its transaction, if not before. */
export class LargeObject implements AsyncDisposable {
  /** Its OID. */
  readonly oid: number;
  /** How it was opened. */
  readonly mode: string;
  readonly #host: LargeObjectHost;
  readonly #fd: number | null;
  readonly #tenure: Tenure;
  #closed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #writable: WritableStream<Uint8Array | string> | null = null;

  /** Large objects are opened by `lobject()`. */
  constructor(host: LargeObjectHost, oid: number, mode: string, fd: number | null) {
    this.oid = oid;
    this.mode = mode;
    this.#host = host;
    this.#fd = fd;
    this.#tenure = new Tenure(host.session.wire, host.scopes);
  }

  /** Whether it was closed, or its transaction has ended. */
  get closed(): boolean {
    return this.#closed || !this.#is_valid();
  }

  /** Its bytes from the position on, read as they are asked for. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#readable ??= new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        const bytes = await this.#read_piece(CHUNK);
        if (bytes.length === 0) controller.close();
        else controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
    return this.#readable;
  }

  /** Writes at the position. Closing the stream leaves the object open. */
  get writable(): WritableStream<Uint8Array | string> {
    this.#writable ??= new WritableStream<Uint8Array | string>({
      write: async (chunk) => {
        await this.write(chunk);
      },
    });
    return this.#writable;
  }

  /**
   * Reads at the position, and moves it.
   *
   * @param size Most bytes to read. Default: all that is left, in memory at once; see `readable`.
   * @returns Fewer bytes only at the end.
   * @throws {ProgrammingError} If its transaction has ended.
   * @throws {InterfaceError} If it is closed.
   */
  async read(size: number = Infinity, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    if (size !== Infinity) check_position("read", "size", size);
    this.#check("read");
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    while (length < size) {
      const asked = Math.min(size - length, CHUNK);
      const piece = await this.#read_piece(asked, options);
      pieces.push(piece);
      length += piece.length;
      if (piece.length < asked) break;
    }
    return pieces.length === 1 ? pieces[0]! : concat(pieces, length);
  }

  /**
   * Writes at the position, and moves it.
   *
   * @param data Bytes, or text to be written as UTF-8.
   * @returns How many bytes that were.
   */
  async write(data: Uint8Array | string, options: CallOptions = {}): Promise<number> {
    this.#check("write");
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    if (!(bytes instanceof Uint8Array)) {
      throw new ProgrammingError(
        `cannot write: the data must be a Uint8Array or text, but is of type ${typeof data}`,
      );
    }
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + CHUNK);
      const written = await this.#number(
        "write",
        (fd) => sql`select pg_catalog.lowrite(${fd}, ${piece})`,
        options,
      );
      if (!(written > 0 && written <= piece.length)) {
        throw unexpected(`a count of ${written} bytes`);
      }
      at += written;
    }
    return bytes.length;
  }

  /**
   * Moves the position.
   *
   * @param whence From where: 0 the start, 1 here, 2 the end.
   * @returns The position from the start, in bytes.
   */
  async seek(offset: number, whence: 0 | 1 | 2 = 0, options: CallOptions = {}): Promise<number> {
    if (!Number.isSafeInteger(offset)) {
      throw new ProgrammingError(
        `cannot seek: the offset must be a whole number, but is ${offset}`,
      );
    }
    return await this.#number(
      "seek",
      (fd) => sql`select pg_catalog.lo_lseek64(${fd}, ${offset}, ${whence})`,
      options,
    );
  }

  /** The position from the start, in bytes. */
  async tell(options: CallOptions = {}): Promise<number> {
    return await this.#number("tell", (fd) => sql`select pg_catalog.lo_tell64(${fd})`, options);
  }

  /** Cuts it, or fills it with zeros, to `length` bytes. The position stays. */
  async truncate(length: number = 0, options: CallOptions = {}): Promise<void> {
    check_position("truncate", "length", length);
    const statement = (fd: number) => sql`select pg_catalog.lo_truncate64(${fd}, ${length})`;
    await this.#number("truncate", statement, options);
  }

  /** Closes it, and removes it from the database. */
  async unlink(options: CallOptions = {}): Promise<void> {
    await this.close(options);
    this.#check_valid("unlink");
    const statement = sql`select pg_catalog.lo_unlink(${this.oid})`;
    await this.#host.connection.execute(statement, null, options);
  }

  /** Closes it; the object stays in the database. Closing again, or after the transaction, does nothing. */
  async close(options: CallOptions = {}): Promise<void> {
    if (this.closed) return;
    this.#closed = true;
    if (this.#fd === null) return;
    const statement = sql`select pg_catalog.lo_close(${this.#fd})`;
    await this.#host.connection.execute(statement, null, options);
  }

  /** `close()`, unless the transaction has failed. Never rejects: the transaction closes it in any case. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#host.session.state !== "E") await this.close().catch(() => {});
  }

  async #read_piece(size: number, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const fd = this.#check("read");
    const statement = sql`select pg_catalog.loread(${fd}, ${size})`;
    const { connection } = this.#host;
    const piece = await connection.fetchval<Uint8Array<ArrayBuffer>>(statement, null, options);
    if (piece instanceof Uint8Array && piece.length <= size) return piece;
    throw unexpected("more of a large object than was asked for");
  }

  async #number(
    action: string,
    statement: (fd: number) => Sql,
    options: CallOptions,
  ): Promise<number> {
    const fd = this.#check(action);
    return Number(await this.#host.connection.fetchval(statement(fd), null, options));
  }

  #check(action: string): number {
    this.#check_valid(action);
    if (this.#closed || this.#fd === null) {
      throw new InterfaceError(
        `cannot ${action}: the large object is ${
          this.#closed ? "closed" : "not open: its mode is n"
        }`,
      );
    }
    return this.#fd;
  }

  #check_valid(action: string): void {
    if (this.#is_valid() || this.#host.connection.closed) return;
    throw new ProgrammingError(
      `cannot ${action}: the transaction that opened the large object has ended`,
    );
  }

  /** The server closes it where its savepoint is rolled back, and may use its number again. */
  #is_valid(): boolean {
    return !this.#host.connection.closed && !this.#tenure.is_over;
  }
}

function parse_mode(mode: string): number {
  const flags = FLAGS[/^(r|w|rw|n)[bt]?$/.exec(mode)?.[1] ?? ""];
  if (flags !== undefined) return flags;
  throw new ProgrammingError(
    `cannot open a large object: mode must be r, w, rw or n, but is ${JSON.stringify(mode)}`,
  );
}

function check_position(action: string, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new ProgrammingError(
    `cannot ${action}: ${name} must be a whole number of bytes from 0, but is ${value}`,
  );
}

function concat(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  length: number,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
