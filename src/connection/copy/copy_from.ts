/**
 * `copy_from()`: a stream into COPY ... FROM STDIN.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { kind_of } from "../../codecs/kinds.ts";
import { InterfaceError } from "../../errors.ts";
import type { Sql } from "../../sql/template.ts";
import type { CallOptions } from "../base/call_options.ts";
import { check_place, is_here } from "../base/place.ts";
import { at_origin } from "../base/stacks.ts";
import type { Lending, Loan } from "../session/loan.ts";
import type { QueryContext } from "../statement/query_context.ts";
import { FLIGHT } from "../wire/outflow.ts";
import { copy_call } from "./copy_call.ts";
import { CopyInExchange, no_copy } from "./copy_in.ts";

/** Takes the data of a COPY. */
export class CopyWritable extends WritableStream<Uint8Array> {
  readonly #sink: CopySink;

  /** Made by `copy_from()`. */
  constructor(sink: CopySink) {
    super(sink);
    this.#sink = sink;
  }

  /** As the platform's; but closing tells why a stream that is over has failed, and not that it is over. */
  override getWriter(): WritableStreamDefaultWriter<Uint8Array> {
    const writer = super.getWriter();
    const close = writer.close.bind(writer);
    writer.close = async () => {
      try {
        await close();
      } catch (error) {
        await writer.closed; // rejects with what it was
        throw error;
      }
    };
    return writer;
  }

  /** As that of a writer. */
  override async close(): Promise<void> {
    const writer = this.getWriter();
    try {
      await writer.close();
    } finally {
      writer.releaseLock();
    }
  }

  /** Rows that the server took: known when `close()` has resolved, -1 before. */
  get rowcount(): number {
    return this.#sink.rowcount;
  }
}

/** A stream into `query`, on what `lend` gives with the first chunk. */
export function copy_from(
  lend: () => Lending,
  query: string | Sql,
  options: CallOptions,
): CopyWritable {
  return new CopyWritable(new CopySink(lend, query, options));
}

/** What is behind a `CopyWritable`. */
export class CopySink implements UnderlyingSink<Uint8Array> {
  /** Rows that the server took; -1: not known. */
  rowcount = -1;
  readonly #lend: () => Lending;
  readonly #query: string | Sql;
  readonly #options: CallOptions;
  readonly #at_origin = at_origin(CopySink);
  #controller!: WritableStreamDefaultController;
  #loan: Loan | null = null;
  #exchange: Promise<CopyFromExchange> | null = null;

  /** As `copy_from()`. */
  constructor(lend: () => Lending, query: string | Sql, options: CallOptions) {
    this.#lend = lend;
    this.#query = query;
    this.#options = options;
  }

  /** For the stream. */
  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
    const { signal } = controller; // aborts before `abort()`, which waits for the write that runs
    signal.addEventListener("abort", () => {
      if (!is_here(this.#loan?.session.place)) return;
      this.#exchange?.then((exchange) => exchange.give_up(signal.reason), () => {});
    });
  }

  /** For the stream. */
  async write(chunk: Uint8Array): Promise<void> {
    check_place(this.#loan?.session.place, "copy");
    const exchange = await this.#begun();
    if (!(chunk instanceof Uint8Array)) exchange.give_up(no_bytes(chunk));
    await exchange.send(chunk);
  }

  /** For the stream. */
  async close(): Promise<void> {
    check_place(this.#loan?.session.place, "copy");
    const exchange = await this.#begun();
    this.rowcount = await exchange.complete();
  }

  /** For the stream. */
  async abort(reason: unknown): Promise<void> {
    if (!is_here(this.#loan?.session.place)) return; // it ends where it was begun
    const exchange = await this.#exchange?.catch(() => null);
    exchange?.give_up(reason);
    await exchange?.over;
  }

  #begun(): Promise<CopyFromExchange> {
    return this.#exchange ??= this.#begin().catch((error) =>
      Promise.reject(this.#at_origin(error))
    );
  }

  async #begin(): Promise<CopyFromExchange> {
    const lending = this.#lend();
    const loan = lending instanceof Promise ? await lending : lending;
    this.#loan = loan;
    try {
      const { text, run } = copy_call(loan, this.#query, this.#options, no_copy);
      const exchange = new CopyFromExchange(loan.session.context, text, run.timeout);
      exchange.promise.catch((error) => this.#controller.error(this.#at_origin(error)));
      void exchange.over.then(() => loan.end());
      loan.session.wire.submit(exchange, run.timeout, run.signal);
      return exchange;
    } catch (error) {
      await loan.end();
      throw error;
    }
  }
}

function no_bytes(chunk: unknown): InterfaceError {
  return new InterfaceError(
    `cannot copy: a chunk must be a Uint8Array, but is ${kind_of(chunk)}`,
    { hint: "pipe text through new TextEncoderStream()" },
  );
}

class CopyFromExchange extends CopyInExchange {
  readonly #text: string;

  constructor(context: QueryContext, text: string, timeout: number) {
    super(context, null, timeout);
    this.#text = text;
    this.occupies = "a COPY";
  }

  /** Sends a chunk, when there is enough for a flight. Rejects with what ended the COPY. */
  async send(chunk: Uint8Array): Promise<void> {
    if (this.error !== null || this.settled) await this.promise;
    for (let at = 0; at < chunk.length; at += FLIGHT) {
      this.out.raw(chunk.subarray(at, at + FLIGHT));
      if (this.out.length >= FLIGHT) await this.flush();
    }
  }

  /** Sends the rest, and waits for the server's word on it all. */
  async complete(): Promise<number> {
    await this.flush();
    this.end_part();
    return await this.promise;
  }

  protected override begin(writer: ByteWriter): void {
    this.start(writer, this.#text);
  }
}
