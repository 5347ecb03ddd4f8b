/**
 * Types that are asked for as text, because their bytes are no shorter way to
 * it, or say less: `reg*` are OIDs, `money` has no currency, `tsvector` and
 * `tsquery` would be printed here as the server prints them already.
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { number_text } from "./kinds.ts";
import { printed_codec } from "./printed.ts";

/** The types that have only a text form here. */
export const text_only_types: readonly TypeCodec<string>[] = [
  printed_codec({ name: "money", oid: 790, array_oid: 791, encode_text: amount }),
  printed_codec({ name: "tsvector", oid: 3614, array_oid: 3643 }),
  printed_codec({ name: "tsquery", oid: 3615, array_oid: 3645 }),
  printed_codec({ name: "gtsvector", oid: 3642, array_oid: 3644 }),
  printed_codec({ name: "aclitem", oid: 1033, array_oid: 1034 }),
  printed_codec({ name: "pg_node_tree", oid: 194, array_oid: 0 }),
  printed_codec({ name: "pg_lsn", oid: 3220, array_oid: 3221 }), // %X/%X, or %X/%08X from 19
  printed_codec({ name: "pg_snapshot", oid: 5038, array_oid: 5039 }),
  printed_codec({ name: "txid_snapshot", oid: 2970, array_oid: 2949 }),
  name_type("regproc", 24, 1008),
  name_type("regprocedure", 2202, 2207),
  name_type("regoper", 2203, 2208),
  name_type("regoperator", 2204, 2209),
  name_type("regclass", 2205, 2210),
  name_type("regcollation", 4191, 4192),
  name_type("regtype", 2206, 2211),
  name_type("regrole", 4096, 4097),
  name_type("regnamespace", 4089, 4090),
  name_type("regconfig", 3734, 3735),
  name_type("regdictionary", 3769, 3770),
];

/** A name that stands for an OID; the OID is taken too. */
function name_type(name: string, oid: number, array_oid: number): TypeCodec<string> {
  return printed_codec({
    name,
    oid,
    array_oid,
    encode_text: (value) => number_text(value, "must be a name or an OID"),
  });
}

function amount(value: unknown): string {
  return number_text(value, "must be a number, a bigint or a string");
}
