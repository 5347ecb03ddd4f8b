/**
 * Walks over the server's text forms that nest: arrays, ranges, rows, hstore.
 *
 * Law: a step forward or a `DataError`; no text makes it hang or read past the end.
 * In quotes a backslash stands before what is meant literally, and two quotes
 * are one; no form has two quotes side by side with another meaning.
 *
 * @module
 */

import type { DataError } from "../errors.ts";
import { malformed_text } from "./malformed.ts";

/** `(`, as an ASCII code, like the others. */
export const OPEN_PARENTHESIS = 0x28;
/** `)` */
export const CLOSE_PARENTHESIS = 0x29;
/** `,` */
export const COMMA = 0x2c;
/** `[` */
export const OPEN_BRACKET = 0x5b;
/** `]` */
export const CLOSE_BRACKET = 0x5d;
/** `{` */
export const OPEN_BRACE = 0x7b;
/** `}` */
export const CLOSE_BRACE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A place in one text. */
export class TextScanner {
  readonly #text: string;
  readonly #type: string;
  #at: number;

  /**
   * Begins at `start`.
   *
   * @param text What the server sent.
   * @param type Names it in errors.
   * @param start Where to begin, in UTF-16 units.
   */
  constructor(text: string, type: string, start = 0) {
    this.#text = text;
    this.#type = type;
    this.#at = start;
  }

  /** The character ahead, as its code; NaN at the end. */
  get next(): number {
    return this.#text.charCodeAt(this.#at);
  }

  /** Steps over the character with this code if it is ahead. */
  skip(code: number): boolean {
    if (this.next !== code) return false;
    this.#at++;
    return true;
  }

  /** Steps over the character with this code, or throws. */
  expect(code: number): void {
    if (!this.skip(code)) throw this.malformed();
  }

  /** Steps over `text` if it is ahead. */
  skip_text(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** The text in quotes ahead, or null if there are none. */
  quoted(): string | null {
    if (this.next !== QUOTE) return null;
    const start = ++this.#at;
    let has_escape = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at++);
      if (Number.isNaN(code)) throw this.malformed();
      if (code === QUOTE && this.next !== QUOTE) break;
      if (code !== QUOTE && code !== BACKSLASH) continue;
      has_escape = true;
      this.#at++;
    }
    const text = this.#text.slice(start, this.#at - 1);
    return has_escape ? text.replace(/[\\"](.)/gs, "$1") : text;
  }

  /** What is ahead up to one of two characters, or the end. */
  word(stop: number, other_stop: number): string {
    const start = this.#at;
    for (;; this.#at++) {
      const code = this.next;
      if (code === stop || code === other_stop || Number.isNaN(code)) break;
    }
    return this.#text.slice(start, this.#at);
  }

  /** Refuses what is left over. */
  end(): void {
    if (this.#at !== this.#text.length) throw this.malformed();
  }

  /** The error for a text that breaks its form. */
  malformed(): DataError {
    return malformed_text(this.#type);
  }
}

/** `text` in quotes, as arrays, ranges, rows and hstore read it; bare if nothing in it needs them. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? text : in_quotes(text);
}

/** `text` in quotes whatever it is. */
export function in_quotes(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** What needs no quotes whatever the delimiter; `NULL` does, in arrays. */
const PLAIN = /^(?!null$)[\w.+-]+$/i;
