/**
 * A PostgreSQL that speaks TLS, and shows whatever certificate a test wants.
 *
 * Law: its superuser comes in over the Unix socket, whatever pg_hba.conf says of TCP.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type ConnectOptions } from "../../mod.ts";
import { type Authority, type Credentials, make_authority } from "./authority.ts";
import { type Cluster, start_cluster } from "./cluster.ts";

/** A server with TLS. */
export class TlsCluster implements AsyncDisposable {
  /** Who signed the server's certificate, and whom the server trusts to sign its clients'. */
  readonly authority: Authority;
  /** The server. */
  readonly cluster: Cluster;
  /** The certificate it began with: for `localhost` and 127.0.0.1. */
  readonly credentials: Credentials;

  private constructor(authority: Authority, credentials: Credentials, cluster: Cluster) {
    this.authority = authority;
    this.credentials = credentials;
    this.cluster = cluster;
  }

  /** Starts one. `hba`: what pg_hba.conf says of TCP. `setup`: statements to begin with. */
  static async start(hba: readonly string[], setup: string): Promise<TlsCluster> {
    const authority = await make_authority();
    const subject = { name: "localhost", dns: ["localhost"], ips: ["127.0.0.1"] };
    const credentials = await authority.issue(subject);
    const cluster = await start_cluster({
      settings: {
        ssl: "on",
        ssl_cert_file: "../server.pem",
        ssl_key_file: "../server.key",
        ssl_ca_file: "../ca.pem",
      },
      hba: ["local all all trust", ...hba].join("\n"),
      files: {
        "ca.pem": authority.pem,
        "server.pem": credentials.cert,
        "server.key": credentials.key,
      },
    });
    const started = new TlsCluster(authority, credentials, cluster);
    try {
      await started.ask(setup);
      return started;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** What the superuser is told, on a connection of its own. */
  async ask(question: string, params: readonly unknown[] | null = null): Promise<unknown> {
    const { socket_dir: host, port } = this.cluster;
    await using admin = await connect({ host, port, user: "postgres", dbname: "postgres" });
    return await admin.fetchval(question, params);
  }

  /** The way to it over TCP. */
  options(user: string, more: ConnectOptions = {}): ConnectOptions {
    const { host, port } = this.cluster;
    return { host, port, user, dbname: "postgres", ...more };
  }

  /** From now on new connections are shown this certificate. */
  async present({ cert, key }: Credentials): Promise<void> {
    writeFileSync(join(this.cluster.socket_dir, "server.pem"), cert);
    writeFileSync(join(this.cluster.socket_dir, "server.key"), key);
    // The server obeys the signal before it takes the next connection.
    await this.ask("select pg_reload_conf()");
  }

  /** Stops it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.cluster.stop();
  }
}
