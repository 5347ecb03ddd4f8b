/**
 * What a named cursor asks of its portal besides rows.
 *
 * A cursor that DECLARE made is a portal of the same name. That there is none to
 * be closed is no error, not even in a failed transaction, unlike with CLOSE.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { BackendMessage, ColumnDescription } from "../../protocol/backend.ts";
import { encode_close, encode_describe, encode_sync } from "../../protocol/frontend.ts";
import { server_error } from "../../server_error.ts";
import { Exchange, type Step, unexpected } from "../wire/exchange.ts";
import type { Wire } from "../wire/wire.ts";

/** Closes a portal, if there is one. */
export class ClosePortal extends Exchange<void> {
  readonly #name: string;
  #error: unknown = null;

  /** @param name The portal's. */
  constructor(name: string) {
    super();
    this.#name = name;
  }

  override encode(writer: ByteWriter): void {
    encode_close(writer, "portal", this.#name);
    encode_sync(writer);
  }

  override message(message: BackendMessage): void {
    if (message.name === "ErrorResponse") this.#error ??= server_error(message.diag, null);
    else if (message.name !== "CloseComplete") throw unexpected(message.name);
  }

  override ready(): Step {
    if (this.#error === null) this.resolve();
    else this.reject(this.#error);
    return "done";
  }
}

/** What a portal returns, and in which transaction it does. */
export interface PortalDescription {
  /** Its columns. */
  readonly columns: readonly ColumnDescription[];
  /** The wire's, when it was described. */
  readonly idle_count: number;
}

/** Describes a portal. */
export class DescribePortal extends Exchange<PortalDescription> {
  readonly #wire: Wire;
  readonly #name: string;
  #columns: readonly ColumnDescription[] = [];
  #error: unknown = null;

  /** @param name The portal's. */
  constructor(wire: Wire, name: string) {
    super();
    this.#wire = wire;
    this.#name = name;
  }

  override encode(writer: ByteWriter): void {
    encode_describe(writer, "portal", this.#name);
    encode_sync(writer);
  }

  override message(message: BackendMessage): void {
    if (message.name === "RowDescription") this.#columns = message.columns;
    else if (message.name === "ErrorResponse") this.#error ??= server_error(message.diag, null);
    else if (message.name !== "NoData") throw unexpected(message.name);
  }

  override ready(): Step {
    if (this.#error !== null) this.reject(this.#error);
    else this.resolve({ columns: this.#columns, idle_count: this.#wire.idle_count });
    return "done";
  }
}
