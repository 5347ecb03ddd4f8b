/**
 * When a result may come as text: what a statement returns before it was described.
 *
 * Law: where text might say less than the bytes, the statement is described before it
 * runs, or its values are refused; nothing is guessed from a text that does not tell. Text says
 * less of anonymous records, whose fields it gives no types; of dates in another DateStyle than
 * ISO; and of floats where `extra_float_digits` is below 1. That setting is not reported, so whatever names it
 * in this session counts, or when it began. What a role's settings or a function's body say is not seen.
 *
 * @module
 */

import type { TypeCodec } from "../../codecs/codec.ts";
import { DataError } from "../../errors.ts";
import { may_return_record } from "../../sql/record.ts";
import { code_of, type ScanOptions } from "../../sql/scan.ts";

/** The first server that prints floats exactly unless it is told not to. */
const EXACT_FLOATS = 12;
/** Names the setting, unless to set it to 1 or more; or sets what only a parameter names. */
const FLOATS_SET = /extra_float_digits(?!'?,?\s*(?:=|to)?\s*'?[123]\b)|set_config\s*\(\s*(?!e?')/i;
const DATES_SET = /datestyle/i;

/** What the text of results means in one session. */
export class TextForm implements ScanOptions {
  readonly #parameters: ReadonlyMap<string, string>;
  #floats_set = false;
  #dates_set = false; // by what was sent since the server was last idle

  /** @param parameters What the server reports of itself, kept up to date. */
  constructor(parameters: ReadonlyMap<string, string>) {
    this.#parameters = parameters;
  }

  /** ScanOptions: as the server last reported. */
  get standard_conforming_strings(): boolean {
    return this.#parameters.get("standard_conforming_strings") !== "off";
  }

  /** Whether floats may come rounded. */
  get rounds_floats(): boolean {
    return this.#floats_set ||
      parseInt(this.#parameters.get("server_version") ?? "") < EXACT_FLOATS;
  }

  /** Takes note of a statement that is about to be sent, in case it changes what text means. */
  note(sql: string): void {
    this.#floats_set ||= FLOATS_SET.test(sql);
    this.#dates_set ||= DATES_SET.test(sql);
  }

  /** Everything that was sent is done, so the server's report is up to date. */
  settle(): void {
    this.#dates_set = false;
  }

  /** Whether a statement must be described before it runs. */
  is_lossy(sql: string): boolean {
    this.note(sql);
    return this.rounds_floats || this.#dates_set ||
      this.#parameters.get("DateStyle")?.startsWith("ISO") === false ||
      may_return_record(code_of(sql, this));
  }

  /**
   * Refuses text that is less than the value.
   *
   * @throws {DataError} If floats come rounded.
   */
  check(codecs: readonly TypeCodec[]): void {
    if (!this.#floats_set || !codecs.some((codec) => codec.has_floats)) return;
    throw new DataError(
      "cannot decode floats: as text they must come with extra_float_digits of 1 or more, " +
        "but it may have been set to less",
      { hint: "run the statement alone: its result then comes in binary form" },
    );
  }

  /** Whether there is more than one statement in `sql`. */
  has_several(sql: string): boolean {
    return sql.includes(";") && /;[;\s]*[^;\s]/.test(code_of(sql, this));
  }
}
