/**
 * A backend that has portals, cursors and COPY, and fails wherever a test wants it to.
 *
 * Law: it answers as PostgreSQL does. What it is asked to run says what is to be returned:
 * `select N rows`, a table by the name of `N rows`; anything else returns nothing.
 *
 * @module
 */

import { BINARY_HEADER } from "../../src/connection/copy/copy_encoder.ts";
import type { Frontend, FrontendMessage } from "../support/frontend.ts";
import {
  bind_complete,
  close_complete,
  command_complete,
  concat,
  copy_data,
  copy_done,
  copy_in,
  copy_out,
  data_row,
  error_response,
  i16,
  i32,
  no_data,
  parameter_description,
  parse_complete,
  portal_suspended,
  ready,
  row_description,
  trust_startup,
} from "../support/messages.ts";
import type { Peer } from "../support/peer.ts";
import type { Script } from "../support/script.ts";

/** What may happen in place of an answer. */
export type Fault = "error" | "fatal" | "close" | "reset" | "hang";

interface Portal {
  readonly sql: string;
  /** Rows that were given. */
  given: number;
}

/** Ends the group, or the query, that it is thrown in. */
class Failure extends Error {
  readonly sqlstate: string;

  constructor(sqlstate: string) {
    super(sqlstate);
    this.sqlstate = sqlstate;
  }
}

/** One connection, and the requests to cancel. */
export class BulkBackend {
  /** Tells what happens in place of the answer with this number, from 1. */
  fault: (answer: number) => Fault | undefined = () => undefined;
  /** Called with each message of the client. */
  on_message: (message: FrontendMessage) => void = () => {};
  /** How many answers were to be sent. */
  answers = 0;
  /** How many bytes were sent since the start-up. */
  sent = 0;
  /** How many may be; then the connection is lost. */
  limit: number = Infinity;
  /** What ran, in its order. */
  readonly log: string[] = [];
  /** Bytes of CopyData that came. */
  copied = 0;
  /** How many requests to cancel came. */
  cancels = 0;
  /** What ReadyForQuery says. */
  state = "I";
  /** The portals and cursors that are open. */
  readonly portals: Map<string, Portal> = new Map();
  #on_cancel: (() => void) | null = null;

  /** What hangs does no longer. */
  end_hang(): void {
    this.#on_cancel?.();
  }

  /** For `scripted()`. */
  readonly script: Script = async (peer) => {
    const first = await peer.next();
    if (first?.tag === "cancel") {
      this.cancels++;
      this.#on_cancel?.();
      return peer.close();
    }
    peer.send(trust_startup());
    await this.#serve(peer);
  };

  async #serve(peer: Peer): Promise<void> {
    const statements = new Map<string, string>();
    let skipping = false; // to the next Sync
    for (;;) {
      const message = await peer.next();
      if (message !== null) this.on_message(message);
      if (message === null || message.tag === "X") return peer.close();
      if (skipping && message.tag !== "S") continue;
      try {
        if (message.tag === "S") {
          skipping = false;
          await this.#ready(peer);
        } else if (message.tag === "Q") await this.#simple(message.sql, peer);
        else await this.#extended(message, statements, peer);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        await this.#fail(error, peer);
        if (message.tag === "Q") await this.#ready(peer);
        else skipping = true;
      }
      if (peer.client_closed || this.limit <= this.sent) return;
    }
  }

  async #extended(
    message: FrontendMessage,
    statements: Map<string, string>,
    peer: Peer,
  ): Promise<void> {
    switch (message.tag) {
      case "P":
        statements.set(message.name, message.sql);
        return await this.#answer(peer, parse_complete());
      case "D": {
        const sql = message.kind === "S"
          ? statements.get(message.name)!
          : this.#portal(message.name).sql;
        if (message.kind === "S") {
          const count = new Set(sql.match(/\$\d+/g)).size;
          await this.#answer(peer, parameter_description(...Array(count).fill(25)));
        }
        const has_rows = rows_of(sql) !== null || sql.startsWith("FETCH");
        return await this.#answer(peer, has_rows ? row_description("n") : no_data());
      }
      case "B":
        this.portals.set(message.portal, { sql: statements.get(message.statement)!, given: 0 });
        return await this.#answer(peer, bind_complete());
      case "E":
        return await this.#execute(this.#portal(message.portal), message.max_rows, peer);
      case "C":
        this.portals.delete(message.name);
        return await this.#answer(peer, close_complete());
    }
  }

  async #execute(portal: Portal, max_rows: number, peer: Peer): Promise<void> {
    const rows = rows_of(portal.sql);
    const declared = /DECLARE "(.*)" .*CURSOR/.exec(portal.sql);
    const fetched = /FETCH FORWARD (\d+|ALL) FROM "(.*)"/.exec(portal.sql);
    this.#check_state(portal.sql);
    if (portal.given === 0) this.log.push(portal.sql);
    if (declared !== null) {
      this.portals.set(declared[1]!, { sql: portal.sql, given: 0 });
      return await this.#answer(peer, command_complete("DECLARE CURSOR"));
    }
    if (fetched !== null) {
      const cursor = this.#portal(fetched[2]!);
      const left = rows_of(cursor.sql)! - cursor.given;
      const count = fetched[1] === "ALL" ? left : Math.min(left, Number(fetched[1]));
      for (let i = 0; i < count; i++) await this.#answer(peer, data_row(String(++cursor.given)));
      return await this.#answer(peer, command_complete(`FETCH ${count}`));
    }
    if (rows === null) return await this.#answer(peer, command_complete(this.#tag(portal.sql)));
    for (let i = 0; portal.given < rows; i++) {
      if (i === max_rows && max_rows > 0) return await this.#answer(peer, portal_suspended());
      await this.#answer(peer, data_row(String(++portal.given)));
    }
    await this.#answer(peer, command_complete(`SELECT ${rows}`));
  }

  async #simple(sql: string, peer: Peer): Promise<void> {
    const texts = sql.split(";").map((text) => text.trim()).filter((text) => text !== "");
    for (const text of texts) {
      this.#check_state(text);
      this.log.push(text);
      if (/^copy .* from stdin/is.test(text)) await this.#copy_in(peer);
      else if (/^copy .* to stdout/is.test(text)) await this.#copy_out(text, peer);
      else await this.#answer(peer, command_complete(this.#tag(text)));
    }
    await this.#ready(peer);
  }

  async #copy_in(peer: Peer): Promise<void> {
    await this.#answer(peer, copy_in(0, [0]));
    for (;;) {
      const message = await peer.next();
      if (message === null) throw new Failure("08006");
      this.on_message(message);
      if (message.tag === "c") break;
      if (message.tag !== "d") throw new Failure("57014");
      this.copied += message.data.length;
      await this.#answer(peer, new Uint8Array(0)); // a fault may be found in any piece
    }
    await this.#answer(peer, command_complete("COPY 1"));
  }

  async #copy_out(sql: string, peer: Peer): Promise<void> {
    const rows = rows_of(sql) ?? 0;
    const is_binary = sql.includes("binary");
    await this.#answer(peer, copy_out(is_binary ? 1 : 0, [is_binary ? 1 : 0]));
    if (is_binary) await this.#answer(peer, copy_data(BINARY_HEADER));
    for (let i = 1; i <= rows; i++) {
      const text = String(i);
      const row = is_binary ? concat(i16(1), i32(text.length), text) : `${text}\n`;
      await this.#answer(peer, copy_data(row));
    }
    if (is_binary) await this.#answer(peer, copy_data(i16(-1)));
    await this.#answer(peer, copy_done());
    await this.#answer(peer, command_complete(`COPY ${rows}`));
  }

  #check_state(sql: string): void {
    if (this.state === "E" && !/^(COMMIT|ROLLBACK)/.test(sql)) throw new Failure("25P02");
  }

  /** The command tag, and what the statement does to the transaction. */
  #tag(sql: string): string {
    let word = /^\w+( TO)?/i.exec(sql)?.[0].toUpperCase() ?? "";
    if (word === "COMMIT" && this.state === "E") word = "ROLLBACK";
    if (word === "BEGIN" || word === "ROLLBACK TO") this.state = "T";
    else if (word === "COMMIT" || word === "ROLLBACK") {
      this.state = "I";
      this.portals.clear();
    }
    return word === "INSERT" ? "INSERT 0 1" : word.split(" ")[0]!;
  }

  #portal(name: string): Portal {
    const portal = this.portals.get(name);
    if (portal === undefined) throw new Failure("34000");
    return portal;
  }

  async #answer(peer: Peer, bytes: Uint8Array): Promise<void> {
    const fault = this.fault(++this.answers);
    if (fault === undefined) return this.#send(peer, bytes);
    if (fault === "hang") {
      await new Promise<void>((resolve) => this.#on_cancel = resolve);
      throw new Failure("57014");
    }
    if (fault === "error") throw new Failure("22000");
    if (fault === "fatal") {
      peer.send(error_response("57P01", "no more", { S: "FATAL", V: "FATAL" }));
    }
    if (fault === "reset") peer.reset();
    else peer.close();
    this.limit = 0;
  }

  async #fail(failure: Failure, peer: Peer): Promise<void> {
    if (this.state === "T") this.state = "E";
    this.#send(peer, error_response(failure.sqlstate, `no: ${failure.sqlstate}`));
    await Promise.resolve();
  }

  async #ready(peer: Peer): Promise<void> {
    if (this.state === "I") this.portals.clear();
    try {
      await this.#answer(peer, new Uint8Array(0)); // what the end of a transaction may bring
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      await this.#fail(error, peer);
    }
    this.#send(peer, ready(this.state));
  }

  #send(peer: Peer, bytes: Uint8Array): void {
    const left = this.limit - this.sent;
    if (left <= 0) return peer.close();
    this.sent += bytes.length;
    peer.send(bytes.subarray(0, left));
    if (bytes.length >= left) peer.close();
  }
}

/** How many rows a statement returns; null: it returns none at all. */
function rows_of(sql: string): number | null {
  const match = /\b(\d+) rows/.exec(sql);
  return match === null ? null : Number(match[1]);
}

/** The first message with a tag. */
export function first<Tag extends FrontendMessage["tag"]>(
  messages: readonly FrontendMessage[],
  tag: Tag,
): Frontend<Tag> | undefined {
  return messages.find((message) => message.tag === tag) as Frontend<Tag> | undefined;
}
