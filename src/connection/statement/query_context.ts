/**
 * What a statement finds in the session that it runs in.
 *
 * @module
 */

import type { Clock } from "../../adapters/socket.ts";
import type { Diagnostic } from "../../errors.ts";
import type { Wire } from "../wire/wire.ts";
import type { StatementCache } from "./statements.ts";
import type { TextForm } from "./text_form.ts";
import type { TypeCatalog } from "./type_catalog.ts";

/** Where a statement runs. */
export interface QueryContext {
  readonly wire: Wire;
  readonly statements: StatementCache;
  /** Types that are not built in. */
  readonly types: TypeCatalog;
  /** What the text of results means. */
  readonly text_form: TextForm;
  /** Of the session. */
  readonly clock: Clock;
  /** Looks types up. `first`: before the head of the wire, which waits for them. */
  learn(oids: readonly number[], first: boolean): Promise<void>;
  /** The first error in the transaction that ends now; null if there was none. */
  failure(): Diagnostic | null;
  /** Told what a statement did, in case it changed what is known of the session. */
  completed(command_tag: string, sql: string): void;
}
