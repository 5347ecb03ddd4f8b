/**
 * `$1`, `$2` and so on, where a query's text is put together.
 *
 * @module
 */

/** What the server's scanner would read as one word or number with a `$1` beside it. */
const WORD = /[\w$\u0080-\uffff]/;

/**
 * The placeholder for parameter `number`, kept apart from what it touches:
 * `limit` and `$1` must not become the name `limit$1`, nor `$1` and `0` the parameter `$10`.
 *
 * @param before The character in front of it, or "".
 * @param after The character behind it, or "".
 */
export function placeholder(number: number, before: string, after: string): string {
  return `${WORD.test(before) ? " " : ""}$${number}${WORD.test(after) ? " " : ""}`;
}
