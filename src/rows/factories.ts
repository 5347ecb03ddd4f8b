/**
 * Row factories: which shape a row's values take.
 *
 * A factory gets the columns once per result and returns what makes one row of
 * each array of values. The three without an argument are known to the
 * decoder, which builds their rows without the array between (decoder.ts).
 *
 * @module
 */

import { set_own } from "../codecs/composite.ts";
import type { Column } from "./column.ts";

/** Makes, for a result's columns, the function that makes a row of its values. */
export type RowFactory<R> = (columns: readonly Column[]) => (values: unknown[]) => R;

/** Any row as an object. */
// deno-lint-ignore no-explicit-any -- which types a statement returns is not known to the compiler
export type ObjectRow = Record<string, any>;

/**
 * Rows as plain objects, the default. A repeated column name takes the next
 * free `_2`, `_3`, ...: no value is lost. `__proto__` is an own property like any other.
 */
export function object_row<R extends ObjectRow = ObjectRow>(
  columns: readonly Column[],
): (values: unknown[]) => R {
  const names = unique_names(columns);
  return (values) => {
    const row: ObjectRow = {};
    for (let i = 0; i < names.length; i++) set_own(row, names[i]!, values[i]);
    return row as R;
  };
}

/** Rows as arrays, aiopg's shape. */
// deno-lint-ignore no-explicit-any -- as ObjectRow
export function tuple_row<R extends any[] = any[]>(
  _columns: readonly Column[],
): (values: unknown[]) => R {
  return (values) => values as R;
}

/** The first column alone. */
// deno-lint-ignore no-explicit-any -- as ObjectRow
export function scalar_row(_columns: readonly Column[]): (values: unknown[]) => any {
  return (values) => values[0] ?? null;
}

/**
 * Rows as `new type(object)`, with the object that `object_row` makes.
 *
 * @param type A class whose constructor takes the row.
 */
// deno-lint-ignore no-explicit-any -- a constructor may ask for certain columns
export function class_row<T>(type: new (row: any) => T): RowFactory<T> {
  return (columns) => {
    const make = object_row(columns);
    return (values) => new type(make(values));
  };
}

/** The columns' names, each made unique: `n`, `n_2`, `n_3`. */
export function unique_names(columns: readonly Column[]): string[] {
  const taken = new Set(columns.map((column) => column.name));
  const seen = new Set<string>();
  const next = new Map<string, number>(); // of each name that was repeated, the number to try
  return columns.map(({ name }) => {
    let unique = name;
    let n = next.get(name) ?? 2;
    for (; seen.has(unique) || (unique !== name && taken.has(unique)); n++) {
      unique = `${name}_${n}`;
    }
    if (unique !== name) next.set(name, n);
    seen.add(unique);
    return unique;
  });
}
