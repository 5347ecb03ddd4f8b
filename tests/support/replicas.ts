/**
 * A primary and a standby that streams from it, where a commit is confirmed when both have it.
 *
 * Source: https://www.postgresql.org/docs/current/warm-standby.html
 *
 * @module
 */

import { connect } from "../../mod.ts";
import { type Cluster, start_cluster } from "./cluster.ts";

/** A standby must not have fewer than the server that its data come from; initdb says 10. */
const SENDERS = 10;

/** Two servers with the same data. */
export class Replicas implements AsyncDisposable {
  /** The one that takes writes, until it is stopped. */
  readonly primary: Cluster;
  /** The other one. */
  readonly standby: Cluster;

  private constructor(primary: Cluster, standby: Cluster) {
    this.primary = primary;
    this.standby = standby;
  }

  /** Starts both; the standby streams when this resolves. */
  static async start(): Promise<Replicas> {
    const primary = await start_cluster({
      template: true,
      settings: {
        wal_level: "replica",
        max_wal_senders: SENDERS,
        wal_keep_size: "256MB",
        synchronous_standby_names: "*",
        synchronous_commit: "on",
      },
    });
    try {
      const standby = await start_cluster({
        data_from: primary,
        files: { "data/standby.signal": "" },
        settings: {
          wal_level: "replica",
          max_wal_senders: SENDERS,
          wal_retrieve_retry_interval: "100ms",
          primary_conninfo: `host=${primary.host} port=${primary.port} user=postgres`,
        },
      });
      const replicas = new Replicas(primary, standby);
      await using admin = await connect(primary.url);
      while (!await admin.fetchval("select 1 from pg_stat_replication where sync_state = 'sync'"));
      return replicas;
    } catch (error) {
      await primary.stop();
      throw error;
    }
  }

  /** Makes the standby a primary; resolves when it takes writes. */
  async promote(): Promise<void> {
    await using admin = await connect(this.standby.url);
    await admin.execute("select pg_promote()");
  }

  /** Stops what runs of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.primary.stop(), this.standby.stop()]);
  }
}
