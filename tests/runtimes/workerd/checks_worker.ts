/**
 * Runs in workerd: the checks that all runtimes share, and the same through `mod.ts`.
 *
 * @module
 */

import * as detected from "../../../mod.ts";
import * as bound from "../../../src/entries/workerd.ts";
import { CHECKS } from "../checks.ts";
import { POOLER_CHECKS } from "../pooler_checks.ts";

const ALL = { ...CHECKS, ...POOLER_CHECKS };

/** What a request carries. */
export interface CheckTask {
  /** Which check. */
  readonly name: string;
  /** Whose API: the entry module's, or that of the module that looks where it runs. */
  readonly entry: "workerd" | "mod";
  /** The database. */
  readonly url: string;
}

let escaped = 0;
addEventListener("unhandledrejection", () => {
  escaped++;
});

export default {
  /** Answers with what went wrong, or null, and how many rejections nobody has handled so far. */
  async fetch(request: Request): Promise<Response> {
    const { name, entry, url } = await request.json() as CheckTask;
    const check = ALL[name]!(entry === "mod" ? detected : bound, url);
    const failure = await check.then(() => null, (error) => String(error?.stack ?? error));
    await new Promise((resolve) => setTimeout(resolve)); // the turn in which rejections would escape
    return Response.json({ failure, escaped });
  },
};
