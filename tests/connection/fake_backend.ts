/**
 * A backend that knows transactions and nothing else: a script for any course of statements.
 *
 * Law: it answers as PostgreSQL does: COMMIT and PREPARE in a failed transaction roll back; nothing but the end
 * of a transaction works in a failed one.
 *
 * @module
 */

import {
  bind_complete,
  command_complete,
  concat,
  data_row,
  error_response,
  i32,
  no_data,
  parameter_description,
  parse_complete,
  ready,
  row_description,
  trust_startup,
} from "../support/messages.ts";
import type { Peer } from "../support/peer.ts";
import type { Script } from "../support/script.ts";

/** What is to be done with a statement: an error by its SQLSTATE, or one of these. */
export type Deed = "reset" | "hang" | `${number}` | string | undefined;

/** One or more connections, and the requests to cancel. */
export class FakeBackend {
  /** The statements that it was asked to run, in their order. */
  readonly log: string[] = [];
  /** In which transaction each of `log` ran, from 1; 0: in none. */
  readonly transactions: number[] = [];
  /** The statements that were prepared. */
  readonly prepared: string[] = [];
  /** How many requests to cancel came. */
  cancels = 0;
  /** Tells what to do with the next run of a statement; else it succeeds. */
  deed: (sql: string) => Deed = () => undefined;
  /** Types (text, bytea or of four bytes) and values, in text, of what functions return; else a text: the statement's. */
  readonly results: Map<string, { readonly type_oid: number; readonly value: string }> = new Map();
  #state = "I";
  #begun = 0; // transactions so far
  #binary = false; // what Bind asked for
  #on_cancel: (() => void) | null = null;

  /** For `scripted()`. */
  readonly script: Script = async (peer) => {
    const first = await peer.next();
    if (first?.tag === "cancel") {
      this.cancels += 1;
      this.#on_cancel?.();
      return peer.close();
    }
    this.#state = "I";
    peer.send(trust_startup());
    await this.#serve(peer);
  };

  async #serve(peer: Peer): Promise<void> {
    const statements = new Map<string, string>();
    let sql = "";
    let group: Uint8Array[] = []; // answers up to the next Sync
    let failed = false;
    const run = async (text: string) => {
      const answer = failed ? null : await this.#run(text, peer);
      if (answer !== null) group.push(answer.bytes);
      failed ||= answer?.failed ?? false;
    };
    for (;;) {
      const message = await peer.next();
      if (message === null || message.tag === "X") return peer.close();
      switch (message.tag) {
        case "Q":
          for (const text of message.sql.split(";")) await run(text.trim());
          break;
        case "P":
          statements.set(message.name, message.sql);
          sql = message.sql;
          this.prepared.push(sql);
          group.push(parse_complete());
          continue;
        case "D":
          group.push(parameter_description(...parameters_of(sql)), this.#columns(sql));
          continue;
        case "B":
          sql = statements.get(message.statement) ?? "";
          this.#binary = message.result_formats[0] === 1;
          group.push(bind_complete());
          continue;
        case "E":
          await run(sql);
          continue;
        case "S":
          break;
        default:
          continue;
      }
      peer.send(...group, ready(this.#state));
      group = [];
      failed = false;
    }
  }

  async #run(sql: string, peer: Peer): Promise<{ bytes: Uint8Array; failed: boolean }> {
    this.log.push(sql);
    this.transactions.push(this.#state === "I" ? 0 : this.#begun);
    let deed = this.deed(sql);
    if (deed === "reset") {
      peer.reset();
      deed = undefined;
    } else if (deed === "hang") {
      await new Promise<void>((resolve) => this.#on_cancel = resolve);
      deed = "57014";
    }
    const word = sql.split(/\s/, 1)[0]!.toUpperCase();
    if (deed === undefined && this.#state === "E" && !/^(COMMIT|PREPARE|ROLLBACK)$/.test(word)) {
      deed = "25P02";
    }
    const commits = word === "COMMIT" || word === "PREPARE";
    const ends = commits || (word === "ROLLBACK" && !/\bto\b/i.test(sql));
    if (deed !== undefined) {
      this.#state = this.#state === "I" || ends ? "I" : "E";
      return { bytes: error_response(deed, `no: ${sql}`), failed: true };
    }
    const tag = commits && this.#state === "E" ? "ROLLBACK" : word;
    if (ends) this.#state = "I";
    else if (word === "BEGIN" || this.#state === "E") this.#state = "T";
    if (word === "BEGIN") this.#begun += 1;
    if (!returns(sql)) return { bytes: command_complete(tag), failed: false };
    const { type_oid = 25, value = sql } = this.#result(sql) ?? {};
    const is_number = this.#binary && type_oid !== 25 && type_oid !== 17;
    const row = data_row(is_number ? i32(Number(value)) : value);
    return { bytes: concat(row, command_complete("SELECT 1")), failed: false };
  }

  #columns(sql: string): Uint8Array {
    if (!returns(sql)) return no_data();
    return row_description({ name: "a", type_oid: this.#result(sql)?.type_oid ?? 25 });
  }

  #result(sql: string): { readonly type_oid: number; readonly value: string } | undefined {
    return this.results.get(/(\w+)\(/.exec(sql)?.[1] ?? "");
  }
}

/** int8, but for the bytes of lowrite(). */
function parameters_of(sql: string): number[] {
  const oids = Array.from(sql.matchAll(/\$\d+/g), () => 20);
  return sql.includes("lowrite(") ? oids.with(1, 17) : oids;
}

function returns(sql: string): boolean {
  return /^select\b/i.test(sql);
}
