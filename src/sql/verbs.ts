/**
 * What a statement does, as far as its text tells.
 *
 * Law: a guess errs on the side that costs speed, never on the one that costs a result.
 *
 * @module
 */

import { from_first_word, strings_in } from "./scan.ts";

const COMMAND =
  /^(begin|start|commit|end|rollback|abort|savepoint|release|prepare\s+transaction|(un)?listen)\b/i;
const COMMIT = /^(commit|end|prepare\s+transaction)\b/i;
const COPY = /\bcopy\b/i;
const PLAIN = /^(select|insert|update|delete|merge|values|table|with)\b/i;
const READ = /^(select|values|table|with)\b/i;
/** Takes locks of rows, or waits by design; what only looks like it counts, too. */
const MAY_WAIT =
  /\b(insert|update|delete|merge|into|for\s+(no\s+key|key|share)|pg_advisory\w*|pg_sleep\w*|lo_\w+)\b/i;
/** They return what a cursor or another statement does. */
const INDIRECT = /^(fetch|execute)\b/i;
const TIME_WORD = /\b(now|today|tomorrow|yesterday)\b/i;
/** What a string begins with that is the time of when it is parsed, such as `[2024-02-29,today)`. */
const TIME = /^[^a-z]*(now|today|tomorrow|yesterday)\b/i;
/** A string, in either kind of quotes. */
const LITERAL = /'|\$[^\s\d$]*\$/;

/**
 * Whether it controls transactions or notifications: commands that gain nothing from being
 * prepared, and must work where no prepared statement does.
 */
export function is_command(sql: string): boolean {
  return COMMAND.test(from_first_word(sql));
}

/** Whether it begins with a statement that ends a transaction for good. */
export function commits(sql: string): boolean {
  return COMMIT.test(from_first_word(sql));
}

/** Whether it is a COPY. */
export function is_copy(sql: string): boolean {
  return /^copy\b/i.test(from_first_word(sql));
}

/** Whether it may be a COPY, or hold one. Says yes too often, never too seldom. */
export function may_copy(sql: string): boolean {
  return COPY.test(sql);
}

/** Whether it is one that can run once more where the server took nothing of it. */
export function is_plain(sql: string): boolean {
  return PLAIN.test(from_first_word(sql));
}

/** Whether it reads only, and so waits for few locks. Says no too often. */
export function only_reads(sql: string): boolean {
  return READ.test(from_first_word(sql)) && !MAY_WAIT.test(sql);
}

/** Whether the same text may return other columns, or mean another time, when it is parsed again. */
export function is_fleeting(sql: string): boolean {
  if (INDIRECT.test(from_first_word(sql))) return true;
  return TIME_WORD.test(sql) && strings_in(sql).some((string) => TIME.test(string));
}

/** Whether it holds a string, which is read as the settings of that moment say. */
export function has_literal(sql: string): boolean {
  return LITERAL.test(sql);
}
