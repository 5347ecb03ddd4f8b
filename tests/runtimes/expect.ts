/**
 * Assertions for what runs where nothing can be installed, such as inside a Worker.
 *
 * @module
 */

/** A class of errors. */
export type ErrorClass<E extends Error = Error> = abstract new (...args: never[]) => E;

/** Throws unless both print the same: bigints, bytes, dates, NaN and undefined are told apart. */
export function equal(actual: unknown, expected: unknown): void {
  const [is, should] = [print(actual), print(expected)];
  if (is !== should) throw new Error(`it should be ${should}, but is ${is}`);
}

/** Throws if it is false. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`it should hold that ${what}, but it does not`);
}

/** Throws unless `work` rejects with an error of this class, whose message matches; returns it. */
export async function rejects<E extends Error>(
  work: () => Promise<unknown>,
  error_class: ErrorClass<E>,
  message: RegExp = /./,
): Promise<E> {
  try {
    await work();
  } catch (error) {
    if (error instanceof error_class && message.test(error.message)) return error;
    throw new Error(
      `it should reject with ${error_class.name} ${message}, but did so with ${error}`,
    );
  }
  throw new Error(`it should reject with ${error_class.name}, but did not`);
}

function print(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) {
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  }
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${[...value]}`;
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  const members = Object.entries(value).map(([name, member]) => `${name}: ${print(member)}`);
  return `{${members.join(", ")}}`;
}
