/**
 * How much processor time a server on this machine has spent, in all its processes.
 *
 * Law: only what Linux tells of processes is used, so elsewhere nothing is known.
 *
 * Source: proc_pid_schedstat(5), proc_pid_stat(5)
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import postgres from "postgres";

/** Milliseconds since the server began. */
export type ServerClock = () => number;

const TICK = 10; // ms; USER_HZ is 100 on every Linux that there is
// Fields of proc_pid_stat(5), of which the first two are left out.
const PARENT = 4 - 3;
const CHILDREN_USER = 16 - 3;
const CHILDREN_SYSTEM = 17 - 3;

/** The clock of the server that `url` names; null where it cannot be read. */
export async function server_clock(url: string): Promise<ServerClock | null> {
  const sql = postgres(url, { max: 1 });
  try {
    const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
    const postmaster = Number(stat(pid)[PARENT]);
    return stat(postmaster).length > 0 ? () => spent(postmaster) : null;
  } catch {
    return null; // on another machine, or another system
  } finally {
    await sql.end();
  }
}

/** Of those that live, by the nanosecond; of those that have ended, by the tick. */
function spent(postmaster: number): number {
  const family = stat(postmaster);
  let total = (Number(family[CHILDREN_USER]) + Number(family[CHILDREN_SYSTEM])) * TICK;
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!pid || (pid !== postmaster && Number(stat(pid)[PARENT]) !== postmaster)) continue;
    total += Number(read(`/proc/${pid}/schedstat`).split(" ")[0]) / 1e6;
  }
  return total;
}

/** The fields behind the command's name, which may hold blanks. */
function stat(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ").filter((field) => field !== "");
}

/** Empty where there is none: processes come and go. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
