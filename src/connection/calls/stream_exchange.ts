/**
 * A statement whose rows are read in batches, from a portal.
 *
 * ```text
 * in a transaction     Parse? Bind(p) Execute(p, n) Sync         one exchange a batch, so
 *                      SAVEPOINT Execute(p, n) RELEASE Sync      others run between them
 *                      Close(p) Sync
 * outside of one       BEGIN Parse? Bind(p) Execute(p, n) Sync   one exchange in all, which
 *                      Execute(p, n) Sync                        occupies the wire
 *                      COMMIT Close(p) Sync
 * ```
 *
 * Law: no more than two batches are here, the one that the caller has and the next. However it
 * ends, what it began it ends; and a batch that is cancelled does not fail the caller's transaction.
 *
 * A portal kept open by Flush would need no transaction. But transaction poolers do not know it, and
 * `statement_timeout` would count what the caller does between batches.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (Extended Query)
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { BackendMessage, TransactionState } from "../../protocol/backend.ts";
import type { BatchSource } from "../base/row_iterator.ts";
import { within } from "../base/within.ts";
import type { Loan } from "../session/loan.ts";
import type { RunOptions } from "../session/session.ts";
import type { Tenure } from "../session/tenure.ts";
import { encode_command } from "../statement/command.ts";
import { type Portal, QueryExchange } from "../statement/query.ts";
import { Result } from "../statement/result.ts";
import type { Step } from "../wire/exchange.ts";
import {
  begun,
  cancelled,
  ended,
  left,
  UNDO_BATCH,
  write_end,
  write_next,
} from "./stream_flights.ts";

/** Seconds that a batch may take when the caller has left, at least and at most. */
const MIN_GRACE = 0.02;
const MAX_GRACE = 1;
/** A late cancel may hit the last flight instead of the batch; how often it is sent. */
const MAX_ENDINGS = 3;

/** Where it stands. A flight waits for its turn, and is then out until it is answered. */
type State =
  | "queued" // the first flight waits
  | "opening" // it is out
  | "parked" // there are more rows, but the caller has enough
  | "asking" // the flight of the next batch waits
  | "reading" // it is out
  | "ending"; // the last flight waits, or is out

/** Runs a statement and reads its rows in batches. */
export class StreamExchange<R> extends QueryExchange<R> implements BatchSource<R> {
  /** Resolves when it is done with the session, whether it was read to the end or not. */
  readonly over: Promise<void>;
  readonly #loan: Loan;
  readonly #portal: Portal;
  readonly #tenure: Tenure; // of the caller's transaction
  readonly #timeout: number;
  #set_over!: () => void;
  #state: State = "queued";
  #owns = false; // the transaction, and with it the wire
  /** After a batch: goes on; ends, as the caller has left; undoes all, as the connection is cancelled. */
  #plan: "read" | "leave" | "undo" = "read";
  #has_more = false; // as of that flight
  #commands: readonly string[] = []; // of the last flight
  #endings = 0;
  #batch: R[] | null = null;
  #wake: (() => void) | null = null;
  #sent_at = 0;
  #took = 0; // milliseconds, by the last batch

  /** Submits the first flight. */
  constructor(
    loan: Loan,
    sql: string,
    values: readonly unknown[],
    run: RunOptions<R>,
    itersize: number,
  ) {
    const { session } = loan;
    const portal = { name: session.new_portal_name(), max_rows: itersize };
    super(session.context.with_codecs(run.codecs), sql, values, run.row_factory, portal);
    this.#loan = loan;
    this.#tenure = loan.tenure();
    this.#portal = portal;
    this.#timeout = run.timeout;
    this.alone = true; // for the state of the transaction
    this.exclusive = true;
    this.over = new Promise((resolve) => this.#set_over = resolve);
    this.promise.catch(() => {}).then(() => this.#wake?.()); // the caller may have left
    run.signal?.throwIfAborted();
    if (run.signal) this.watch(run.signal, () => this.#abort(run.signal!.reason), session.place);
    session.wire.submit(this, run.timeout);
  }

  /** The next rows, and asks for those after them; null at the end. */
  async next_batch(): Promise<readonly R[] | null> {
    if (this.#batch === null && !this.settled) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const batch = this.#batch;
    if (batch === null) {
      await this.promise;
      return null;
    }
    this.#batch = null;
    if (this.#state === "parked" && this.#has_ended()) this.refuse(ended());
    else if (this.#state === "parked") this.#go_on("asking");
    return batch;
  }

  /** Ends it. Resolves when that is done, or will be without the caller. */
  async close(): Promise<void> {
    if (this.settled || this.#plan === "leave") return;
    if (this.#plan === "read") this.#plan = "leave";
    this.occupies = null; // who comes now may wait
    this.#batch = null;
    switch (this.#state) {
      case "queued":
        return this.context.wire.interrupt(this, left());
      case "parked":
        if (!this.#owns && this.#is_lost()) return this.refuse(left());
        this.#finish("COMMIT");
        break;
      case "asking":
        this.#state = "ending"; // instead
        break;
      default:
        this.#interrupt_later();
    }
    await within(this.#loan.session.clock, MIN_GRACE, this.over);
  }

  override encode(writer: ByteWriter): void {
    this.#sent_at = this.#loan.session.clock.now();
    if (this.#state === "ending") return write_end(writer, this.#portal, this.#commands);
    if (this.#state !== "asking") return this.#open(writer);
    this.#state = "reading";
    write_next(writer, this.#portal, !this.#owns);
  }

  override message(message: BackendMessage): void {
    if (message.name === "PortalSuspended") this.#has_more = this.attempt.ended = true;
    else super.message(message);
  }

  override ready(state: TransactionState): Step {
    if (this.#state === "ending") return this.#end(state);
    if (!this.settled) return super.ready(state);
    // A batch that was cancelled fails alone; what the server finds wrong fails the transaction.
    return this.#finish("ROLLBACK", this.#state === "reading" && state === "E");
  }

  override stop(): boolean {
    if (this.#state === "parked") this.#undo(cancelled());
    else if (this.#owns) this.#plan = "undo";
    return this.#state === "ending";
  }

  override reject(error: unknown): void {
    super.reject(this.#state === "queued" || this.#state === "opening" ? error : begun(error));
  }

  protected override complete(): Step {
    this.#deliver();
    if (this.#plan === "undo") return this.#undo(cancelled());
    if (this.#plan === "read" && this.#has_more) return this.#park();
    return this.#finish("COMMIT");
  }

  protected override fail(): Step {
    this.#deliver();
    return this.#finish("ROLLBACK");
  }

  override end(): void {
    super.end();
    if (this.settled) this.#set_over();
  }

  /** Where BEGIN was sent with the description, a value that does not fit must end the transaction. */
  #open(writer: ByteWriter): void {
    const mark = writer.length;
    const has_begun = this.#owns;
    this.#state = "opening";
    try {
      if (this.context.wire.state === "I") this.#begin(writer);
      super.encode(writer);
    } catch (error) {
      if (!has_begun) throw error;
      writer.truncate(mark);
      this.error = error;
      this.#commands = ["ROLLBACK"];
      this.#state = "ending";
      write_end(writer, this.#portal, this.#commands);
    }
  }

  #begin(writer: ByteWriter): void {
    this.#owns = true;
    this.occupies = "a stream";
    encode_command(writer, "BEGIN");
    this.attempt.binds_before = 1;
  }

  #deliver(): void {
    this.#took = this.#loan.session.clock.now() - this.#sent_at;
    const { reader } = this.attempt;
    if (reader.rows.length > 0 && this.#plan !== "leave") this.#batch = reader.rows;
    reader.rows = [];
    if (this.#batch !== null) this.#wake?.();
  }

  /** Keeps the wire only where the transaction is its own, and so not the caller's. */
  #park(): Step {
    this.deadline = Infinity;
    this.alone = this.#has_more = false;
    this.#state = "parked";
    if (this.#owns) {
      this.context.wire.state = "I";
      return "wait";
    }
    this.#tenure.begin();
    return "done";
  }

  /** Sends the next flight, on the wire that it has, or when its turn comes. */
  #go_on(next: "asking" | "ending"): void {
    const { wire } = this.context;
    const has_wire = this.#owns || this.#state !== "parked";
    this.#state = next;
    if (!has_wire) return wire.submit(this, this.#timeout);
    wire.limit(this, this.#timeout);
    wire.write((writer) => this.encode(writer));
  }

  /** Ends what was begun. */
  #finish(end: "COMMIT" | "ROLLBACK", is_cancelled = false): Step {
    if (this.#owns) this.#commands = [end];
    else if (is_cancelled) this.#commands = UNDO_BATCH;
    this.#endings++;
    this.#go_on("ending");
    return "wait";
  }

  #undo(reason: unknown): Step {
    this.error ??= reason;
    return this.#finish("ROLLBACK");
  }

  /** The last flight is answered. */
  #end(state: TransactionState): Step {
    const is_open = this.#owns ? state !== "I" : this.#commands.length > 0 && state === "E";
    if (is_open && this.#endings < MAX_ENDINGS) return this.#finish("ROLLBACK", true);
    this.#owns = false;
    this.#state = "queued"; // if it is run again
    if (!this.settled && this.error !== null) return super.fail(state);
    this.resolve(new Result<R>([], null, null));
    return "done";
  }

  /** Whether the caller's transaction has ended, and the portal with it. */
  #has_ended(): boolean {
    return !this.#owns && this.#tenure.is_over;
  }

  /** Whether the session is no longer ours to use, or has nothing of ours. */
  #is_lost(): boolean {
    if (this.#has_ended()) return true;
    try {
      this.#loan.check("read on");
      return false;
    } catch {
      return true;
    }
  }

  #abort(reason: unknown): void {
    if (this.#state !== "parked") return this.context.wire.interrupt(this, reason);
    if (this.#has_ended()) return this.refuse(reason);
    this.#undo(reason);
  }

  /** The batch that comes may be quick to come, and a cancel is not cheap. */
  #interrupt_later(): void {
    const grace = Math.min(Math.max(MIN_GRACE, 2 * this.#took / 1000), MAX_GRACE);
    void within(this.#loan.session.clock, grace, this.over).then((is_over) => {
      if (!is_over && this.#state !== "ending") this.context.wire.interrupt(this, left());
    });
  }
}
