/** The public names: the same from every entry module, and all that the contract lists. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import * as api from "../../mod.ts";

/** Methods and accessors that each class offers. */
const MEMBERS: Readonly<Record<string, string>> = {
  Queryable: `fetchall fetchone fetchval executemany stream copy_to copy_from
    copy_records_to copy_records_from`,
  Pool: `minsize maxsize size freesize waiting timeout echo closed closing acquire release cursor
    clear close terminate wait_closed stats listen`,
  Connection: `cursor close closed begin transaction cancel listen unlisten notify notifies notices
    set_session set_isolation_level set_client_encoding reset xid tpc_begin tpc_prepare tpc_commit
    tpc_rollback tpc_recover lobject get_backend_pid get_parameter_status get_transaction_status
    dsn encoding server_version protocol_version status last_usage autocommit isolation_level`,
  Cursor: `execute executemany callproc mogrify fetchone fetchmany fetchall scroll stream nextset
    copy_to copy_from copy_expert begin begin_nested setinputsizes setoutputsize close closed
    connection timeout echo description rowcount rownumber lastrowid query statusmessage`,
  Transaction: `begin commit rollback is_begin savepoint release_savepoint rollback_savepoint point
    begin_nested`,
  LargeObject: "read write seek tell truncate unlink close readable writable",
  NotificationQueue: "get get_nowait empty qsize close",
};

const NAMES =
  `connect create_pool sql Json Interval Range IsolationLevel TransactionStatus object_row
  tuple_row scalar_row class_row Xid Listener Column Result PgError InterfaceError PoolClosedError
  DatabaseError DataError OperationalError TimeoutError PoolTimeout QueryCanceledError
  TransactionRollbackError IntegrityError InternalError ProgrammingError NotSupportedError
  PoolFullError`;

/** What opens connections. */
const OPENERS: readonly string[] = ["connect", "create_pool"];

/** Entry modules for another package, which have nothing of the API. */
const FOREIGN: readonly string[] = ["./postgres"];

/** Where an entry module differs: what it has instead of `OPENERS`, and besides. */
const ENTRIES: Readonly<
  Record<string, { readonly instead?: readonly string[]; readonly besides?: readonly string[] }>
> = {
  "./core": { instead: ["bind_adapter"] },
  "./websocket": { besides: ["websocket_adapter"] },
  "./pglite": { besides: ["pglite_adapter"] },
};

const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");

describe("the public API", () => {
  it("has every name of the contract", () => {
    for (const name of words(`${NAMES} ${Object.keys(MEMBERS).join(" ")}`)) {
      assert(name in api, `${name} is missing`);
    }
  });

  for (const [type, members] of Object.entries(MEMBERS)) {
    it(`has every member of ${type}`, () => {
      const { prototype } = api[type as keyof typeof api] as unknown as { prototype: object };
      for (const member of words(members)) assert(member in prototype, `${type}.${member}`);
    });
  }

  for (const [entry, path] of Object.entries(config.exports)) {
    if (FOREIGN.includes(entry)) continue;
    it(`is the same from ${entry}`, async () => {
      const module = await import(new URL(`../../${path}`, import.meta.url).href);
      const { instead = OPENERS, besides = [] } = ENTRIES[entry] ?? {};
      const shared = Object.keys(api).filter((name) => !OPENERS.includes(name));
      assertEquals(Object.keys(module).sort(), [...shared, ...instead, ...besides].sort());
    });
  }
});
