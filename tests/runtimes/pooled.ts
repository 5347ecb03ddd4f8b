/**
 * A strict pooler of transactions in front of a server of its own.
 *
 * @module
 */

import { type Cluster, start_cluster } from "../support/cluster.ts";
import { FakePooler } from "../support/fake_pooler.ts";

const SERVER_CONNECTIONS = 3;

/** Both of them. */
export class Pooled implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #pooler: FakePooler;

  private constructor(cluster: Cluster, pooler: FakePooler) {
    this.#cluster = cluster;
    this.#pooler = pooler;
  }

  /** Starts them. */
  static async start(): Promise<Pooled> {
    const cluster = await start_cluster();
    const { host, port } = cluster;
    const server = { host, port, user: "postgres", database: "postgres" };
    return new Pooled(cluster, await FakePooler.start(server, SERVER_CONNECTIONS));
  }

  /** The way to the server, through the pooler. */
  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.#pooler.port}/postgres`;
  }

  /** What clients asked of it that no pooler of transactions has to give. */
  get complaints(): readonly string[] {
    return this.#pooler.complaints;
  }

  /** Stops them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pooler[Symbol.asyncDispose]();
    await this.#cluster.stop();
  }
}
