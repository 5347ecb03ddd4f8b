/**
 * Types that are not built in: looked up in the server's catalogue once per pool.
 *
 * Law: a type is looked up when a statement first shows its OID, with all that it
 * is made of; one that cannot be taken apart stays text. The registry in use is
 * never changed: statements that were described keep the codecs they had.
 *
 * Nobody is told when a type is altered. Where this pool does it, the command tag shows it; where
 * others do, a composite value's binary form does, by the types of its attributes. So where composite
 * types are known, results are asked for in it from the first. That others merely renamed an attribute shows only
 * when a value is written.
 *
 * Source: https://www.postgresql.org/docs/current/catalog-pg-type.html
 *
 * @module
 */

import { array_codec } from "../../codecs/array.ts";
import { builtin_registry } from "../../codecs/builtin.ts";
import type { Codec, CodecOptions, TypeCodec } from "../../codecs/codec.ts";
import { composite_codec, domain_codec, enum_codec } from "../../codecs/composite.ts";
import { hstore_codec } from "../../codecs/hstore.ts";
import { scalar_text } from "../../codecs/kinds.ts";
import { printed_codec } from "../../codecs/printed.ts";
import { multirange_codec, range_codec } from "../../codecs/range.ts";
import type { CodecRegistry } from "../../codecs/registry.ts";
import { text_codec } from "../../codecs/text.ts";
import { from_user_codec } from "../../codecs/user.ts";
import { DataError, InterfaceError } from "../../errors.ts";
import type { TypeRow } from "./type_rows.ts";

/** Types of types; each level is a look into the catalogue. */
const MAX_DEPTH = 100;

/** Milliseconds without another look after one that changed nothing. */
const PATIENCE = 10_000;

/** Runs `LOOKUP` for these OIDs. */
export type Ask = (oids: readonly number[]) => Promise<readonly TypeRow[]>;

/** The types that a pool's connections know. */
export class TypeCatalog {
  /** How often it has forgotten what it knew. What was described before may hold codecs that are no longer true. */
  epoch: number = 0;
  readonly #options: CodecOptions;
  readonly #codecs: readonly Codec[];
  readonly #builtin: CodecRegistry;
  readonly #named: ReadonlyMap<string, Codec>; // the user's, by `schema.name`
  readonly #asked: Set<number> = new Set(); // what stays text
  #has_composites = false;
  #origin: TypeCatalog | null = null;
  #registry: CodecRegistry;
  #in_vain_at = -Infinity;

  /**
   * @param codecs The user's own, in front of the builtin ones.
   * @throws {InterfaceError} If one is for a type that is not known and has neither OID nor schema.
   */
  constructor(options: CodecOptions, codecs: readonly Codec[] = []) {
    this.#options = options;
    this.#codecs = codecs;
    const builtin = builtin_registry(options);
    const placed = codecs.map((codec) => place(codec, builtin)).filter((codec) => codec !== null);
    this.#builtin = this.#registry = placed.length === 0 ? builtin : builtin.with(placed);
    this.#named = new Map(codecs.map((codec) => [codec.name, codec]));
  }

  /**
   * Whether some value may be misread from text, or must be converted by a user's codec before it is
   * sent: statements are then described before they first run.
   */
  get needs_description(): boolean {
    return this.#codecs.length > 0 || this.#has_composites;
  }

  /** Whether some types are a user's own to convert. */
  get has_codecs(): boolean {
    return this.#codecs.length > 0;
  }

  /** For results that come as text in any case: a catalog in which no composite type was looked up before. */
  for_text(): TypeCatalog {
    return this.#has_composites ? this.with([]) : this;
  }

  /** All that is known now. */
  get registry(): CodecRegistry {
    return this.#registry;
  }

  /** Another catalog, with these codecs in front of all others. Throws as the constructor does. */
  with(codecs: readonly Codec[]): TypeCatalog {
    const catalog = new TypeCatalog(this.#options, [...this.#codecs, ...codecs]);
    catalog.#origin = this;
    return catalog;
  }

  /** Those of `oids` that were never looked up. */
  missing(oids: Iterable<number>): number[] {
    const missing = new Set<number>();
    for (const oid of oids) {
      if (!this.#registry.has(oid) && !this.#asked.has(oid)) missing.add(oid);
    }
    return [...missing];
  }

  /**
   * Looks types up, and what they are made of.
   *
   * @throws {DataError} If that is made of others, and so on, deeper than any type is.
   */
  async load(oids: readonly number[], ask: Ask): Promise<void> {
    const { epoch } = this;
    const rows = new Map<number, TypeRow>();
    const asked = new Set<number>();
    for (let next = this.missing(oids), depth = 0; next.length > 0; depth++) {
      if (depth === MAX_DEPTH) throw too_deep();
      const answer = await ask(next);
      for (const oid of next) asked.add(oid);
      const found = answer.filter(({ oid }) => asked.has(oid));
      for (const row of found) rows.set(row.oid, row);
      next = this.missing(found.flatMap(parts_of)).filter((oid) => !asked.has(oid));
    }
    if (epoch !== this.epoch) return await this.load(oids, ask); // it was altered meanwhile
    this.#registry = this.#registry.with(this.#build(rows));
    for (const oid of asked) {
      if (!this.#registry.has(oid)) this.#asked.add(oid);
    }
  }

  /** Whether a type is known without being looked up. */
  is_builtin(oid: number): boolean {
    return this.#builtin.has(oid);
  }

  /**
   * A value does not fit its type as it was looked up: forgets all, in case that was altered.
   *
   * @param now Milliseconds.
   * @param in_vain Whether it did not fit what was looked up just now either.
   * @returns False if there is nothing to hope for, as nothing came of it lately.
   */
  doubt(now: number, in_vain: boolean): boolean {
    if (in_vain) this.#in_vain_at = now;
    if (now - this.#in_vain_at < PATIENCE) return false;
    this.forget();
    return true;
  }

  /** Forgets all that was looked up, as when the server shows that a type was altered. */
  forget(): void {
    this.#origin?.forget();
    if (this.#registry === this.#builtin && this.#asked.size === 0) return;
    this.#registry = this.#builtin;
    this.#asked.clear();
    this.#has_composites = false;
    this.epoch++;
  }

  #build(rows: ReadonlyMap<number, TypeRow>): TypeCodec[] {
    const built = new Map<number, TypeCodec | null>(); // null: cannot be known, or being built
    const codec_of = (oid: number): TypeCodec | null => {
      if (this.#registry.has(oid)) return this.#registry.lookup(oid);
      const known = built.get(oid);
      const row = rows.get(oid);
      if (known !== undefined || row === undefined) return known ?? null;
      built.set(oid, null);
      const codec = this.#make(row, codec_of);
      built.set(oid, codec);
      return codec;
    };
    for (const oid of rows.keys()) codec_of(oid);
    return [...built.values()].filter((codec) => codec !== null);
  }

  /** The codec of one type; null if it stays text. */
  #make(row: TypeRow, codec_of: (oid: number) => TypeCodec | null): TypeCodec | null {
    const { oid, array_oid, kind } = row;
    const name = `${row.schema}.${row.name}`;
    const own = this.#named.get(name);
    if (own !== undefined) return from_user_codec(own, oid, array_oid, row.delimiter);
    if (row.element !== 0) return made(codec_of(row.element), (type) => array_codec(type, oid));
    switch (kind) {
      case "e":
        return enum_codec(name, oid, array_oid);
      case "d":
        return made(codec_of(row.base), (base) => domain_codec(name, oid, array_oid, base));
      case "r":
        return made(codec_of(row.subtype), (type) => range_codec(name, oid, array_oid, type));
      case "m":
        return made(codec_of(row.subtype), (type) => multirange_codec(name, oid, array_oid, type));
      case "c":
        this.#has_composites = true;
        return composite_codec(
          name,
          oid,
          array_oid,
          row.attributes.map((attribute, i) => {
            const attribute_oid = row.attribute_types[i]!;
            return {
              name: attribute,
              codec: codec_of(attribute_oid) ?? as_text(name, attribute_oid, 0),
            };
          }),
        );
      case "b":
        if (row.name === "hstore" && this.#options.enable_hstore !== false) {
          return hstore_codec(oid, array_oid);
        }
        if (row.name === "citext") return text_codec(name, oid, array_oid);
        return { ...as_text(name, oid, array_oid), delimiter: row.delimiter };
    }
    return null;
  }
}

function too_deep(): DataError {
  return new DataError(
    `cannot look types up: they must be nested ${MAX_DEPTH} deep at most, but are deeper`,
  );
}

function made<T>(part: TypeCodec | null, make: (part: TypeCodec) => T): T | null {
  return part === null ? null : make(part);
}

function parts_of(row: TypeRow): number[] {
  return [row.element, row.base, row.subtype, ...row.attribute_types].filter((oid) => oid !== 0);
}

/** A type that stays as the server prints it. */
function as_text(name: string, oid: number, array_oid: number): TypeCodec {
  const encode_text = (value: unknown) => scalar_text(value, "must be a string");
  return printed_codec({ name, oid, array_oid, encode_text });
}

/** A user's codec under the OIDs it has or replaces; null if it must be looked up by name. */
function place(codec: Codec, builtin: CodecRegistry): TypeCodec | null {
  check_codec(codec);
  const known = codec.oid === undefined
    ? builtin.find(codec.name.replace(/^pg_catalog\./, ""))
    : builtin.lookup(codec.oid);
  const oid = codec.oid ?? known?.oid;
  if (oid !== undefined) {
    return from_user_codec(codec, oid, codec.array_oid ?? known?.array_oid ?? 0);
  }
  if (codec.name.includes(".")) return null;
  throw new InterfaceError(
    "cannot use codecs: each must have an oid, a builtin type's name, or a name with its schema, " +
      `but ${JSON.stringify(codec.name)} has none`,
  );
}

function check_codec(codec: Partial<Codec> | null): void {
  const { name, decode, encode, format = "binary" } = codec ?? {};
  const is_codec = typeof name === "string" && typeof decode === "function" &&
    typeof encode === "function" && (format === "binary" || format === "text");
  if (is_codec) return;
  throw new InterfaceError(
    'cannot use codecs: each must have a name, decode(), encode(), and a format of "binary" or ' +
      `"text" if any, but ${typeof name === "string" ? JSON.stringify(name) : "one"} has not`,
  );
}
