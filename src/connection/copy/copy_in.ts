/**
 * COPY ... FROM STDIN: the server takes, as fast as it can.
 *
 * Law: data is sent only while the server is in COPY, and no more is here than one flight. What it
 * finds wrong ends the sending at once; what is wrong here ends in CopyFail, and never in a
 * part of the data.
 *
 * It runs as a simple query: after an error there the server drops what was sent
 * too much, and says ReadyForQuery without being asked. That must not end the transaction: a pooler
 * would take the session back, and give another one the rest of the data, with which that one can do
 * nothing. So it is always in a transaction, and one that it began itself is rolled back by a further query.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (COPY Operations)
 *
 * @module
 */

import { ByteWriter } from "../../bytes/writer.ts";
import { ProgrammingError, QueryCanceledError } from "../../errors.ts";
import type { BackendMessage } from "../../protocol/backend.ts";
import {
  encode_copy_data,
  encode_copy_done,
  encode_copy_fail,
  encode_query,
} from "../../protocol/frontend.ts";
import { server_error } from "../../server_error.ts";
import { behind, DescribingExchange } from "../statement/describing_exchange.ts";
import type { QueryContext } from "../statement/query_context.ts";
import { count_of } from "../statement/result.ts";
import type { Step } from "../wire/exchange.ts";
import { Outflow } from "../wire/outflow.ts";

const MAX_REASON = 200; // characters of it that the server is told

const PREFIX = "BEGIN;\n";
const SUFFIX = "\n;COMMIT";
/** A late cancel may hit the rolling back; how often it is sent. */
const MAX_ROLLBACKS = 3;

/** Runs a COPY and gives it data. Resolves to the number of rows. */
export abstract class CopyInExchange extends DescribingExchange<number> {
  /** Data that waits for the next flight. */
  protected readonly out: ByteWriter = new ByteWriter();
  readonly #timeout: number | null;
  readonly #outflow: Outflow;
  #sql: string | null = null; // null: not sent
  #parts = 0; // COPY statements that are left in it
  #guarded = false; // by a transaction of its own
  #rollbacks = 0;
  #is_open = false; // the server takes data
  #failing = false; // it will not
  #count = 0;
  #wake: (() => void) | null = null;

  /**
   * @param described What is described first; null: nothing.
   * @param timeout Seconds of each wait for the server; null: there is a deadline for the whole.
   */
  constructor(context: QueryContext, described: string | null, timeout: number | null) {
    super(context, described);
    this.#timeout = timeout;
    this.#outflow = new Outflow(context);
    this.alone = true; // for the state of the transaction
    this.promise.catch(() => {}); // told to whoever sends
  }

  /** Ends in an error: nothing is kept. */
  give_up(error: unknown): void {
    this.error ??= error;
    if (this.#is_open) this.#fail();
    else if (this.#sql === null) this.context.wire.interrupt(this, error);
    else this.#failing = true;
  }

  /**
   * Begins the COPY.
   *
   * @param sql One statement; or several, as long as this one is not whole without them.
   * @param parts How many.
   */
  protected start(writer: ByteWriter, sql: string, parts: number = 1): void {
    this.#sql = sql;
    this.#parts = parts;
    this.#guarded = this.context.wire.state === "I";
    encode_query(writer, this.#guarded ? PREFIX + sql + SUFFIX : sql);
  }

  /** Sends what waits in `out`, when the server takes data. Rejects with what ended the COPY. */
  protected async flush(): Promise<void> {
    await this.#opened();
    if (this.out.length === 0) return;
    const { wire } = this.context;
    this.#limit(true);
    wire.write((writer) => encode_copy_data(writer, this.out.peek()));
    this.out.truncate(0);
    await this.#outflow.drained();
    await this.#opened();
    this.#limit(false);
  }

  /** Ends one COPY, after `flush()`. */
  protected end_part(): void {
    this.#is_open = false;
    this.#limit(true);
    this.context.wire.write(encode_copy_done);
  }

  override copy_data(): void {
    // Of a COPY in the other direction; the error is already known.
  }

  override data_row(): void {
    // Of a statement that is no COPY; the error comes at its end.
  }

  override stop(): boolean {
    const was_open = this.#is_open;
    this.give_up(
      new QueryCanceledError("cannot copy on: the COPY was cancelled", {
        sqlstate: "57014",
      }),
    );
    return was_open;
  }

  override resolve(count: number): void {
    super.resolve(count);
    this.#wake?.();
  }

  override reject(error: unknown): void {
    super.reject(error);
    this.#wake?.();
  }

  protected override answer(message: BackendMessage): void {
    switch (message.name) {
      case "CopyInResponse":
        return this.#open();
      case "CommandComplete":
        if (message.command_tag.startsWith("COPY ")) this.#count += count_of(message.command_tag);
        return;
      case "ErrorResponse":
        this.error ??= server_error(behind(this.#guarded ? PREFIX : "", message.diag), this.#sql);
        this.#is_open = false;
        this.#failing = true;
        this.#wake?.();
        return;
      case "CopyOutResponse":
        this.error ??= no_copy();
        void this.context.wire.cancel();
    }
  }

  protected override finish(): Step {
    const { wire } = this.context;
    if (this.#guarded && wire.state === "E" && this.#rollbacks++ < MAX_ROLLBACKS) {
      wire.write((writer) => encode_query(writer, "ROLLBACK"));
      return "wait";
    }
    if (this.error !== null) this.reject(this.error);
    else if (this.#parts > 0) this.reject(no_copy());
    else this.resolve(this.#count);
    return "done";
  }

  #open(): void {
    this.#limit(false);
    this.#is_open = true;
    if (this.#parts-- === 0) this.error ??= no_copy();
    if (this.#failing || this.error !== null) this.#fail();
    this.#wake?.();
  }

  #fail(): void {
    this.#is_open = false;
    this.context.wire.write((writer) => encode_copy_fail(writer, reason_of(this.error)));
  }

  /** Whether the server is waited for. */
  #limit(is_due: boolean): void {
    if (this.#timeout === null) return;
    if (is_due) this.context.wire.limit(this, this.#timeout);
    else this.deadline = Infinity;
  }

  /** The server takes data; rejects with what ended the COPY if it never will. */
  async #opened(): Promise<void> {
    while (!this.#is_open && !this.#failing && !this.settled) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (!this.#is_open || this.settled) await this.promise;
  }
}

/** For a statement that is none. */
export function no_copy(): ProgrammingError {
  return new ProgrammingError(
    "cannot copy: the statement must be one COPY ... FROM STDIN, but is another",
  );
}

function reason_of(error: unknown): string {
  return (error instanceof Error ? error.message : "it was given up").slice(0, MAX_REASON);
}
