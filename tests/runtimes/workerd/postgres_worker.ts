/**
 * Runs in workerd: the `postgres` package over the sockets of edgepg.
 *
 * @module
 */

import postgres from "postgres";
import { socket_for } from "../../../src/entries/postgres.ts";
import { type Open, POSTGRES_CHECKS } from "../postgres_checks.ts";

/** What a request carries. */
export interface PostgresTask {
  /** One of `POSTGRES_CHECKS`. */
  readonly name: string;
  /** The database. */
  readonly url: string;
}

/** Opens clients until it is disposed of. */
class Clients implements AsyncDisposable {
  readonly #url: string;
  readonly #all: postgres.Sql[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  readonly open: Open = (more = {}) => {
    const make = socket_for();
    let sockets = 0;
    const socket = (given: Parameters<typeof make>[0]) => (sockets++, make(given));
    const options = { ssl: false, max: 3, onnotice() {}, ...more, socket };
    const sql = postgres(this.#url, options as object);
    this.#all.push(sql);
    return { sql, sockets: () => sockets };
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((sql) => sql.end({ timeout: 1 })));
  }
}

async function run({ name, url }: PostgresTask): Promise<void> {
  await using clients = new Clients(url);
  await POSTGRES_CHECKS[name]!(clients.open);
}

let escaped = 0;
addEventListener("unhandledrejection", () => {
  escaped++;
});

export default {
  /** Answers with what went wrong, or null, and how many rejections nobody has handled so far. */
  async fetch(request: Request): Promise<Response> {
    const task = await request.json() as PostgresTask;
    const failure = await run(task).then(() => null, (error) => String(error?.stack ?? error));
    await new Promise((resolve) => setTimeout(resolve)); // the turn in which rejections would escape
    return Response.json({ failure, escaped });
  },
};
