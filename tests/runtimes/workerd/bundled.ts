/**
 * Loads a bundle of an entry module into workerd, as it was made by a bundler.
 *
 * @module
 */

import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "./workerd.ts";

const WORKER = `
import { connect } from "bundle.mjs";

export default {
  async fetch(request) {
    const conn = await connect(await request.text());
    const row = await conn.fetchone("select 40 + $1::int as sum", [2]);
    await conn.close();
    return new Response(JSON.stringify(row) + "\\n");
  },
};
`;

/** What a worker that reads a row answers. */
export async function read_row_in_workerd(bundle: string, url: string): Promise<string> {
  await using workerd = await serve((directory) => {
    copyFileSync(bundle, join(directory, "bundle.mjs"));
    writeFileSync(join(directory, "worker.mjs"), WORKER);
    return ["worker.mjs", "bundle.mjs"];
  });
  const response = await fetch(workerd.url, { method: "POST", body: url });
  return await response.text();
}
