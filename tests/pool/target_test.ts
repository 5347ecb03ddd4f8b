/** A pool whose server turns into another kind than target_session_attrs wants. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { TargetSessionAttrs } from "../../src/connection/options/connect_options.ts";
import { bind_adapter } from "../../src/entries/core.ts";
import { InternalError } from "../../src/errors.ts";
import {
  bind_complete,
  command_complete,
  concat,
  data_row,
  error_response,
  parameter_description,
  parameter_status,
  parse_complete,
  ready,
  row_description,
} from "../support/messages.ts";
import { type Peer, turn } from "../support/peer.ts";
import { scripted, type ScriptedServer } from "../support/script.ts";

/** Answers every statement with its number among the sessions; those with `write` fail. */
function server(parameters: Readonly<Record<string, string>>): ScriptedServer {
  let sessions = 0;
  return scripted(async (peer) => {
    const number = String(++sessions);
    await peer.start({ parameters });
    const statements = new Map<string, string>();
    const known = new Set<string>();
    let sql = "";
    for (let m = await peer.next(); m !== null && m.tag !== "X"; m = await peer.next()) {
      if (m.tag === "P") statements.set(m.name, m.sql);
      if (m.tag === "B") sql = statements.get(m.statement)!;
      if (m.tag === "Q") peer.send(command_complete("RESET"), ready());
      if (m.tag === "S") peer.send(answer(sql, number, known.has(sql)), ready());
      if (m.tag === "S") known.add(sql);
    }
    peer.close();
  });
}

function answer(sql: string, number: string, is_known: boolean): Uint8Array {
  if (sql.includes("write")) {
    return error_response("25006", "cannot execute INSERT in a read-only transaction");
  }
  const head = concat(parse_complete(), parameter_description(), row_description("number"));
  const rows = concat(bind_complete(), data_row(number), command_complete("SELECT 1"));
  return is_known ? rows : concat(head, rows);
}

const PRIMARY = { in_hot_standby: "off", default_transaction_read_only: "off" };
const STANDBY = { in_hot_standby: "on", default_transaction_read_only: "off" };

interface Row {
  readonly wanted: TargetSessionAttrs;
  readonly began: Readonly<Record<string, string>>;
  /** What the server reports afterwards. */
  readonly reports: readonly [name: string, value: string];
  readonly replaced: boolean;
}

const READ_ONLY = ["default_transaction_read_only", "on"] as const;
const PROMOTED = ["in_hot_standby", "off"] as const;
const ROWS: readonly Row[] = [
  { wanted: "any", began: PRIMARY, reports: READ_ONLY, replaced: false },
  { wanted: "read-write", began: PRIMARY, reports: READ_ONLY, replaced: true },
  { wanted: "primary", began: PRIMARY, reports: READ_ONLY, replaced: false },
  { wanted: "read-write", began: PRIMARY, reports: ["TimeZone", "UTC"], replaced: false },
  { wanted: "standby", began: STANDBY, reports: PROMOTED, replaced: true },
  { wanted: "read-only", began: STANDBY, reports: PROMOTED, replaced: true },
  { wanted: "prefer-standby", began: STANDBY, reports: PROMOTED, replaced: false },
];

describe("a pool's session", () => {
  async function number_after(
    wanted: TargetSessionAttrs,
    scripted_server: ScriptedServer,
    happens: (peer: Peer, write: () => Promise<unknown>) => Promise<void> | void,
  ): Promise<unknown> {
    const pool = await bind_adapter(scripted_server).create_pool({
      host: "a.test",
      user: "me",
      sslmode: "disable",
      target_session_attrs: wanted,
      maxsize: 1,
    });
    assertEquals(await pool.fetchval("select"), "1");
    await happens(scripted_server.peers[0]!, () => pool.execute("write"));
    await turn();
    const number = await pool.fetchval("select");
    pool.terminate();
    await pool.wait_closed();
    await scripted_server.finished();
    return number;
  }

  for (const { wanted, began, reports, replaced } of ROWS) {
    const outcome = replaced ? "is replaced" : "stays";
    it(`${outcome} under ${wanted} when the server reports ${reports.join("=")}`, async () => {
      const number = await number_after(wanted, server(began), (peer) => {
        peer.send(parameter_status(...reports));
      });
      assertEquals(number, replaced ? "2" : "1");
    });
  }

  for (const wanted of ["any", "prefer-standby", "read-write", "primary"] as const) {
    const replaced = wanted === "read-write" || wanted === "primary";
    it(`${replaced ? "is replaced" : "stays"} under ${wanted} after a write was refused`, async () => {
      const began = wanted === "prefer-standby" ? STANDBY : PRIMARY;
      const number = await number_after(wanted, server(began), async (_, write) => {
        await assertRejects(write, InternalError, "read-only transaction");
      });
      assertEquals(number, replaced ? "2" : "1");
    });
  }
});
