/**
 * Runs in workerd: connects as a request says, and answers with how that went.
 *
 * @module
 */

import { connect, type ConnectOptions, type PgError } from "../../../src/entries/workerd.ts";

/** What a request is answered with. */
export interface TlsOutcome {
  /** What the server says of the connection, unless it failed. */
  readonly encrypted?: boolean;
  /** Else the error's class. */
  readonly error?: string;
  /** And its whole message. */
  readonly message?: string;
  /** Seconds that it took. */
  readonly seconds: number;
  /** Rejections that nobody handled so far. */
  readonly escaped: number;
}

const IS_ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

let escaped = 0;
addEventListener("unhandledrejection", () => {
  escaped++;
});

async function ask(options: ConnectOptions): Promise<Partial<TlsOutcome>> {
  try {
    await using conn = await connect(options);
    await conn.execute("select $1::bytea", [new Uint8Array(1_000_000)]);
    const slow = conn.execute("select pg_sleep(60)").catch(() => {});
    await conn.cancel(); // by a socket of its own, encrypted likewise
    await slow;
    return { encrypted: await conn.fetchval<boolean>(IS_ENCRYPTED) === true };
  } catch (error) {
    const { name, message } = error as PgError;
    return { error: name, message };
  }
}

export default {
  async fetch(request: Request): Promise<Response> {
    const options = await request.json() as ConnectOptions;
    const began = performance.now();
    const outcome = await ask(options);
    const seconds = (performance.now() - began) / 1000;
    await new Promise((resolve) => setTimeout(resolve)); // the turn in which rejections would escape
    return Response.json({ ...outcome, seconds, escaped });
  },
};
