/**
 * Tests of what only some runtimes have, or some ways to the server (through.ts).
 *
 * @module
 */

import { describe, it } from "@std/testing/bdd";

/** `describe()` where `condition` holds; elsewhere there is nothing to test, and nothing is declared. */
export function describe_where(condition: boolean, name: string, body: () => void): void {
  if (condition) describe(name, body);
}

/** `it()` where `condition` holds; elsewhere there is nothing to test, and nothing is declared. */
export function it_where(
  condition: boolean,
  name: string,
  body: () => void | Promise<void>,
): void {
  if (condition) it(name, body);
}
