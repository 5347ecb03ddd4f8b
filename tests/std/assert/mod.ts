/**
 * The assertions of `@std/assert` that the suite uses, with the same signatures and the same verdicts.
 *
 * Law: what passes or fails here passes or fails with the real package; only the messages are plainer.
 * It stands in for the package where JSR cannot be reached, and serves Bun and Node.
 *
 * Source: https://jsr.io/@std/assert.
 *
 * @module
 */

import { inspect } from "node:util";
import { equal } from "./equal.ts";

export { equal };

/** Every value that counts as false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

type AnyClass<T> = abstract new (...args: never[]) => T;

/** What a failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Fails if `expr` is truthy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Fails unless both are deeply equal; see `equal`. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) fail_with(`Values are not equal${suffix(msg)}`, actual, expected);
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(`Expected a value other than ${show(expected)}${suffix(msg)}`);
}

/** Fails unless both are the same value, by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  fail_with(`Values are not strictly equal${suffix(msg)}`, actual, expected);
}

/** Fails if both are the same value, by `Object.is`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!Object.is(actual, expected)) return;
  throw new AssertionError(`Expected a value other than this very ${show(expected)}${suffix(msg)}`);
}

/** Fails unless the distance is at most `tolerance`; default: 1e-7 of `expected`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (Math.abs(expected - actual) <= allowed) return;
  throw new AssertionError(
    `Expected ${actual} to be within ${allowed} of ${expected}${suffix(msg)}`,
  );
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) fail_to_order(actual, ">", expected, msg);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) fail_to_order(actual, ">=", expected, msg);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) fail_to_order(actual, "<", expected, msg);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) fail_to_order(actual, "<=", expected, msg);
}

/** Fails if `actual` is null or undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== null && actual !== undefined) return;
  throw new AssertionError(`Expected ${actual} not to be null or undefined${suffix(msg)}`);
}

/** Fails unless `actual` is an instance of the class. */
export function assertInstanceOf<T extends AnyClass<unknown>>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw new AssertionError(
    `Expected an instance of ${expectedType.name}, got ${show(actual)}${suffix(msg)}`,
  );
}

/** Fails unless the text matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected ${show(actual)} to match ${expected}${suffix(msg)}`);
}

/** Fails unless the text contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(`Expected ${show(actual)} to contain ${show(expected)}${suffix(msg)}`);
}

/** Fails unless each value of `expected` deeply equals one of `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T> & object,
  expected: ArrayLike<T> & object,
  msg?: string,
): void {
  const there = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !there.some((one) => equal(one, item)));
  if (missing.length === 0) return;
  throw new AssertionError(`Expected ${show(actual)} to include ${show(missing)}${suffix(msg)}`);
}

/**
 * Fails unless `actual` has everything that `expected` has, deeply. Prototypes do not matter; an
 * array may be longer than expected, a Map or Set larger.
 */
export function assertObjectMatch(
  actual: object,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  if (!matches(actual, expected)) {
    fail_with(`Values do not match${suffix(msg)}`, actual, expected);
  }
}

/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws an instance of the class, its message containing `msgIncludes`; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  class_or_msg?: AnyClass<Error> | string,
  msg_includes?: string,
  msg?: string,
): unknown {
  const wanted = expectation(class_or_msg, msg_includes, msg);
  try {
    fn();
  } catch (error) {
    check_error(error, wanted);
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(wanted.msg)}`);
}

/** Fails unless `fn` returns a promise that rejects; gives what it rejected with. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/**
 * Fails unless `fn` returns a promise that rejects with an instance of the class, its message
 * containing `msgIncludes`; gives that error.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  class_or_msg?: AnyClass<Error> | string,
  msg_includes?: string,
  msg?: string,
): Promise<unknown> {
  const wanted = expectation(class_or_msg, msg_includes, msg);
  const promise = call_for_promise(fn, wanted.msg);
  try {
    await promise;
  } catch (error) {
    check_error(error, wanted);
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(wanted.msg)}`);
}

/** Fails. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Fails: the line was not meant to be reached. */
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${suffix(msg)}`);
}

interface Expectation {
  readonly error_class: AnyClass<Error> | undefined;
  readonly includes: string | undefined;
  readonly msg: string | undefined;
}

function expectation(
  class_or_msg: AnyClass<Error> | string | undefined,
  includes: string | undefined,
  msg: string | undefined,
): Expectation {
  if (typeof class_or_msg === "string") {
    return { error_class: undefined, includes: undefined, msg: class_or_msg };
  }
  return { error_class: class_or_msg, includes, msg };
}

/** Without a class whatever was thrown will do, as in the package. */
function check_error(error: unknown, { error_class, includes, msg }: Expectation): void {
  if (error_class === undefined) return;
  if (!(error instanceof error_class)) {
    throw new AssertionError(
      `Expected error to be an instance of ${error_class.name}, but was ${show(error)}${
        suffix(msg)
      }`,
      { cause: error },
    );
  }
  if (includes === undefined || error.message.includes(includes)) return;
  throw new AssertionError(
    `Expected error message to include ${show(includes)}, but got ${show(error.message)}${
      suffix(msg)
    }`,
    { cause: error },
  );
}

function call_for_promise(fn: () => PromiseLike<unknown>, msg?: string): PromiseLike<unknown> {
  let promise: unknown;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(`Function throws when expected to reject${suffix(msg)}`, {
      cause: error,
    });
  }
  if (is_thenable(promise)) return promise;
  throw new AssertionError(`Function throws when expected to reject${suffix(msg)}`);
}

function is_thenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

function matches(actual: unknown, expected: unknown): boolean {
  if (!is_container(actual) || !is_container(expected)) return equal(actual, expected);
  if (Array.isArray(expected)) {
    return Array.isArray(actual) && expected.every((item, i) => matches(actual[i], item));
  }
  if (expected instanceof Map) {
    return actual instanceof Map &&
      expected.entries().every(([key, value]) =>
        actual.has(key) && matches(actual.get(key), value)
      );
  }
  if (expected instanceof Set) return actual instanceof Set && expected.isSubsetOf(actual);
  return Reflect.ownKeys(expected).every((key) =>
    Object.hasOwn(actual, key) && matches(Reflect.get(actual, key), Reflect.get(expected, key))
  );
}

function is_container(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof RegExp) &&
    !(value instanceof Date);
}

function fail_to_order<T>(actual: T, operator: string, expected: T, msg?: string): never {
  throw new AssertionError(msg ?? `Expect ${show(actual)} ${operator} ${show(expected)}`);
}

function fail_with(message: string, actual: unknown, expected: unknown): never {
  throw new AssertionError(
    `${message}\n  actual:   ${show(actual)}\n  expected: ${show(expected)}`,
  );
}

function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}

function show(value: unknown): string {
  return inspect(value, { depth: 10, maxArrayLength: 100, maxStringLength: 4000, sorted: true });
}
