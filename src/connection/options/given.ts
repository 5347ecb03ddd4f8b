/**
 * Connection parameters as they were given, and the checks that turn them into values.
 *
 * Law: no error shows a string that was given, for a misread dsn can put a
 * password anywhere; it names the parameter, where it came from, and the rule.
 *
 * @module
 */

import { InterfaceError, NotSupportedError } from "../../errors.ts";
import { nearest } from "./keywords.ts";

/** A parameter's value, and where it was given, such as `the dsn` or `PGPORT`. */
export interface Given {
  readonly value: unknown;
  readonly source: string;
}

const NUMBER = /^\s*(?:[+-]?\d+(?:\.\d+)?|Infinity)\s*$/;
const TRUE = ["true", "on", "yes", "1"];
const FALSE = ["false", "off", "no", "0"];

/** All parameters that were given, by name. */
export class Settings {
  readonly #given: ReadonlyMap<string, Given>;

  /** @param given By name, of each parameter what counts. */
  constructor(given: ReadonlyMap<string, Given>) {
    this.#given = given;
  }

  /** The value as it was given; undefined if it was not. */
  value(name: string): unknown {
    return this.#given.get(name)?.value;
  }

  /** A text; null if none was given, or an empty one. */
  text(name: string): string | null {
    const value = this.value(name);
    if (value === undefined || value === "") return null;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    if (typeof value !== "string") throw this.invalid(name, "must be a text");
    if (value.includes("\0")) throw this.invalid(name, "must not contain a NUL", "does");
    if (!value.isWellFormed()) throw this.invalid(name, "must not have a lone surrogate", "has");
    return value;
  }

  /** Texts: an array's, or those between commas; null if none were given, or an empty text. */
  list(name: string): readonly string[] | null {
    const value = this.value(name);
    if (!Array.isArray(value)) return this.text(name)?.split(",") ?? null;
    const is_text = (item: unknown) => typeof item === "string" || Number.isFinite(item);
    if (value.length > 0 && value.every(is_text)) return value.map(String);
    throw this.invalid(name, "must be a text or a list of texts", "is another list");
  }

  /** One of `allowed`. */
  choice<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const found = allowed.find((choice) => choice === value);
    if (found !== undefined) return found;
    const near = typeof value === "string" ? nearest(value, allowed) : null;
    throw this.invalid(name, `must be one of ${allowed.join(", ")}`, undefined, near);
  }

  /** An integer in a range. */
  integer(name: string, min: number, max: number, fallback: number): number {
    const value = this.#number(name);
    if (value === null) return fallback;
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    const limit = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
    throw this.invalid(name, `must be an integer ${limit}`);
  }

  /** Seconds, more than zero; `Infinity` for no limit. */
  seconds(name: string, fallback: number): number {
    const value = this.#number(name) ?? fallback;
    if (value > 0) return value;
    throw this.invalid(name, "must be a positive number of seconds, or Infinity for no limit");
  }

  /** Seconds as libpq has them: zero and less mean no limit, which is `Infinity`. */
  libpq_seconds(name: string): number {
    const value = this.#number(name) ?? 0;
    if (Number.isNaN(value)) throw this.invalid(name, "must be a number of seconds");
    return value > 0 ? value : Infinity;
  }

  /** True or false, also as a word or digit. */
  flag(name: string, fallback: boolean): boolean {
    const value = this.value(name);
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    if (TRUE.includes(String(value))) return true;
    if (FALSE.includes(String(value))) return false;
    throw this.invalid(name, "must be true or false");
  }

  /** Something that only an object can hold; undefined if it was not given. */
  object<T>(name: string, rule: string, is_valid: (value: unknown) => boolean): T | undefined {
    const value = this.value(name);
    if (value === undefined || is_valid(value)) return value as T | undefined;
    throw this.invalid(name, rule);
  }

  /** A parameter that cannot be honoured, and must not be ignored. */
  unsupported(name: string, reason: string): NotSupportedError {
    return new NotSupportedError(`cannot use ${name} of ${this.#source(name)}: ${reason}`);
  }

  /** A parameter with a value that is not allowed. */
  invalid(name: string, rule: string, fact?: string, near: string | null = null): InterfaceError {
    return new InterfaceError(
      `cannot read ${this.#source(name)}: ${name} ${rule}, but ${
        fact ?? describe(this.value(name))
      }`,
      { hint: near === null ? null : `did you mean ${near}?` },
    );
  }

  #source(name: string): string {
    return this.#given.get(name)?.source ?? "the options";
  }

  /** A number, also as text; NaN for what is none. */
  #number(name: string): number | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (typeof value === "string") return NUMBER.test(value) ? Number(value) : NaN;
    return typeof value === "number" ? value : NaN;
  }
}

/** What a value is, without showing a text. */
function describe(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return `is ${value}`;
  if (value === undefined) return "is missing";
  return typeof value === "string" ? "is another text" : `is of type ${typeof value}`;
}
