/**
 * The tables that are read, made beforehand so that the server has little to do
 * while it is measured.
 *
 * @module
 */

/** Columns of `texts`. */
const TEXTS = Array.from({ length: 20 }, (_, i) => `t${i}`);
const WORDS = [
  "Zürich",
  "Ελλάδα",
  "東京タワー",
  "naïve café",
  "🐘 and more",
  "Łódź",
  "smörgåsbord",
];

/** How much is read: all, or a tenth of it. */
export interface Scale {
  /** Divides every size. */
  readonly divisor: number;
}

/** A size at a scale. */
export function scaled(size: number, { divisor }: Scale): number {
  return Math.ceil(size / divisor);
}

/** The statements that make the tables. */
export function fixtures(scale: Scale): string[] {
  const texts = TEXTS.map((name, i) =>
    `'${WORDS[i % WORDS.length]} ' || (n * ${i + 3}) as ${name}`
  );
  return [
    `create table items as
       select n::int4 as id, 'item ' || n as name, n * 0.37::float8 as price, n % 3 = 0 as sold,
              timestamptz '2024-02-29 12:34:56.789+00' + n * interval '97 seconds' as created,
              'a remark of some length on item ' || n as remark
       from generate_series(1, ${scaled(200_000, scale)}) n`,
    "alter table items add primary key (id)",
    `create table texts as
       select ${texts.join(", ")} from generate_series(1, ${scaled(20_000, scale)}) n`,
    `create table numbers as
       select n::int4 as n from generate_series(1, ${scaled(500_000, scale)}) n`,
    "create unlogged table target (id int4, name text, price float8)",
    "vacuum analyze items",
    "vacuum analyze texts",
    "vacuum analyze numbers",
  ];
}

/** Makes the buffers warm. */
export const TABLES: readonly string[] = ["items", "texts", "numbers"];
