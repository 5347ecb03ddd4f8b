/**
 * COPY ... TO STDOUT: the server sends, as fast as its reader reads.
 *
 *     network chunk ──▶ take() of each CopyData ──▶ deliver(), and nothing is read until more()
 *
 * Law: no more is here than one network chunk. COPY has no end but its own, so whoever has enough
 * cancels it; in a transaction a savepoint keeps that from failing the transaction.
 *
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html (COPY Operations)
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { AlteredTypeError, UnknownTypeError } from "../../codecs/composite.ts";
import { InterfaceError, ProgrammingError } from "../../errors.ts";
import type { BackendMessage } from "../../protocol/backend.ts";
import { encode_copy_fail, encode_query } from "../../protocol/frontend.ts";
import { server_error } from "../../server_error.ts";
import { behind, DescribingExchange } from "../statement/describing_exchange.ts";
import type { QueryContext } from "../statement/query_context.ts";
import { count_of } from "../statement/result.ts";
import { is_protocol_error, type Step } from "../wire/exchange.ts";

const SAVEPOINT = "edgepg_copy";
const PREFIX = `SAVEPOINT ${SAVEPOINT};\n`;
const SUFFIX = `\n;RELEASE ${SAVEPOINT}`;
const UNDO = `ROLLBACK TO ${SAVEPOINT}; RELEASE ${SAVEPOINT}`;
/** A late cancel may hit the undoing; how often it is sent. */
const MAX_UNDOS = 3;

/** Runs a COPY and takes its data. Resolves to the number of rows. */
export abstract class CopyOutExchange extends DescribingExchange<number> {
  readonly #timeout: number;
  #started = false;
  #guarded = false; // by a savepoint
  #stopped = false; // nobody wants the rest
  #undos = 0;
  #delivering = false; // a microtask will
  #count = -1;

  /**
   * @param sql What is described first; null: nothing.
   * @param timeout Seconds of each wait for the server.
   */
  constructor(context: QueryContext, sql: string | null, timeout: number) {
    super(context, sql);
    this.#timeout = timeout;
    this.alone = true; // for the state of the transaction
    this.occupies = "a COPY";
    this.promise.catch(() => {}); // told by the stream, if anyone reads on
  }

  /** The whole COPY statement. */
  protected abstract statement_text(): string;

  /** Takes the CopyData `bytes[start, end)`, valid during the call. */
  protected abstract take(bytes: Uint8Array, view: DataView, start: number, end: number): void;

  /** Hands over what was taken of a chunk. */
  protected abstract deliver(): void;

  /** The reader waits for more. */
  more(): void {
    const { wire } = this.context;
    if (this.settled) return;
    wire.limit(this, this.#timeout);
    wire.resume();
  }

  /** Nobody wants the rest. Resolves when the session can be used again. */
  async close(reason: unknown = new InterfaceError("the COPY was closed")): Promise<void> {
    if (this.settled) return;
    this.#delivering = false;
    this.context.wire.interrupt(this, reason);
    await this.over;
  }

  override copy_data(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.error !== null || this.#stopped) return;
    if (!this.#delivering) this.#deliver_soon();
    try {
      this.take(bytes, view, start, end);
    } catch (error) {
      if (is_protocol_error(error)) throw error;
      this.error = error;
      this.#learn_from(error);
      void this.context.wire.cancel();
    }
  }

  override data_row(): void {
    // Of a statement that is no COPY; the error comes at its end.
  }

  override stop(): boolean {
    this.#stopped = true;
    return false;
  }

  protected override begin(writer: ByteWriter): void {
    if (this.#undos > 0) return encode_query(writer, UNDO);
    this.#guarded = this.context.wire.state === "T";
    const text = this.statement_text();
    encode_query(writer, this.#guarded ? PREFIX + text + SUFFIX : text);
  }

  protected override answer(message: BackendMessage): void {
    switch (message.name) {
      case "CopyOutResponse":
        this.#started = true;
        return;
      case "CommandComplete":
        if (message.command_tag.startsWith("COPY ")) this.#count = count_of(message.command_tag);
        return;
      case "ErrorResponse":
        this.error ??= server_error(
          behind(this.#guarded ? PREFIX : "", message.diag),
          this.statement_text(),
        );
        return;
      case "CopyInResponse":
        this.error ??= no_copy();
        return this.context.wire.write((writer) => encode_copy_fail(writer, "it was to be read"));
    }
  }

  protected override finish(): Step {
    const { wire } = this.context;
    this.#deliver();
    wire.resume();
    // What this cancelled fails alone; what the server finds wrong fails the transaction.
    const is_ours = this.settled || this.#stopped;
    if (this.#guarded && is_ours && wire.state === "E" && this.#undos < MAX_UNDOS) {
      this.#undos++;
      wire.write((writer) => this.begin(writer));
      return "wait";
    }
    if (this.error !== null) this.reject(this.error);
    else if (!this.#started) this.reject(no_copy());
    else this.resolve(this.#count);
    return "done";
  }

  /** A row cannot be read: what it lacks is known next time. Now the data keep the wire. */
  #learn_from(error: unknown): void {
    const { context } = this;
    if (error instanceof AlteredTypeError) context.types.forget();
    if (error instanceof UnknownTypeError) context.learn([error.oid], false).catch(() => {});
  }

  #deliver_soon(): void {
    this.#delivering = true;
    this.deadline = Infinity;
    this.context.wire.pause();
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    if (this.#delivering) this.deliver();
    this.#delivering = false;
  }
}

/** For a statement that is none. */
export function no_copy(): ProgrammingError {
  return new ProgrammingError(
    "cannot copy: the statement must be a COPY ... TO STDOUT, but is another",
  );
}
