/**
 * Logs in through a proxy and says how that went. Apart from the suite, since only a process that
 * begins with `NODE_EXTRA_CA_CERTS` trusts the suite's authority. Arguments: the proxy; host; port.
 */

import process from "node:process";
import { connect } from "../../../src/entries/websocket.ts";

const [proxy, host, port] = process.argv.slice(2) as [string, string, string];

try {
  const options = { host, port, user: "me", password: "s3cret", dbname: "db", proxy };
  await using _conn = await connect(options);
  console.log("logged in");
} catch (error) {
  console.log(error instanceof Error ? error.message.split("\n")[0] : error);
}
