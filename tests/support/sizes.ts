/**
 * How large each entry module is when it is bundled; prints it.
 *
 *     deno run -A tests/support/sizes.ts            prints the table
 *     deno run -A tests/support/sizes.ts --write    puts it into the README
 *
 * @module
 */

import process from "node:process";
import { bundle_size, ENTRIES } from "./bundle.ts";
import { markdown, type Table, write_readme_table } from "./readme.ts";

/** The table of the README, by the bundles of now. */
export function sizes_table(): Table {
  const rows = Object.entries(ENTRIES).map(([name, file]) => {
    const { minified, gzipped } = bundle_size(file);
    return [`\`${name}\``, kilobytes(minified), kilobytes(gzipped)];
  });
  return [["import", "minified", "and gzipped"], ...rows];
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000)} kB`;
}

if (import.meta.main) {
  const table = sizes_table();
  console.log(markdown(table));
  if (process.argv.includes("--write")) write_readme_table("sizes", table);
}
