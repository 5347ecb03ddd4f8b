/** A prepared statement that is no longer what it was, at a pooler that shares it by its text. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bind_adapter, InternalError } from "../../../src/entries/core.ts";
import type { FrontendMessage } from "../../support/frontend.ts";
import {
  bind_complete,
  close_complete,
  command_complete,
  concat,
  data_row,
  error_response,
  parameter_description,
  parse_complete,
  ready,
  row_description,
} from "../../support/messages.ts";
import type { Peer } from "../../support/peer.ts";
import { scripted } from "../../support/script.ts";

const RESHAPED = error_response("0A000", "cached plan must not change result type", {
  R: "RevalidateCachedQuery",
});

const GONE = error_response("XX000", "cache lookup failed for type 16384");

/** The client's messages up to Sync. */
async function flight(peer: Peer): Promise<FrontendMessage[]> {
  const messages: FrontendMessage[] = [];
  do messages.push(
    await peer.expect(function anything() {
      return true;
    }),
  ); while (messages.at(-1)!.tag !== "S");
  return messages;
}

function described(column: string): Uint8Array {
  return concat(parse_complete(), parameter_description(), row_description(column));
}

function rows(value: string): Uint8Array {
  return concat(bind_complete(), data_row(value), command_complete("SELECT 1"), ready());
}

describe("a statement that was prepared", () => {
  it("is parsed anew without a name, which no pooler shares, and keeps none", async () => {
    const server = scripted(async (peer) => {
      await peer.start();
      await flight(peer);
      peer.send(described("a"), rows("1"));
      await flight(peer);
      peer.send(RESHAPED, ready());
      const again = await flight(peer);
      assertEquals(again.map(({ tag }) => tag), ["C", "P", "D", "B", "E", "S"]);
      assertEquals(again.flatMap((m) => m.tag === "P" ? [m.name, m.sql] : []), ["", "select *"]);
      peer.send(close_complete(), described("b"), rows("2"));
      const later = await flight(peer);
      assertEquals(later.flatMap((m) => m.tag === "P" ? [m.name] : []), [""]);
      peer.send(parse_complete(), bind_complete(), row_description("b"), data_row("3"));
      peer.send(command_complete("SELECT 1"), ready());
      const other = await flight(peer);
      assertEquals(other.flatMap((m) => m.tag === "P" ? [m.name] : []), ["edgepg_2"]);
      peer.send(described("c"), rows("4"));
      await peer.expect("X");
      peer.close();
    });
    const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable");
    assertEquals(await conn.fetchone("select *"), { a: "1" });
    assertEquals(await conn.fetchone("select *"), { b: "2" });
    assertEquals(await conn.fetchone("select *"), { b: "3" });
    assertEquals(await conn.fetchone("select c"), { c: "4" });
    await conn.close();
    await server.finished();
  });

  it("is parsed anew without a name, too, where it was another client's and its type is gone", async () => {
    const server = scripted(async (peer) => {
      await peer.start();
      const first = await flight(peer);
      peer.send(GONE, ready());
      const again = await flight(peer);
      peer.send(described("a"), rows("1"));
      const names = [...first, ...again].flatMap((m) => m.tag === "P" ? [m.name] : []);
      assertEquals(names, ["edgepg_1", ""]);
      await flight(peer);
      peer.send(GONE, ready()); // once more, and it is told
      await flight(peer);
      peer.send(GONE, ready());
      await peer.expect("X");
      peer.close();
    });
    const conn = await bind_adapter(server).connect("postgres://me@scripted/db?sslmode=disable");
    assertEquals(await conn.fetchone("select *"), { a: "1" });
    await assertRejects(() => conn.fetchone("select b"), InternalError, "type 16384");
    await conn.close();
    await server.finished();
  });
});
