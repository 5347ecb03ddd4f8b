/**
 * The tables of the README that are made of data, each between two marks.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";

const README = new URL("../../README.md", import.meta.url);

/** The cells of a table, its head first. */
export type Table = readonly (readonly string[])[];

/** The table that the README has between `<!-- name -->` and `<!-- /name -->`. */
export function readme_table(name: string): string[][] {
  const lines = between(readFileSync(README, "utf8"), name).split("\n");
  return lines.filter((line) => line.startsWith("|") && !/^[|\s:-]+$/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** Puts a table there, set as `deno fmt` sets it. Returns whether it is another one. */
export function write_readme_table(name: string, table: Table): boolean {
  const text = readFileSync(README, "utf8");
  const [open, close] = marks(name);
  const before = between(text, name);
  const after = `\n\n${markdown(table)}\n\n`;
  if (before === after) return false;
  writeFileSync(README, text.replace(`${open}${before}${close}`, `${open}${after}${close}`));
  return true;
}

/** The table as Markdown, its columns in line. */
export function markdown(table: Table): string {
  const [head = [], ...rows] = table;
  const widths = head.map((_, at) => Math.max(3, ...table.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function between(text: string, name: string): string {
  const [open, close] = marks(name);
  const start = text.indexOf(open);
  const end = text.indexOf(close);
  if (start < 0 || end < start) throw new Error(`cannot find ${open} and ${close} in README.md`);
  return text.slice(start + open.length, end);
}

function marks(name: string): [open: string, close: string] {
  return [`<!-- ${name} -->`, `<!-- /${name} -->`];
}
