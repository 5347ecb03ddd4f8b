/**
 * Assertions for the compiler: files here are checked, never run.
 *
 * @module
 */

/** Whether two types are the same, `any` and `unknown` told apart. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** What is said of a type. */
export interface TypeExpectation<Actual> {
  /** It is exactly `Expected`; the missing argument of an error names both. */
  equals<Expected>(
    ...mismatch: Same<Actual, Expected> extends true ? [] : [actual: Actual, expected: Expected]
  ): void;
}

/** Begins to say something of the type of a value. */
export declare function expect_type<Actual>(value: Actual): TypeExpectation<Actual>;
