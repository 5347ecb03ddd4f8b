/**
 * Loads into workerd what was made by a bundler.
 *
 * @module
 */

import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, bundle_for_workerd } from "../../support/bundle.ts";
import { serve, type Workerd, type WorkerdOptions } from "./workerd.ts";

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

/** What a worker answers that reads a row by a bundle of an entry module. */
export async function read_row_in_workerd(bundle: string, url: string): Promise<string> {
  await using workerd = await serve((directory) => {
    copyFileSync(bundle, join(directory, "bundle.mjs"));
    writeFileSync(join(directory, "worker.mjs"), WORKER);
    return ["worker.mjs", "bundle.mjs"];
  });
  const response = await fetch(workerd.url, { method: "POST", body: url });
  return await response.text();
}

/** As `start_workerd()`, for a worker that imports packages. */
export function start_bundled({ worker, ...surroundings }: WorkerdOptions): Promise<Workerd> {
  return serve((directory) => {
    bundle(bundle_for_workerd(worker, join(directory, "worker.mjs")));
    return ["worker.mjs"];
  }, surroundings);
}
