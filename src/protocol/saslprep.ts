/**
 * SASLprep: one form for passwords that look the same. No I/O.
 *
 * Law: the result is PostgreSQL's, or a stored password does not match. So what
 * is not allowed is checked before normalization and not after it, text in ASCII
 * is never checked, and a password that is not allowed is used as it is.
 *
 * Sources: RFC 4013; RFC 3454; pg_saslprep, src/common/saslprep.c
 *
 * @module
 */

import { LEFT_TO_RIGHT, RIGHT_TO_LEFT, UNASSIGNED } from "./saslprep_tables.ts";

const ASCII = /^[\0-\x7f]*$/;
/** Table C.1.2. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** Table B.1. */
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** Tables C.2.1, C.2.2 and C.3 to C.9. */
const PROHIBITED =
  // deno-lint-ignore no-control-regex -- control characters are among them
  /[\0-\x1f\x7f-\x9f\u0340\u0341\u06dd\u070f\u180e\u200c-\u200f\u2028-\u202e\u2060-\u2063\u206a-\u206f\u2ff0-\u2ffb\ud800-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\uffff\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}\u{f0000}-\u{10ffff}\p{Noncharacter_Code_Point}]/u;

/** The password to derive keys from. */
export function saslprep(password: string): string {
  if (ASCII.test(password)) return password;
  const mapped = password.replace(SPACES, " ").replace(NOTHING, "");
  return is_allowed(mapped) ? mapped.normalize("NFKC") : password;
}

function is_allowed(text: string): boolean {
  if (text === "" || PROHIBITED.test(text)) return false;
  const codes = Array.from(text, (character) => character.codePointAt(0)!);
  const unassigned = parse_table(UNASSIGNED);
  return !codes.some(unassigned) && is_one_direction(codes);
}

/** RFC 3454, section 6: right to left all along, with neutral characters only inside; or not at all. */
function is_one_direction(codes: readonly number[]): boolean {
  const right_to_left = parse_table(RIGHT_TO_LEFT);
  if (!codes.some(right_to_left)) return true;
  if (codes.some(parse_table(LEFT_TO_RIGHT))) return false;
  return right_to_left(codes[0]!) && right_to_left(codes.at(-1)!);
}

/** Whether a code point is in the table. */
function parse_table(table: string): (code: number) => boolean {
  let last = 0;
  const bounds = table.split(" ").map((distance) => last += parseInt(distance, 36));
  return (code) => {
    const above = bounds.findIndex((bound) => bound >= code);
    if (above < 0) return false;
    return above % 2 === 1 || bounds[above] === code; // at an end, or at a beginning
  };
}
