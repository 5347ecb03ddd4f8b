/**
 * How a session looks types up, and notices that it altered some.
 *
 * Law: nothing is looked up twice, but the head of the wire waits for nobody: what others look up may
 * be queued behind it.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import { object_row } from "../../rows/factories.ts";
import { is_protocol_error } from "../wire/exchange.ts";
import { QueryExchange } from "./query.ts";
import { QueryContext, type StatementSession } from "./query_context.ts";
import { TextForm } from "./text_form.ts";
import { TypeCatalog } from "./type_catalog.ts";
import { is_type_row, LOOKUP, LOOKUP_13 } from "./type_rows.ts";

/** Seconds for a look into the catalogue. */
const TIMEOUT = 30;
/** The first server with multiranges. */
const MULTIRANGES = 14;
/** Command tags of what changes a type's attributes. */
const ALTERS = /^(?:ALTER (?:TYPE|TABLE|VIEW|FOREIGN|MATERIALIZED|EXTENSION)|CREATE VIEW)/;
/** What the lookup returns is of system types, whatever codecs the user has. */
const PLAIN_TYPES = new TypeCatalog({});
const PLAIN_TEXT = new TextForm(new Map());

/** Looks types up in one session. */
export class TypeLookup {
  readonly #session: StatementSession;
  readonly #altered: Set<TypeCatalog> = new Set(); // in a transaction that may still be open
  #last: Promise<void> = Promise.resolve(); // never rejects

  /** @param session Where they are looked up. */
  constructor(session: StatementSession) {
    this.#session = session;
  }

  /** Looks `oids` up for `types`. `first`: before the head of the wire, which waits for them. */
  learn(types: TypeCatalog, oids: readonly number[], first: boolean): Promise<void> {
    if (types === PLAIN_TYPES) return Promise.reject(no_answer()); // it has system types only
    if (first) return this.#look_up(types, oids, true);
    const looked_up = this.#last.then(() => this.#look_up(types, oids, false));
    this.#last = looked_up.catch(() => {}); // told to who asked
    return looked_up;
  }

  /** A statement was completed: forgets all types, if it may have altered one. */
  completed(types: TypeCatalog, command_tag: string): void {
    if (!ALTERS.test(command_tag)) return;
    types.forget();
    this.#altered.add(types);
  }

  /** No transaction is open: other sessions saw the types as they were, until now. */
  settle(): void {
    if (this.#altered.size === 0) return;
    for (const types of this.#altered) types.forget();
    this.#altered.clear();
  }

  async #look_up(types: TypeCatalog, oids: readonly number[], first: boolean): Promise<void> {
    const { wire, parameters, statements } = this.#session;
    const version = parseInt(parameters.get("server_version") ?? "");
    const query = version >= MULTIRANGES ? LOOKUP : LOOKUP_13;
    const context = new QueryContext(this.#session, PLAIN_TYPES, statements, PLAIN_TEXT);
    await types.load(oids, async (oids) => {
      const lookup = new QueryExchange(context, query, [`{${oids.join()}}`], object_row);
      lookup.independent = true; // of the statements around it
      if (first) wire.submit_first(lookup, TIMEOUT);
      else wire.submit(lookup, TIMEOUT);
      try {
        const { rows } = await lookup.promise;
        if (rows.every(is_type_row)) return rows;
        throw no_answer();
      } catch (error) {
        if (is_protocol_error(error)) wire.destroy(error);
        throw error;
      }
    });
  }
}

function no_answer(): OperationalError {
  return new OperationalError(
    "cannot look types up: the server must answer with rows of the catalogue, but does not",
    { sqlstate: "08P01", hint: "a proxy between may have mixed up two conversations" },
  );
}
