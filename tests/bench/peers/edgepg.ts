/** edgepg, as its README uses it. */

import { connect, tuple_row } from "../../../mod.ts";
import type { Peer } from "../peer.ts";

/** This module. */
export const edgepg: Peer = {
  name: "edgepg",

  async open(url) {
    const conn = await connect(url);
    return {
      rows: (query, values) => conn.fetchall(query, values ?? []),
      tuples: (query) => conn.fetchall(query, [], { row_factory: tuple_row }),
      rows_once: (query) => conn.fetchall(query, []),
      close: () => conn.close(),
    };
  },
};
