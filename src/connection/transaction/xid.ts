/**
 * The name of a prepared transaction, as transaction managers know it.
 *
 * Law: PostgreSQL knows one text; an Xid that came from us is written the way
 * psycopg2 and pgJDBC write it, and only a text that reads back to itself is
 * taken for one.
 *
 * Source: psycopg2's Xid, https://www.psycopg.org/docs/extensions.html#psycopg2.extensions.Xid
 *
 * @module
 */

import { ProgrammingError } from "../../errors.ts";

/** Of a global or branch id: the XA standard's bound. */
const MAX_PART = 64;
/** Of the server's text: GIDSIZE, src/include/access/xact.h, less its terminator. */
const MAX_GID = 199;
const PRINTABLE = /^[\x20-\x7e]*$/;
const WRITTEN = /^(\d{1,10})_([A-Za-z0-9+/=]*)_([A-Za-z0-9+/=]*)$/;

/** What `tpc_recover()` knows of a transaction besides its name. */
export interface XidFacts {
  /** When it was prepared. */
  readonly prepared?: unknown;
  /** Who prepared it. */
  readonly owner?: string | null;
  /** Where. */
  readonly database?: string | null;
}

/** A transaction's name: three parts, or one text that someone else chose. */
export class Xid {
  /** A number that says what the ids mean; null: `gtrid` is the whole text. */
  readonly format_id: number | null;
  /** The global transaction id, or the whole text. */
  readonly gtrid: string;
  /** The branch; null where `format_id` is. */
  readonly bqual: string | null;
  /** When it was prepared, as the connection reads `timestamptz`; null if not recovered. */
  readonly prepared: unknown;
  /** Who prepared it; null if not recovered. */
  readonly owner: string | null;
  /** Where; null if not recovered. */
  readonly database: string | null;

  /**
   * Of `format_id` and `bqual` both are null, or none.
   *
   * @throws {ProgrammingError} If the parts are out of the bounds that `Connection.xid()` names.
   */
  constructor(
    format_id: number | null,
    gtrid: string,
    bqual: string | null,
    facts: XidFacts = {},
  ) {
    if (format_id === null) check_text("gtrid", gtrid, MAX_GID);
    else check_parts(format_id, gtrid, bqual);
    this.format_id = format_id;
    this.gtrid = gtrid;
    this.bqual = format_id === null ? null : bqual;
    this.prepared = facts.prepared ?? null;
    this.owner = facts.owner ?? null;
    this.database = facts.database ?? null;
  }

  /** Reads the server's text. One that was not written by `toString()` is all `gtrid`. */
  static from_string(gid: string, facts: XidFacts = {}): Xid {
    const parts = read(gid, facts);
    return parts?.toString() === gid ? parts : new Xid(null, gid, null, facts);
  }

  /** The server's text. */
  toString(): string {
    if (this.format_id === null) return this.gtrid;
    return `${this.format_id}_${btoa(this.gtrid)}_${btoa(this.bqual!)}`;
  }

  /** The three parts, as DB-API has it. */
  *[Symbol.iterator](): IterableIterator<number | string | null> {
    yield this.format_id;
    yield this.gtrid;
    yield this.bqual;
  }
}

function read(gid: string, facts: XidFacts): Xid | null {
  const match = WRITTEN.exec(gid);
  if (match === null) return null;
  try {
    return new Xid(Number(match[1]), atob(match[2]!), atob(match[3]!), facts);
  } catch {
    return null; // no base64, or out of bounds: someone else's
  }
}

function check_parts(format_id: number, gtrid: string, bqual: string | null): void {
  if (!Number.isInteger(format_id) || format_id < 0 || format_id > 0x7fffffff) {
    throw new ProgrammingError(
      `cannot make an xid: format_id must be a whole number from 0 to 2147483647, but is ${format_id}`,
    );
  }
  check_text("gtrid", gtrid, MAX_PART);
  check_text("bqual", bqual, MAX_PART);
  if (PRINTABLE.test(gtrid) && PRINTABLE.test(bqual!)) return;
  throw new ProgrammingError(
    "cannot make an xid: gtrid and bqual must be of printable ASCII, but one is not",
  );
}

function check_text(name: string, text: unknown, most: number): void {
  const size = typeof text === "string" ? new TextEncoder().encode(text).length : -1;
  if (size >= 0 && size <= most) return;
  throw new ProgrammingError(
    `cannot make an xid: ${name} must be text of at most ${most} bytes, but is ${
      size < 0 ? `of type ${typeof text}` : `${size} bytes`
    }`,
  );
}
