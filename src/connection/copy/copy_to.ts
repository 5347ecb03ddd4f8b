/**
 * `copy_to()`: a stream out of COPY ... TO STDOUT.
 *
 * @module
 */

import { ByteWriter } from "../../bytes/writer.ts";
import type { Sql } from "../../sql/template.ts";
import type { CallOptions } from "../base/call_options.ts";
import { is_here } from "../base/place.ts";
import { at_origin } from "../base/stacks.ts";
import type { Lending, Loan } from "../session/loan.ts";
import type { QueryContext } from "../statement/query_context.ts";
import { copy_call } from "./copy_call.ts";
import { CopyOutExchange, no_copy } from "./copy_out.ts";

/** Gives the data of a COPY. */
export class CopyReadable extends ReadableStream<Uint8Array<ArrayBuffer>> {
  readonly #source: CopySource;

  /** Made by `copy_to()`. */
  constructor(source: CopySource) {
    super(source, { highWaterMark: 0 }); // so that nothing is sent before someone reads
    this.#source = source;
  }

  /** Rows that the server sent: known when all was read, -1 before. */
  get rowcount(): number {
    return this.#source.rowcount;
  }
}

/** A stream out of `query`, on what `lend` gives at the first read. */
export function copy_to(
  lend: () => Lending,
  query: string | Sql,
  options: CallOptions,
): CopyReadable {
  return new CopyReadable(new CopySource(lend, query, options));
}

/** What is behind a `CopyReadable`. */
export class CopySource implements UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  /** Rows that the server sent; -1: not known. */
  rowcount = -1;
  readonly #lend: () => Lending;
  readonly #query: string | Sql;
  readonly #options: CallOptions;
  readonly #at_origin = at_origin(CopySource);
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #loan: Loan | null = null;
  #exchange: CopyToExchange | null = null;
  #cancelled = false;
  #pulled: () => void = () => {};

  /** As `copy_to()`. */
  constructor(lend: () => Lending, query: string | Sql, options: CallOptions) {
    this.#lend = lend;
    this.#query = query;
    this.#options = options;
  }

  /** For the stream. */
  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller;
  }

  /** For the stream. Resolves when there is a chunk, or none will be. */
  async pull(): Promise<void> {
    const pulled = new Promise<void>((resolve) => this.#pulled = resolve);
    try {
      this.#loan?.check("copy", false);
      if (this.#loan === null) await this.#begin();
      else this.#exchange!.more();
    } catch (error) {
      throw this.#at_origin(error);
    }
    await pulled;
  }

  /** For the stream. */
  async cancel(reason: unknown): Promise<void> {
    this.#cancelled = true;
    this.#pulled();
    if (!is_here(this.#loan?.session.place)) return; // it ends where it was begun
    await this.#exchange?.close(reason);
  }

  async #begin(): Promise<void> {
    const lending = this.#lend();
    const loan = lending instanceof Promise ? await lending : lending;
    if (this.#cancelled) return await loan.end();
    this.#loan = loan;
    try {
      const { text, run } = copy_call(loan, this.#query, this.#options, no_copy);
      const exchange = new CopyToExchange(loan.session.context, text, run.timeout, this.#hand_over);
      exchange.promise.then(this.#end, this.#fail);
      void exchange.over.then(() => loan.end());
      this.#exchange = exchange;
      loan.session.wire.submit(exchange, run.timeout, run.signal);
    } catch (error) {
      await loan.end();
      throw error;
    }
  }

  readonly #hand_over = (chunk: Uint8Array<ArrayBuffer>): void => {
    if (!this.#cancelled) this.#controller.enqueue(chunk);
    this.#pulled();
  };

  readonly #end = (rowcount: number): void => {
    this.rowcount = rowcount;
    if (!this.#cancelled) this.#controller.close();
    this.#pulled();
  };

  readonly #fail = (error: unknown): void => {
    this.#controller.error(this.#at_origin(error));
    this.#pulled();
  };
}

class CopyToExchange extends CopyOutExchange {
  readonly #text: string;
  readonly #hand_over: (chunk: Uint8Array<ArrayBuffer>) => void;
  readonly #gathered = new ByteWriter();

  constructor(
    context: QueryContext,
    text: string,
    timeout: number,
    hand_over: (chunk: Uint8Array<ArrayBuffer>) => void,
  ) {
    super(context, null, timeout);
    this.#text = text;
    this.#hand_over = hand_over;
  }

  protected override statement_text(): string {
    return this.#text;
  }

  protected override take(bytes: Uint8Array, _view: DataView, start: number, end: number): void {
    this.#gathered.raw(bytes.subarray(start, end));
  }

  protected override deliver(): void {
    const gathered = this.#gathered.peek();
    if (gathered.length === 0) return;
    this.#hand_over(gathered.slice()); // the caller's to keep, and to transfer
    this.#gathered.truncate(0);
  }
}
