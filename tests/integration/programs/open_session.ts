/**
 * Opens a connection with the options given as JSON; prints who it is, or why it failed, as JSON.
 *
 * @module
 */

import process from "node:process";
import { connect } from "../../../mod.ts";

const WHO = `select current_user as user, current_database() as dbname,
  current_setting('application_name') as application_name,
  (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as ssl`;

try {
  const connection = await connect(JSON.parse(process.argv[2] ?? "{}"));
  console.log(JSON.stringify(await connection.fetchone(WHO)));
  await connection.close();
} catch (error) {
  const { name, message } = error as Error;
  console.log(JSON.stringify({ error: `${name}: ${message}` }));
}
