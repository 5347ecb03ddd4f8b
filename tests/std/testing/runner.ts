/**
 * What `describe` and `it` ask of a runtime's own test runner.
 *
 * @module
 */

/** How long a test or a hook may take, in milliseconds: a wait that never ends fails by name. */
export const TEST_LIMIT = 30_000;

/** A test, a suite's declarations, or a hook. A suite's must not return a promise. */
export type Body = () => void | Promise<void>;

/** Where a test or suite differs from others. */
export interface Options {
  /** Leave it out of the run. Default: false. */
  readonly ignore?: boolean;
  /** Leave out all others. Default: false. */
  readonly only?: boolean;
}

/** What each runtime's runner provides. */
export interface Runner {
  /** Declares a suite. */
  describe(name: string, options: Options, fn: Body): void;
  /** Declares a test. */
  it(name: string, options: Options, fn: Body): void;
  /** Runs once before the first test of the suite, or of the file. */
  beforeAll(fn: Body): void;
  /** Runs once after the last test of the suite, or of the file. */
  afterAll(fn: Body): void;
  /** Runs before each test of the suite, or of the file; outer ones first. */
  beforeEach(fn: Body): void;
  /** Runs after each test of the suite, or of the file; inner ones first. */
  afterEach(fn: Body): void;
}
