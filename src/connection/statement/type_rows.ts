/**
 * What the catalogue is asked of types, and how it answers.
 *
 * @module
 */

/** One type, as `LOOKUP` returns it. */
export interface TypeRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `pg_type.typtype`: base, composite, domain, enum, multirange, pseudo, range. */
  readonly kind: string;
  /** `pg_type.typarray`. */
  readonly array_oid: number;
  /** `pg_type.typdelim`. */
  readonly delimiter: string;
  /** Of an array, its elements' type; else 0. */
  readonly element: number;
  /** Of a domain, what it is over; else 0. */
  readonly base: number;
  /** Of a range or multirange, its bounds' type; else 0. */
  readonly subtype: number;
  /** Of a composite type, its attributes. */
  readonly attributes: readonly string[];
  /** And their types. */
  readonly attribute_types: readonly number[];
}

/**
 * Describes the types in `$1`, the text of an `oid[]`. Takes PostgreSQL 14; `LOOKUP_13` those before,
 * which have no multiranges.
 */
export const LOOKUP: string = lookup("any (array[r.rngtypid, r.rngmultitypid])");
/** As `LOOKUP`. */
export const LOOKUP_13: string = lookup("r.rngtypid");

/** Whether a row is as `LOOKUP` asks for it. */
export function is_type_row(row: unknown): row is TypeRow {
  const { attributes, attribute_types, ...others } = row as TypeRow;
  return Array.isArray(attributes) && Array.isArray(attribute_types) &&
    attributes.length === attribute_types.length &&
    NUMBERS.every((name) => typeof others[name] === "number") &&
    TEXTS.every((name) => typeof others[name] === "string");
}

const NUMBERS = ["oid", "array_oid", "element", "base", "subtype"] as const;
const TEXTS = ["schema", "name", "kind", "delimiter"] as const;

function lookup(range: string): string {
  // Everything is qualified, so that no search_path decides what runs (CVE-2018-1058).
  return `select t.oid, n.nspname as schema, t.typname as name, t.typtype::pg_catalog.text as kind,
  t.typarray as array_oid, t.typdelim::pg_catalog.text as delimiter,
  case when e.typarray operator(pg_catalog.=) t.oid then e.oid else 0 end as element,
  t.typbasetype as base, coalesce(r.rngsubtype, 0) as subtype,
  array(select a.attname from pg_catalog.pg_attribute a
    where a.attrelid operator(pg_catalog.=) t.typrelid and a.attnum operator(pg_catalog.>) 0
      and not a.attisdropped order by a.attnum) as attributes,
  array(select a.atttypid from pg_catalog.pg_attribute a
    where a.attrelid operator(pg_catalog.=) t.typrelid and a.attnum operator(pg_catalog.>) 0
      and not a.attisdropped order by a.attnum) as attribute_types
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) t.typnamespace
left join pg_catalog.pg_type e on e.oid operator(pg_catalog.=) t.typelem
left join pg_catalog.pg_range r on t.oid operator(pg_catalog.=) ${range}
where t.oid operator(pg_catalog.=) any ($1::pg_catalog.oid[])`;
}
