/**
 * Takes options that are not `connect()`'s out of what a call was given.
 *
 * @module
 */

/** What a call was given. */
export interface Split<Own, Options> {
  /** The options of these names; the last argument's before those of the first. */
  readonly own: Partial<Own>;
  /** What is left of the first argument. */
  readonly dsn: string | URL | Options | undefined;
  /** What is left of the last argument. */
  readonly options: Options | undefined;
}

/** Splits what `connect()` or `create_pool()` was called with. Absent, undefined and null are the same. */
export function split_options<Own extends object, Options extends object>(
  names: readonly (keyof Own)[],
  dsn: string | URL | (Own & Options) | undefined,
  options: (Own & Options) | undefined,
): Split<Own, Options> {
  const [own, rest] = split<Own, Options>(names, options);
  if (typeof dsn !== "object" || dsn === null || dsn instanceof URL) {
    return { own, dsn, options: rest };
  }
  const [weaker, rest_of_dsn] = split<Own, Options>(names, dsn);
  return { own: { ...weaker, ...own }, dsn: rest_of_dsn, options: rest };
}

function split<Own extends object, Options extends object>(
  names: readonly (keyof Own)[],
  given: (Own & Options) | undefined,
): [own: Partial<Own>, rest: Options | undefined] {
  if (typeof given !== "object" || given === null) return [{}, given]; // others complain
  const own: Record<string, unknown> = {};
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    (names.includes(name as keyof Own) ? own : rest)[name] = value;
  }
  return [own as Partial<Own>, rest as Options];
}
