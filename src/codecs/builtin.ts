/**
 * Every codec a connection knows before it asks the server anything.
 *
 * To add a type: write `src/codecs/<name>.ts`, add its line here, add its rows
 * to `tests/codecs/samples.ts`. Nothing else changes.
 *
 * @module
 */

import { vector_codec } from "./array.ts";
import { bit, char, tid, varbit } from "./bits.ts";
import { bool } from "./bool.ts";
import { bytea } from "./bytea.ts";
import type { CodecOptions, TypeCodec } from "./codec.ts";
import { date, time, timetz } from "./date.ts";
import { float4, float8 } from "./floats.ts";
import { geometric_types } from "./geometric.ts";
import { big_integers, cid, int2, int4, oid, xid } from "./integers.ts";
import { interval } from "./interval.ts";
import { json_codecs } from "./json.ts";
import { cidr, inet, macaddr, macaddr8 } from "./network.ts";
import { numeric } from "./numeric.ts";
import { CodecRegistry } from "./registry.ts";
import { temporal_types } from "./temporal.ts";
import { texts } from "./text.ts";
import { text_only_types } from "./text_only.ts";
import { timestamp, timestamptz } from "./timestamp.ts";
import { uuid } from "./uuid.ts";
import { void_type } from "./void.ts";

/** Every builtin codec but those of arrays, which the registry derives. */
export function builtin_codecs(options: CodecOptions = {}): readonly TypeCodec[] {
  return [
    bool,
    int2,
    int4,
    oid,
    xid,
    cid,
    ...big_integers(options.int8),
    float4,
    float8,
    numeric,
    ...texts,
    ...text_only_types,
    char,
    bytea,
    uuid,
    ...json_codecs(options.enable_json),
    ...(options.temporal ? temporal_types : [timestamp, timestamptz, date, time, interval]),
    timetz,
    inet,
    cidr,
    macaddr,
    macaddr8,
    bit,
    varbit,
    tid,
    ...geometric_types,
    void_type,
    vector_codec("int2vector", 22, 1006, int2),
    vector_codec("oidvector", 30, 1013, oid),
  ];
}

/** The registry that a connection begins with; one for all with these options. */
export function builtin_registry(options: CodecOptions = {}): CodecRegistry {
  const { int8, temporal, enable_json } = options;
  const key = `${int8 ?? "bigint"} ${temporal ?? false} ${enable_json ?? true}`;
  const known = registries.get(key);
  if (known !== undefined) return known;
  const registry = new CodecRegistry(builtin_codecs(options));
  registries.set(key, registry);
  return registry;
}

const registries: Map<string, CodecRegistry> = new Map();
