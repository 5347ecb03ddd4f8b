/**
 * Where a statement runs: its session, and how it reads types there.
 *
 * Law: a context never changes, so a statement ends with the types that it was called with. Who reads
 * types in another way, or keeps statements elsewhere, has another context.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import type { Codec } from "../../codecs/codec.ts";
import type { Diagnostic } from "../../errors.ts";
import type { Wire } from "../wire/wire.ts";
import { ends_transaction } from "./commit.ts";
import type { StatementCache } from "./statements.ts";
import type { TextForm } from "./text_form.ts";
import type { TypeCatalog } from "./type_catalog.ts";
import type { TypeLookup } from "./type_lookup.ts";

const FORGETS_STATEMENTS: ReadonlySet<string> = new Set(["DEALLOCATE ALL", "DISCARD ALL"]);

/** What statements need of their session. */
export interface StatementSession {
  readonly wire: Wire;
  readonly clock: Clock;
  /** What the server reports of itself. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly statements: StatementCache;
  /** What the text of results means. */
  readonly text_form: TextForm;
  readonly lookup: TypeLookup;
  /** The first error in the transaction that ends now; null if there was none. */
  failure(): Diagnostic | null;
}

/** Where a statement runs. */
export class QueryContext {
  /** The session's. */
  readonly wire: Wire;
  /** The session's. */
  readonly clock: Clock;
  /** Types that are not built in. */
  readonly types: TypeCatalog;
  /** Where statements are kept. */
  readonly statements: StatementCache;
  /** What the text of results means. */
  readonly text_form: TextForm;
  readonly #session: StatementSession;
  #by_codecs: WeakMap<readonly Codec[], QueryContext> | null = null;

  /** By default all but the types is the session's. */
  constructor(
    session: StatementSession,
    types: TypeCatalog,
    statements: StatementCache = session.statements,
    text_form: TextForm = session.text_form,
  ) {
    this.#session = session;
    this.wire = session.wire;
    this.clock = session.clock;
    this.types = types;
    this.statements = statements;
    this.text_form = text_form;
  }

  /** The same, with other types. */
  with_types(types: TypeCatalog): QueryContext {
    if (types === this.types) return this;
    return new QueryContext(this.#session, types, this.statements, this.text_form);
  }

  /** The same, but it keeps statements elsewhere. */
  with_statements(statements: StatementCache): QueryContext {
    return new QueryContext(this.#session, this.types, statements, this.text_form);
  }

  /** The same, with codecs of a statement's own; made once for each list of them. */
  with_codecs(codecs: readonly Codec[] | undefined): QueryContext {
    if (codecs === undefined || codecs.length === 0) return this;
    this.#by_codecs ??= new WeakMap();
    const known = this.#by_codecs.get(codecs);
    if (known !== undefined) return known;
    const context = this.with_types(this.types.with(codecs));
    this.#by_codecs.set(codecs, context);
    return context;
  }

  /** The same, with types as results that come as text in any case need them. */
  for_text(): QueryContext {
    return this.with_types(this.types.for_text());
  }

  /** Looks types up. `first`: before the head of the wire, which waits for them. */
  learn(oids: readonly number[], first: boolean): Promise<void> {
    return this.#session.lookup.learn(this.types, oids, first);
  }

  /** The first error in the transaction that ends now; null if there was none. */
  failure(): Diagnostic | null {
    return this.#session.failure();
  }

  /** Told what a statement did, in case it changed what is known of the session. */
  completed(command_tag: string, sql: string): void {
    const { lookup, statements, wire } = this.#session;
    lookup.completed(this.types, command_tag);
    if (FORGETS_STATEMENTS.has(command_tag)) statements.clear();
    if (ends_transaction(command_tag, sql)) wire.idle_count++;
  }
}
